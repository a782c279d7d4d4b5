#include "actors/extension/audit_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace troupe {

namespace {

constexpr mode_t file_mode = 0640;
/// Is read at a time. Small for the fuzzers, so that lines lie across its border.
#ifdef TROUPE_FUZZ
constexpr off_t block = 64;
#else
constexpr off_t block = 64 << 10;
#endif

std::string hex(std::int64_t n) {
  char text[20] = "0x";
  auto end = std::to_chars(text + 2, std::end(text), static_cast<std::uint64_t>(n), 16).ptr;
  return {text, end};
}

std::int64_t number_of(const std::string& hex) {
  std::uint64_t n = 0;
  auto [end, failed] =
      std::from_chars(hex.data() + std::min<std::size_t>(2, hex.size()), hex.data() + hex.size(), n, 16);
  if (failed != std::errc{} || end != hex.data() + hex.size() || !hex.starts_with("0x"))
    throw std::runtime_error("'" + hex + "' is no zxid");
  return static_cast<std::int64_t>(n);
}

const char* type_of(feed::change::kind k) {
  using kind = feed::change::kind;
  switch (k) {
    case kind::created:
      return "created";
    case kind::deleted:
      return "deleted";
    case kind::data_changed:
      return "changed";
    case kind::acl_changed:
      return "acl-changed";
    case kind::session_opened:
      return "session-opened";
    case kind::session_closed:
      break;
  }
  return "session-closed";
}

std::string line_of(const nlohmann::ordered_json& j) {
  return j.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace

std::vector<std::string> audit_lines(const feed::transaction& t) {
  using kind = feed::change::kind;
  std::vector<std::string> out;
  for (std::size_t i = 0; i < t.changes.size(); ++i) {
    auto& c = t.changes[i];
    nlohmann::ordered_json j;
    j["zxid"] = hex(t.zxid), j["time"] = t.time_ms, j["session"] = hex(t.session), j["type"] = type_of(c.what);
    if (c.what == kind::session_opened || c.what == kind::session_closed)
      j["of"] = hex(c.session);
    else
      j["path"] = c.path;
    if (c.what == kind::created || c.what == kind::data_changed || c.what == kind::acl_changed)
      j["version"] = c.version;
    if (c.ephemeral_owner) j["owner"] = hex(c.ephemeral_owner);
    if (i + 1 == t.changes.size()) j["last"] = true;
    out.push_back(line_of(j));
  }
  return out;
}

audit_file::audit_file(std::filesystem::path path, sync s) : path_(std::move(path)), sync_(s) {
  fd_.reset(::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, file_mode));
  if (fd_.get() < 0) throw std::runtime_error(path_.string() + ": " + std::generic_category().message(errno));
  if (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0)
    throw std::runtime_error(path_.string() + ": is being written already");
  try {
    recover();
  } catch (const std::exception& e) {
    throw std::runtime_error(path_.string() + ": cannot be continued: " + e.what());
  }
}

/// Reads from the end backwards as far as the last transaction reaches.
void audit_file::recover() {
  auto size = ::lseek(fd_.get(), 0, SEEK_END);
  std::string tail;
  auto from = size;
  auto read_more = [&] {
    auto n = std::min(block, from);
    std::string part(static_cast<std::size_t>(n), 0);
    from -= n;
    if (::pread(fd_.get(), part.data(), part.size(), from) != static_cast<ssize_t>(n))
      throw std::runtime_error("cannot be read");
    tail.insert(0, part);
  };
  while (tail.find('\n') == tail.npos && from > 0) read_more();
  auto end = tail.rfind('\n');
  auto whole = end == tail.npos ? off_t{0} : from + static_cast<off_t>(end) + 1;
  if (whole < size && ::ftruncate(fd_.get(), whole) != 0)
    throw std::runtime_error("a torn line at its end cannot be cut off: " + std::generic_category().message(errno));
  if (whole == 0) return;
  tail.resize(end + 1);
  for (std::size_t lines = 0;; ++lines) {
    // The line before `end`, which is a newline.
    while (from > 0 && (end == 0 || tail.rfind('\n', end - 1) == tail.npos)) {
      auto before = tail.size();
      read_more();
      end += tail.size() - before;
    }
    auto begin = end == 0 ? tail.npos : tail.rfind('\n', end - 1);
    begin = begin == tail.npos ? 0 : begin + 1;
    auto j = nlohmann::json::parse(tail.substr(begin, end - begin));
    bool gap = j.at("type") == "gap";
    auto zxid = number_of(j.at(gap ? "first" : "zxid").get<std::string>());
    if (lines == 0) {
      after_ = zxid;
      if (gap || j.value("last", false)) return;
      after_ = zxid - 1, skip_ = 1;
    } else if (!gap && zxid == after_ + 1) {
      ++skip_;
    } else {
      return;
    }
    if (begin == 0 && from == 0) return;
    end = begin - 1;
  }
}

void audit_file::append(const feed::batch& b) {
  std::string out;
  if (b.too_old) {
    nlohmann::ordered_json j;
    j["type"] = "gap", j["after"] = hex(after_), j["first"] = hex(b.first);
    out = line_of(j);
    after_ = b.first, skip_ = 0;
  }
  for (auto& t : b.list) {
    auto lines = audit_lines(t);
    for (auto i = std::exchange(skip_, 0); i < lines.size(); ++i) out += lines[i];
    after_ = t.zxid;
  }
  write(out);
}

void audit_file::write(const std::string& out) {
  if (out.empty()) return;
  for (std::size_t at = 0; at < out.size();) {
    auto n = ::write(fd_.get(), out.data() + at, out.size() - at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) throw std::runtime_error(path_.string() + ": " + std::generic_category().message(errno));
    at += static_cast<std::size_t>(n);
  }
  if (sync_ == sync::batch && ::fdatasync(fd_.get()) != 0)
    throw std::runtime_error(path_.string() + ": " + std::generic_category().message(errno));
}

}  // namespace troupe

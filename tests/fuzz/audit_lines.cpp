/// A file of audit lines that is gone on with (actors/extension/audit_file). Whatever stands in it, opening it finds after
/// which transaction to go on, or throws an error with the file's name, but not of a file that we wrote; and what is
/// appended then is found the next time. Of what was there only a torn line at the end goes.
///
/// The input: modes, then lines of packed fields, or the file as it is.

#include <sys/mman.h>
#include <unistd.h>

#include <vector>

#include "actors/extension/audit_file.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using namespace troupe;

feed::transaction transaction(zxid_t zxid, std::size_t changes, std::string_view path) {
  feed::transaction t;
  t.zxid = zxid, t.time_ms = 1'700'000'000'000, t.session = 7;
  for (std::size_t i = 0; i < changes; ++i) {
    feed::change c{};
    c.what = i % 5 == 4 ? feed::change::kind::session_closed : feed::change::kind::created;
    c.path = path, c.session = 7, c.version = static_cast<std::int32_t>(i);
    t.changes.push_back(c);
  }
  return t;
}

/// `ours`: nobody but us wrote it, and at most its end was torn.
std::string lines(fuzz::input& in, bool& ours) {
  std::string out;
  bool torn = false;
  zxid_t zxid = make_zxid(1, 0);
  for (int n = 0; !in.empty() && n < 3; ++n) {
    auto packed = in.u8();
    zxid += packed & 3;
    ours = ours && !torn && !(packed & 4);
    torn = packed & 0x40;
    if (packed & 4) {
      out.append(in.string());
      continue;
    }
    auto all = audit_lines(transaction(zxid, 1 + (packed >> 3 & 1), in.string()));
    for (auto& line : all) out += line;
    if (packed & 0x20) out.resize(out.size() - all.back().size());  // not all of them were written
    if (packed & 0x40) out.resize(out.size() - std::min<std::size_t>(out.size(), in.u8()));
  }
  return out;
}

/// The audit file opens what it goes on with by its name.
struct file {
  file() : fd(::memfd_create("audit", 0)), name("/proc/self/fd/" + std::to_string(fd)) { FUZZ_CHECK(fd >= 0); }
  void set(std::string_view bytes) {
    FUZZ_CHECK(::ftruncate(fd, 0) == 0);
    FUZZ_CHECK(::pwrite(fd, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  }
  std::string get() const {
    std::string out(static_cast<std::size_t>(::lseek(fd, 0, SEEK_END)), '\0');
    FUZZ_CHECK(::pread(fd, out.data(), out.size(), 0) == static_cast<ssize_t>(out.size()));
    return out;
  }
  int fd;
  std::string name;
};

void fuzz_one(std::string_view bytes) {
  static file f;
  fuzz::input in(bytes);
  auto modes = in.u8();
  bool ours = !(modes & 1);
  const auto before = modes & 1 ? std::string(in.rest()) : lines(in, ours);
  f.set(before);
  zxid_t next = 0;
  try {
    audit_file audit(f.name, audit_file::sync::never);
    auto kept = f.get();
    FUZZ_CHECK(before.starts_with(kept) && before.find('\n', kept.size()) == before.npos);
    FUZZ_CHECK(kept.empty() || kept.back() == '\n');
    if (audit.after() < 0 || audit.after() > INT64_MAX - 8) return;  // of no transaction
    next = audit.after() + 4;
    feed::batch b;
    b.list.push_back(transaction(audit.after() + 1, 1, "/one")), b.list.push_back(transaction(next, 1, "/two"));
    audit.append(b);
    FUZZ_CHECK(f.get().starts_with(kept));
  } catch (const std::runtime_error& e) {
    FUZZ_CHECK(!ours && std::string_view(e.what()).starts_with(f.name), e.what());
    return;
  }
  FUZZ_CHECK(audit_file(f.name, audit_file::sync::never).after() == next);
}

}  // namespace

TROUPE_FUZZER(audit_lines);

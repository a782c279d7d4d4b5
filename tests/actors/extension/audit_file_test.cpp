#include "actors/extension/audit_file.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

using namespace troupe;
using kind = feed::change::kind;

namespace {

struct scratch {
  scratch() {
    char name[] = "/tmp/troupe-audit-XXXXXX";
    dir = ::mkdtemp(name);
  }
  ~scratch() { std::filesystem::remove_all(dir); }
  std::filesystem::path file() const { return dir / "audit.jsonl"; }
  std::string text() const {
    std::ostringstream out;
    out << std::ifstream(file(), std::ios::binary).rdbuf();
    return out.str();
  }
  void put(const std::string& s) const { std::ofstream(file(), std::ios::binary) << s; }
  std::filesystem::path dir;
};

zxid_t zxid_of(std::uint32_t counter) { return make_zxid(1, counter); }

/// Transaction `n` has n % 4 changes: none at all now and then.
feed::transaction transaction(std::uint32_t n) {
  feed::transaction t{zxid_of(n), 1'700'000'000'000 + n, 0x1000 + n, {}};
  for (std::uint32_t i = 0; i < n % 4; ++i) {
    feed::change c;
    c.what = static_cast<kind>((n + i) % 6);
    c.path = "/node \"" + std::to_string(n) + "\"";
    c.version = static_cast<std::int32_t>(i), c.session = 0x77;
    t.changes.push_back(c);
  }
  return t;
}

feed::batch after(zxid_t from, std::uint32_t upto, std::size_t max = 1000) {
  feed::batch b;
  for (auto n = counter_of(from) + 1; n <= upto && b.list.size() < max; ++n) b.list.push_back(transaction(n));
  return b;
}

constexpr auto never = audit_file::sync::never;

/// What an uninterrupted writer leaves.
std::string whole(std::uint32_t upto) {
  std::string out;
  for (auto& t : after(zxid_of(0), upto).list)
    for (auto& l : audit_lines(t)) out += l;
  return out;
}

}  // namespace

TEST_CASE("each change is a line of JSON with what it is about") {
  feed::transaction t{zxid_of(3), 1'700'000'000'000, 0x1000000000000001, {}};
  for (auto k : {kind::created, kind::deleted, kind::data_changed, kind::acl_changed, kind::session_opened,
                 kind::session_closed}) {
    feed::change c;
    c.what = k, c.path = "/\xc3\xa4 \"quoted\"\\", c.version = 7, c.session = 0x99;
    t.changes.push_back(c);
  }
  auto lines = audit_lines(t);
  REQUIRE(lines.size() == 6);
  const char* types[] = {"created", "deleted", "changed", "acl-changed", "session-opened", "session-closed"};
  for (std::size_t i = 0; i < 6; ++i) {
    auto j = nlohmann::json::parse(lines[i]);
    CHECK(j["zxid"] == "0x100000003");
    CHECK(j["time"] == 1'700'000'000'000);
    CHECK(j["session"] == "0x1000000000000001");
    CHECK(j["type"] == types[i]);
    CHECK(j.contains("path") == (i < 4));
    CHECK(j.contains("of") == (i >= 4));
    CHECK(j.contains("version") == (i == 0 || i == 2 || i == 3));
    CHECK(j.value("last", false) == (i == 5));
    if (i < 4) CHECK(j["path"] == "/\xc3\xa4 \"quoted\"\\");
    CHECK(lines[i].find('\n') == lines[i].size() - 1);
  }
}

TEST_CASE("who opens the file again goes on behind the last line, wherever it was torn") {
  scratch s;
  auto all = whole(12);
  for (std::size_t cut = 0; cut <= all.size(); ++cut) {
    s.put(all.substr(0, cut));
    {
      audit_file f(s.file(), never);
      CHECK(f.after() <= zxid_of(12));
      f.append(after(f.after(), 9));
      f.append(after(std::max(f.after(), zxid_of(9)), 12));
    }
    REQUIRE(s.text() == all);
    std::filesystem::remove(s.file());
  }
}

TEST_CASE("a file with lines longer than what is read at a time is continued as well") {
  scratch s;
  feed::transaction t{zxid_of(1), 1, 1, {}};
  for (int i = 0; i < 5; ++i) {
    feed::change c;
    c.path = "/" + std::string(50'000, static_cast<char>('a' + i));
    t.changes.push_back(c);
  }
  std::string all;
  for (auto& l : audit_lines(t)) all += l;
  for (std::size_t cut : {std::size_t{0}, all.size() / 2, all.size() - 60'000, all.size() - 1, all.size()}) {
    s.put(all.substr(0, cut));
    audit_file f(s.file(), never);
    CHECK(f.after() == (cut == all.size() ? zxid_of(1) : cut == 0 ? 0 : zxid_of(0)));
    if (cut < all.size()) f.append({{t}, false, 0});
    CHECK(s.text() == all);
  }
}

TEST_CASE("it is continued wherever the border of what is read at a time falls") {
  scratch s;
  const auto before = audit_lines(transaction(1)).front();
  feed::transaction t = transaction(2);
  t.changes.resize(2);
  const auto block = std::size_t{64} << 10;
  for (auto torn = block - 2; torn <= block + 2; ++torn) {
    CAPTURE(torn);
    s.put(before + std::string(torn, '{'));
    CHECK(audit_file(s.file(), never).after() == zxid_of(1));
    CHECK(s.text() == before);
    // The same with a whole line, of a transaction of which another one is missing.
    t.changes[0].path.assign(torn - audit_lines(feed::transaction{t.zxid, t.time_ms, t.session, {{}, {}}})[0].size(),
                             'x');
    auto line = audit_lines(t)[0];
    CHECK(line.size() == torn);
    s.put(before + line);
    CHECK(audit_file(s.file(), never).after() == zxid_of(1));
  }
}

TEST_CASE("what the log no longer had is said in the file, which goes on behind it") {
  scratch s;
  {
    audit_file f(s.file(), audit_file::sync::batch);
    f.append(after(zxid_of(0), 3));
    f.append({{}, true, zxid_of(7)});
    CHECK(f.after() == zxid_of(7));
  }
  audit_file f(s.file(), never);
  CHECK(f.after() == zxid_of(7));
  f.append(after(f.after(), 9));
  auto text = s.text();
  CHECK(text.find(R"({"type":"gap","after":"0x100000003","first":"0x100000007"})") != text.npos);
  CHECK(text.ends_with(audit_lines(transaction(9)).back()));
}

TEST_CASE("a gap behind a transaction of which only some lines are there completes nothing, and says so") {
  scratch s;
  auto lines = audit_lines(transaction(3));
  s.put(lines[0]);
  audit_file f(s.file(), never);
  CHECK(f.after() == zxid_of(2));
  f.append({{}, true, zxid_of(7)});
  f.append(after(zxid_of(7), 9));
  CHECK(s.text().ends_with(audit_lines(transaction(9)).back()));
  CHECK(s.text().find("\"after\":\"0x100000002\"") != std::string::npos);
}

TEST_CASE("a file that is none of ours, or in use, is refused") {
  scratch s;
  s.put("this is somebody's diary\n");
  CHECK_THROWS_AS(audit_file(s.file(), never), std::runtime_error);
  CHECK(s.text() == "this is somebody's diary\n");
  s.put("");
  audit_file f(s.file(), never);
  CHECK_THROWS_AS(audit_file(s.file(), never), std::runtime_error);
  CHECK_THROWS_AS(audit_file(s.dir / "no" / "such" / "directory", never), std::runtime_error);
}

#include "tests/sim/tree_hash.hpp"

#include <string>
#include <vector>

namespace troupe::sim {

namespace {

struct sum {
  std::uint64_t all = 0;
  std::uint64_t one = 1469598103934665603ull;
  void bytes(std::string_view s) {
    for (unsigned char c : s) one = (one ^ c) * 1099511628211ull;
    number(s.size());
  }
  void number(std::uint64_t v) {
    one = (one ^ v) * 1099511628211ull;
    one ^= one >> 31;
  }
  void next() {  // a sum, so that the order of children does not count
    all += one * 0x9e3779b97f4a7c15ull;
    one = 1469598103934665603ull;
  }
};

void add(sum& s, const tree::database& db, const std::string& path) {
  auto* z = db.find(path);
  if (!z) throw std::logic_error("a child that its parent names is not there: " + path);
  std::string text;
  jute::writer w(text);
  zk::write(w, db.stat_of(*z));
  if (auto acl = db.acl_of(*z)) zk::write(w, *acl);
  s.bytes(path), s.bytes(db.data_of(*z)), s.bytes(text), s.number(static_cast<std::uint64_t>(db.creates_of(*z)));
  s.next();
  std::vector<std::string> children;
  db.for_each_child(*z, [&](std::string_view name) { children.emplace_back(name); });
  for (auto& c : children) add(s, db, (path == "/" ? "/" : path + "/") + c);
}

}  // namespace

std::uint64_t tree_hash(const tree::database& db) {
  sum s;
  add(s, db, "/");
  db.for_each_session([&](session_id id, const tree::database::session_info& i) {
    s.number(static_cast<std::uint64_t>(id)), s.number(static_cast<std::uint64_t>(i.timeout_ms));
    s.next();
  });
  return s.all;
}

}  // namespace troupe::sim

#pragma once
/// A checkpoint in memory, and the proof that it holds the database that it was taken of.

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cluster/tree/database.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace troupe::fuzz {

class tables {
 public:
  void take(tree::database& db) {
    for (auto& e : db.take_delta().entries) {
      auto key = std::pair{order(e.where), e.key};
      if (e.value.empty())
        FUZZ_CHECK(stored_.erase(key) == 1, "erases what was never stored: " + std::to_string(e.key));
      else
        stored_[key] = std::move(e.value);
    }
  }
  void load(tree::database& into, zxid_t zxid) const {
    static constexpr tree::table in_order[] = {tree::table::meta, tree::table::acls, tree::table::nodes,
                                               tree::table::sessions};
    for (auto& [key, value] : stored_) into.load({in_order[key.first], key.second, value});
    into.loaded(zxid);
  }

 private:
  /// As they are loaded: what others refer to first.
  static int order(tree::table t) {
    return t == tree::table::meta ? 0 : t == tree::table::acls ? 1 : t == tree::table::nodes ? 2 : 3;
  }
  std::map<std::pair<int, std::uint64_t>, std::string> stored_;
};

/// Every znode is found by the path that it says it has, and the counters are those of what is there.
inline void check_tree(const tree::database& db) {
  std::size_t nodes = 0, bytes = 0, ephemerals = 0;
  std::vector<std::string> open{"/"};
  while (!open.empty()) {
    auto path = std::move(open.back());
    open.pop_back();
    auto* n = db.find(path);
    FUZZ_CHECK(n != nullptr, path);
    FUZZ_CHECK(db.path_of(*n) == path, path);
    ++nodes, bytes += path.size() + db.data_of(*n).size();
    ephemerals += db.stat_of(*n).ephemeral_owner != 0;
    db.for_each_child(*n,
                      [&](std::string_view name) { open.push_back((path == "/" ? path : path + "/").append(name)); });
  }
  FUZZ_CHECK(nodes == db.node_count(), std::to_string(nodes) + " of " + std::to_string(db.node_count()));
  FUZZ_CHECK(bytes == db.data_size(), std::to_string(bytes) + " of " + std::to_string(db.data_size()));
  FUZZ_CHECK(ephemerals == db.ephemeral_count());
}

inline void check_same(const tree::database& a, const tree::database& b) {
  FUZZ_CHECK(a.node_count() == b.node_count());
  FUZZ_CHECK(a.data_size() == b.data_size());
  FUZZ_CHECK(a.ephemeral_count() == b.ephemeral_count());
  FUZZ_CHECK(a.session_count() == b.session_count());
}

}  // namespace troupe::fuzz

#include "actors/recipes/mirror.hpp"

#include <set>

namespace troupe::recipes {

std::vector<std::string> mirror::apply(const client::changes& c) {
  std::set<std::string> touched;
  for (auto& one : c.list) {
    switch (one.type) {
      case zk::event::node_created:
        nodes_[one.path] = {one.data, one.version, one.ephemeral_owner, c.zxid, c.zxid};
        break;
      case zk::event::node_data_changed: {
        auto& n = nodes_[one.path];
        n.data = one.data, n.version = one.version, n.mzxid = c.zxid;
        break;
      }
      case zk::event::node_deleted:
        nodes_.erase(one.path);
        break;
      default:
        continue;
    }
    touched.insert(one.path);
  }
  zxid_ = c.zxid;
  return {touched.begin(), touched.end()};
}

std::vector<std::string> mirror::apply(const client::state& s) {
  contents now;
  for (auto& one : s.list) now[one.path] = {one.data, one.version, one.ephemeral_owner, one.czxid, one.mzxid};
  std::set<std::string> touched;
  for (auto& [path, n] : now)
    if (auto* before = find(path); !before || *before != n) touched.insert(path);
  for (auto& [path, n] : nodes_)
    if (!now.contains(path)) touched.insert(path);
  nodes_ = std::move(now), zxid_ = s.zxid, ready_ = true;
  return {touched.begin(), touched.end()};
}

}  // namespace troupe::recipes

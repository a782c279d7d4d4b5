#include "cluster/commit/subscription_state.hpp"

#include <algorithm>

#include "schema/client.capnp.h"
#include "schema/flat_message.hpp"

namespace troupe::commit {

namespace {

constexpr std::size_t bytes_of_a_znode = 64;  ///< beside its path and data

struct item {
  std::string path;
  const tree::znode* node;
};

/// The znodes to tell of, and what they take.
struct collector {
  const tree::database& db;
  std::span<const zk::id> creds;
  bool with_data;
  std::vector<item> items{};
  std::size_t bytes = 0;

  /// False: too much.
  bool add(std::string path, const tree::znode& n) {
    bytes += bytes_of_a_znode + path.size();
    if (tree::allowed(db.acl_of(n), zk::perm::read, creds)) {
      if (with_data) bytes += db.data_of(n).size();
      items.push_back({std::move(path), &n});
    }
    return bytes <= max_state_bytes;
  }
  /// Calls f(path, child) for each child until it says false.
  template <class F>
  bool children(const std::string& path, const tree::znode& n, F f) {
    if (db.child_count(n) > max_state_bytes / bytes_of_a_znode) return false;
    bool fits = true;
    db.for_each_child(n, [&](std::string_view name) {
      if (!fits) return;
      auto child = path == "/" ? std::string() : path;
      child.append("/").append(name);
      auto* at = db.find(child);
      fits = f(std::move(child), *at);
    });
    return fits;
  }
  /// Not by recursion: a client decides how deep the tree is.
  bool subtree(const std::string& path, const tree::znode& n) {
    std::vector<item> open{{path, &n}};
    std::size_t waiting = 0;
    while (!open.empty()) {
      auto at = std::move(open.back());
      open.pop_back();
      if (!add(at.path, *at.node)) return false;
      auto fits = children(at.path, *at.node, [&](std::string child, const tree::znode& c) {
        waiting += bytes_of_a_znode + child.size();
        open.push_back({std::move(child), &c});
        return waiting <= max_state_bytes;
      });
      if (!fits) return false;
    }
    return true;
  }
};

std::size_t size_of(const collector& c, const item& i) {
  return bytes_of_a_znode + i.path.size() + (c.with_data ? c.db.data_of(*i.node).size() : 0);
}

void fill(wire::StateItem::Builder to, const collector& c, const item& i) {
  wire::set_text(to.initPath(static_cast<unsigned>(i.path.size())), i.path);
  if (c.with_data) to.setData(wire::as_data(c.db.data_of(*i.node)));
  auto st = c.db.stat_of(*i.node);
  to.setCzxid(st.czxid), to.setMzxid(st.mzxid), to.setVersion(st.version), to.setEphemeralOwner(st.ephemeral_owner);
}

}  // namespace

std::optional<std::vector<shared_bytes>> state_of(const tree::database& db, std::span<const zk::id> creds,
                                                  const subscription& s, bool too_old) {
  collector all{db, creds, s.with_data};
  if (auto* n = db.find(s.path)) {
    auto fits =
        s.scope == subscription_scope::node ? all.add(s.path, *n)
        : s.scope == subscription_scope::subtree
            ? all.subtree(s.path, *n)
            : all.children(s.path, *n, [&](std::string p, auto& child) { return all.add(std::move(p), child); });
    if (!fits) return {};
  }
  std::vector<shared_bytes> out;
  for (std::size_t from = 0; from < all.items.size() || out.empty();) {
    std::size_t to = from, bytes = 0;
    while (to < all.items.size() && bytes < state_part_bytes) bytes += size_of(all, all.items[to++]);
    capnp::MallocMessageBuilder m(static_cast<unsigned>(bytes / 8 + 64));
    auto n = m.initRoot<wire::Notification>();
    n.setSubscription(s.number), n.setZxid(db.zxid());
    auto part = n.initState();
    part.setFirst(from == 0), part.setLast(to == all.items.size()), part.setTooOld(too_old && from == 0);
    auto nodes = part.initNodes(static_cast<unsigned>(to - from));
    for (std::size_t i = from; i < to; ++i) fill(nodes[static_cast<unsigned>(i - from)], all, all.items[i]);
    out.push_back(wire::flatten(m));
    from = to;
  }
  return out;
}

shared_bytes ended_notification(const subscription& s, zxid_t zxid, std::string_view why) {
  capnp::MallocMessageBuilder m;
  auto n = m.initRoot<wire::Notification>();
  n.setSubscription(s.number), n.setZxid(zxid);
  wire::set_text(n.initEnded(static_cast<unsigned>(why.size())), why);
  return wire::flatten(m);
}

}  // namespace troupe::commit

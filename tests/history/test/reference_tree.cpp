#include "tests/history/test/reference_tree.hpp"

#include <iomanip>
#include <sstream>

namespace troupe::history::test {

using zk::err;

bool may(const zk::acl_list& l, std::int32_t perm, const std::vector<zk::id>& who) {
  if (l.empty()) return true;
  for (auto& a : l)
    for (auto& w : who)
      if ((a.perms & perm) && a.who == w) return true;
  return false;
}

std::string parent(const std::string& path) {
  auto p = path.substr(0, path.rfind('/'));
  return p.empty() ? "/" : p;
}

replica_tree::replica_tree() {
  for (auto p : {"/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"}) nodes[p];
}

std::vector<std::string> replica_tree::children_of(const std::string& path) const {
  std::vector<std::string> out;
  for (auto& [p, n] : nodes)
    if (p != "/" && parent(p) == path) out.push_back(p.substr(p.rfind('/') + 1));
  return out;
}

zk::stat replica_tree::stat_of(const std::string& path) const {
  auto& n = nodes.at(path);
  auto s = n.st;
  s.data_length = static_cast<std::int32_t>(n.data.size());
  s.num_children = static_cast<std::int32_t>(children_of(path).size());
  s.cversion = 2 * n.creates - s.num_children;
  return s;
}

void replica_tree::apply(const txn& t, const change& c, std::vector<fired>& out) {
  using kind = change::kind;
  auto fire = [&](zk::event e, const std::string& path, bool data, bool child, const zk::acl_list& acl) {
    out.push_back({e, path, data, child, t.zxid, acl.empty(), acl});
  };
  switch (c.what) {
    case kind::check:
      break;
    case kind::create: {
      auto& n = nodes[c.path];
      n.data = c.data, n.acl = c.acl;
      n.st.czxid = n.st.mzxid = n.st.pzxid = t.zxid, n.st.ctime = n.st.mtime = t.time_ms;
      n.st.ephemeral_owner = c.ephemeral_owner;
      auto& p = nodes.at(parent(c.path));
      p.creates = c.parent_creates, p.st.pzxid = t.zxid;
      fire(zk::event::node_created, c.path, true, false, c.acl);
      fire(zk::event::node_children_changed, parent(c.path), false, true, p.acl);
      break;
    }
    case kind::del: {
      fire(zk::event::node_deleted, c.path, true, true, nodes.at(c.path).acl);
      nodes.erase(c.path);
      auto& p = nodes.at(parent(c.path));
      p.st.pzxid = t.zxid;
      fire(zk::event::node_children_changed, parent(c.path), false, true, p.acl);
      break;
    }
    case kind::set_data: {
      auto& n = nodes.at(c.path);
      n.data = c.data, n.st.version = c.version, n.st.mzxid = t.zxid, n.st.mtime = t.time_ms;
      fire(zk::event::node_data_changed, c.path, true, false, n.acl);
      break;
    }
    case kind::set_acl: {
      auto& n = nodes.at(c.path);
      n.acl = c.acl, n.st.aversion = c.version;
      break;
    }
    case kind::open_session:
      sessions[c.session] = c.timeout_ms;
      break;
    case kind::close_session:
      sessions.erase(c.session);
      break;
  }
}

std::vector<fired> replica_tree::apply(const txn& t) {
  std::vector<fired> out;
  for (auto& c : t.changes) apply(t, c, out);
  zxid = t.zxid;
  return out;
}

err replica_tree::decide(const request& r, session_id session, const std::vector<zk::id>& who, change& out) const {
  out = {};
  out.op = r.op, out.path = r.path;
  auto node = nodes.find(r.path);
  bool there = node != nodes.end();
  switch (r.op) {
    case zk::op::create:
    case zk::op::create2: {
      auto above = nodes.find(parent(r.path));
      if (above == nodes.end()) return err::no_node;
      if (!may(above->second.acl, zk::perm::create, who)) return err::no_auth;
      if (r.flags & request::sequential) {
        std::ostringstream text;
        text << r.path << std::setw(10) << std::setfill('0') << above->second.creates;
        out.path = text.str(), there = nodes.contains(out.path);
      }
      if (there) return err::node_exists;
      if (above->second.st.ephemeral_owner) return err::no_children_for_ephemerals;
      out.what = change::kind::create, out.data = r.data, out.acl = r.acl;
      out.ephemeral_owner = r.flags & request::ephemeral ? session : 0;
      out.parent_creates = above->second.creates + 1;
      return err::ok;
    }
    case zk::op::del:
      if (!nodes.contains(parent(r.path))) return err::no_node;
      if (!may(nodes.at(parent(r.path)).acl, zk::perm::del, who)) return err::no_auth;
      if (!there) return err::no_node;
      if (r.version != -1 && r.version != node->second.st.version) return err::bad_version;
      if (!children_of(r.path).empty()) return err::not_empty;
      out.what = change::kind::del;
      return err::ok;
    case zk::op::set_data:
    case zk::op::check: {
      bool sets = r.op == zk::op::set_data;
      if (!there) return err::no_node;
      if (!may(node->second.acl, sets ? zk::perm::write : zk::perm::read, who)) return err::no_auth;
      if (r.version != -1 && r.version != node->second.st.version) return err::bad_version;
      out.what = sets ? change::kind::set_data : change::kind::check;
      if (sets) out.data = r.data, out.version = node->second.st.version + 1;
      return err::ok;
    }
    case zk::op::set_acl:
      if (!there) return err::no_node;
      if (!may(node->second.acl, zk::perm::admin, who)) return err::no_auth;
      if (r.version != -1 && r.version != node->second.st.aversion) return err::bad_version;
      out.what = change::kind::set_acl, out.acl = r.acl, out.version = node->second.st.aversion + 1;
      return err::ok;
    default:
      return err::unimplemented;
  }
}

result replica_tree::read(const request& r, const std::vector<zk::id>& who) const {
  result out;
  auto it = nodes.find(r.path);
  if (it == nodes.end()) return out.error = err::no_node, out;
  auto wanted = r.op == zk::op::get_acl ? zk::perm::read | zk::perm::admin : zk::perm::read;
  if (!may(it->second.acl, wanted, who)) return out.error = err::no_auth, out;
  if (r.op != zk::op::get_children) out.stat = stat_of(r.path);
  if (r.op == zk::op::get_data) out.data = it->second.data;
  if (r.op == zk::op::get_children || r.op == zk::op::get_children2) out.children = children_of(r.path);
  if (r.op == zk::op::get_acl) {
    out.acl = it->second.acl;
    if (!may(it->second.acl, zk::perm::admin, who))
      for (auto& a : out.acl) a.who.name = a.who.name.substr(0, a.who.name.find(':')) + ":x";
  }
  return out;
}

}  // namespace troupe::history::test

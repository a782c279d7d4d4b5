#include "tests/history/model.hpp"

#include <algorithm>

namespace troupe::history {

namespace {

bool world(const zk::id& i) { return i.scheme == "world" && i.name == "anyone"; }

/// Java: id.split(":").length == 2.
bool digest_name(std::string_view s) {
  while (s.ends_with(':')) s.remove_suffix(1);
  return std::count(s.begin(), s.end(), ':') == 1;
}

std::string_view name_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }

/// The code point at `i`, which moves behind it; -1 if these bytes are no UTF-8.
std::int32_t code_point(std::string_view s, std::size_t& i) {
  auto lead = static_cast<unsigned char>(s[i++]);
  if (lead < 0x80) return lead;
  auto more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc2 ? 1 : -1;
  if (more < 0) return -1;
  auto c = static_cast<std::int32_t>(lead & (0x3f >> more));
  for (; more; --more) {
    if (i == s.size() || (s[i] & 0xc0) != 0x80) return -1;
    c = c << 6 | (s[i++] & 0x3f);
  }
  return c;
}

bool forbidden(std::int32_t c) {
  return c < 0x20 || (c >= 0x7f && c <= 0x9f) || (c >= 0xd800 && c <= 0xf8ff) || c >= 0xfff0;
}

}  // namespace

bool allowed(acl_pointer list, std::int32_t wanted, const caller& who) {
  if (!list || list->empty()) return true;
  return std::any_of(list->begin(), list->end(), [&](const zk::acl& a) {
    if (!(a.perms & wanted)) return false;
    if (a.who.scheme == "auth") return who.id_count > 0;  // a trial's, not yet resolved
    return world(a.who) || a.who.scheme == "ip" ||
           std::find(who.ids, who.ids + who.id_count, a.who) != who.ids + who.id_count;
  });
}

bool resolve_acl(const zk::acl_list& asked, const caller& who, zk::acl_list& out) {
  out.clear();
  if (asked.empty()) return true;
  zk::acl_list seen;
  for (auto& a : asked) {
    if (std::find(seen.begin(), seen.end(), a) != seen.end()) continue;
    seen.push_back(a);
    if (a.who.scheme == "auth") {
      if (who.id_count == 0) return false;
      for (std::size_t i = 0; i < who.id_count; ++i) out.push_back({a.perms, who.ids[i]});
    } else if (world(a.who) || a.who.scheme == "ip" || (a.who.scheme == "digest" && digest_name(a.who.name))) {
      out.push_back(a);
    } else {
      return false;
    }
  }
  if (out.size() == 1 && out[0].perms == zk::perm::all && world(out[0].who)) out.clear();
  return true;
}

bool valid_path(std::string_view path, bool sequential) {
  if (!path.starts_with('/')) return false;
  if (path == "/") return true;
  for (std::size_t i = 0; i < path.size();)
    if (forbidden(code_point(path, i))) return false;
  for (std::size_t start = 1;;) {
    auto slash = path.find('/', start);
    bool last = slash == path.npos;
    auto part = path.substr(start, last ? path.npos : slash - start);
    if (last && sequential) return true;
    if (part.empty() || part == "." || part == "..") return false;
    if (last) return true;
    start = slash + 1;
  }
}

std::string_view parent_of(std::string_view path) {
  auto slash = path.rfind('/');
  if (slash == path.npos || path == "/") return {};
  return slash == 0 ? path.substr(0, 1) : path.substr(0, slash);
}

std::int32_t next_version(std::int32_t v) {
  auto next = static_cast<std::int32_t>(static_cast<std::uint32_t>(v) + 1);
  return next == -1 ? 0 : next;
}

model::model(const base_state& base) : zxid_(base.zxid) {
  nodes_.reserve(256);
  for (std::string_view path : {"/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"}) nodes_[path].path = path;
  nodes_["/"].children = {"zookeeper"};
  nodes_["/zookeeper"].children = {"config", "quota"};
  for (auto& s : base.sessions) sessions_[s.session] = {s.timeout_ms, base.zxid, 0};
  for (auto& b : base.nodes) {
    auto& n = nodes_[b.path];
    n.path = b.path, n.data = b.data, n.acl = b.acl.empty() ? nullptr : &b.acl;
    n.czxid = b.stat.czxid, n.mzxid = b.stat.mzxid, n.pzxid = b.stat.pzxid;
    n.ctime = b.stat.ctime, n.mtime = b.stat.mtime, n.version = b.stat.version, n.aversion = b.stat.aversion;
    n.creates = (b.stat.cversion + b.stat.num_children) / 2;  // on the wire: creates and deletes
    n.owner = b.stat.ephemeral_owner;
    if (auto p = parent_of(n.path); !p.empty()) nodes_[p].children.insert(name_of(n.path));
    if (n.owner) sessions_[n.owner].ephemerals.insert(n.path);
  }
}

const model::node* model::find(std::string_view path) const {
  auto it = nodes_.find(path);
  return it == nodes_.end() ? nullptr : &it->second;
}

model::node* model::get(std::string_view path) {
  auto it = nodes_.find(path);
  return it == nodes_.end() ? nullptr : &it->second;
}

const model::session* model::find_session(session_id id) const {
  auto it = sessions_.find(id);
  return it == sessions_.end() ? nullptr : &it->second;
}

bool model::alive(session_id id) const {
  auto* s = find_session(id);
  return s && s->closed == 0;
}

zk::stat model::stat_of(const node& n) {
  zk::stat s;
  s.czxid = n.czxid, s.mzxid = n.mzxid, s.pzxid = n.pzxid, s.ctime = n.ctime, s.mtime = n.mtime;
  s.version = n.version, s.aversion = n.aversion, s.ephemeral_owner = n.owner;
  s.num_children = static_cast<std::int32_t>(n.children.size());
  s.cversion = 2 * n.creates - s.num_children;
  s.data_length = static_cast<std::int32_t>(n.data.size());
  return s;
}

std::string model::create(const txn& t, const change& c) {
  auto* parent = get(parent_of(c.path));
  if (!parent) return "creates " + c.path + ", whose parent is missing";
  std::string wrong;
  if (find(c.path)) return "creates " + c.path + ", which exists";
  if (!valid_path(c.path)) wrong = "creates '" + c.path + "', which is no path";
  if (parent->owner) wrong = "creates " + c.path + " under an ephemeral znode";
  if (c.parent_creates != static_cast<std::int32_t>(static_cast<std::uint32_t>(parent->creates) + 1))
    wrong = "creates " + c.path + " as number " + std::to_string(c.parent_creates) + " under its parent, where " +
            std::to_string(parent->creates) + " were created before";
  if (c.ephemeral_owner) {
    auto s = sessions_.find(c.ephemeral_owner);
    if (s == sessions_.end() || s->second.closed)
      wrong = "creates " + c.path + " as ephemeral of a session that does not live";
    else
      s->second.ephemerals.insert(c.path);
    if (c.ephemeral_owner != t.session) wrong = "creates " + c.path + " as ephemeral of another session";
  }
  parent->creates = c.parent_creates, parent->pzxid = t.zxid;
  parent->children.insert(name_of(c.path));
  node& n = nodes_[c.path];
  n.path = c.path, n.data = c.data, n.acl = c.acl.empty() ? nullptr : &c.acl;
  n.czxid = n.mzxid = n.pzxid = t.zxid, n.ctime = n.mtime = t.time_ms, n.owner = c.ephemeral_owner;
  return wrong;
}

std::string model::remove(const txn& t, const change& c) {
  auto it = nodes_.find(c.path);
  if (it == nodes_.end()) return "deletes " + c.path + ", which does not exist";
  if (!it->second.children.empty())
    return "deletes " + c.path + ", which has " + std::to_string(it->second.children.size()) + " children";
  if (auto s = sessions_.find(it->second.owner); s != sessions_.end()) s->second.ephemerals.erase(c.path);
  auto parent = parent_of(c.path);
  if (parent.empty()) return "deletes the root";
  auto& p = nodes_[parent];
  p.children.erase(name_of(c.path)), p.pzxid = t.zxid;
  nodes_.erase(it);
  return {};
}

std::string model::close(const change& c, const txn& t) {
  auto it = sessions_.find(c.session);
  if (it == sessions_.end() || it->second.closed) return "closes a session that does not live";
  auto& s = it->second;
  s.closed = t.zxid;
  if (s.ephemerals.empty()) return {};
  return "closes a session, but " + std::string(*s.ephemerals.begin()) + " outlives it";
}

std::string model::apply(const txn& t, const change& c) {
  switch (c.what) {
    case change::kind::check:
      return find(c.path) ? "" : "checks " + c.path + ", which does not exist";
    case change::kind::create:
      return create(t, c);
    case change::kind::del:
      return remove(t, c);
    case change::kind::set_data: {
      auto* n = get(c.path);
      if (!n) return "sets data of " + c.path + ", which does not exist";
      auto right = next_version(n->version);
      n->data = c.data, n->version = c.version, n->mzxid = t.zxid, n->mtime = t.time_ms;
      if (c.version == right) return {};
      return "sets version " + std::to_string(c.version) + " of " + c.path + ", but " + std::to_string(right) +
             " is next";
    }
    case change::kind::set_acl: {
      auto* n = get(c.path);
      if (!n) return "sets the ACL of " + c.path + ", which does not exist";
      auto right = next_version(n->aversion);
      n->acl = c.acl.empty() ? nullptr : &c.acl, n->aversion = c.version;
      if (c.version == right) return {};
      return "sets ACL version " + std::to_string(c.version) + " of " + c.path + ", but " + std::to_string(right) +
             " is next";
    }
    case change::kind::open_session: {
      auto [at, first] = sessions_.try_emplace(c.session, session{c.timeout_ms, t.zxid, 0});
      if (!first) return at->second.closed ? "opens a session that was closed before" : "opens a session that lives";
      return c.timeout_ms > 0 ? "" : "opens a session with a timeout of " + std::to_string(c.timeout_ms) + " ms";
    }
    case change::kind::close_session:
      return close(c, t);
  }
  return "has a change of unknown kind";
}

}  // namespace troupe::history

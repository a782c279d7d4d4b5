#include "tests/history/trial.hpp"

#include <algorithm>
#include <cstdio>

#include "tests/history/calls.hpp"

namespace troupe::history {

using zk::err;

namespace {

/// As requests mean it: everything before the last slash, whatever stands there.
std::string_view above(std::string_view path) {
  auto slash = path.rfind('/');
  return slash == 0 ? path.substr(0, 1) : path.substr(0, slash);
}

bool may_be_deleted(std::string_view path) {
  return path.find('/') != path.npos && path.find('\0') == path.npos && path != "/" && path != "/zookeeper" &&
         path != "/zookeeper/quota" && path != "/zookeeper/config";
}

bool matches(std::int32_t asked, std::int32_t there) { return asked == -1 || asked == there; }

}  // namespace

err check_flags(const request& r) {
  if (r.op != zk::op::create && r.op != zk::op::create2) return err::ok;
  if (r.flags < 0 || r.flags > 6) return err::bad_arguments;
  return r.flags > 3 ? err::unimplemented : err::ok;
}

trial::facts trial::look(std::string_view path) const {
  for (auto& [p, f] : touched_)
    if (p == path) return f;
  auto* n = model_.find(path);
  if (!n) return {};
  return {true, n->acl, n->version, n->aversion, n->creates, static_cast<std::int32_t>(n->children.size()), n->owner};
}

trial::facts& trial::touch(std::string_view path) {
  for (auto& [p, f] : touched_)
    if (p == path) return f;
  auto f = look(path);
  return touched_.emplace_back(path, f).second;
}

trial::outcome trial::create(const request& r) {
  bool sequential = r.flags & request::sequential;
  if (auto e = check_flags(r); e != err::ok) return {e, {}};
  if (!valid_path(r.path, sequential)) return {err::bad_arguments, {}};
  zk::acl_list acl;
  if (!r.acl.empty() && !resolve_acl(r.acl, who_, acl)) return {err::invalid_acl, {}};
  auto parent = look(above(r.path));
  if (!parent.exists) return {err::no_node, {}};
  if (!allowed(parent.acl, zk::perm::create, who_)) return {err::no_auth, {}};
  auto path = r.path;
  if (sequential) {
    char digits[16];
    std::snprintf(digits, sizeof digits, "%010d", parent.creates);
    path += digits;
  }
  if (!valid_path(path)) return {err::bad_arguments, {}};
  if (look(path).exists) return {err::node_exists, {}};
  if (parent.owner) return {err::no_children_for_ephemerals, {}};
  auto& p = touch(above(path));
  ++p.children, p.creates = static_cast<std::int32_t>(static_cast<std::uint32_t>(p.creates) + 1);
  auto& n = touch(path);
  n = {};
  n.exists = true, n.owner = r.flags & request::ephemeral ? who_.session : 0;
  // A later part of the same multi is judged by the ACL as it was asked for: what `auth` stands for is the caller, who
  // may do everything that it says.
  n.acl = r.acl.empty() ? nullptr : &r.acl;
  return {err::ok, std::move(path)};
}

err trial::remove(const request& r) {
  if (!may_be_deleted(r.path)) return err::bad_arguments;
  auto parent = look(above(r.path));
  if (!parent.exists) return err::no_node;
  if (!allowed(parent.acl, zk::perm::del, who_)) return err::no_auth;
  auto n = look(r.path);
  if (!n.exists) return err::no_node;
  if (!matches(r.version, n.version)) return err::bad_version;
  if (n.children != 0) return err::not_empty;
  --touch(above(r.path)).children;
  touch(r.path) = {};
  return err::ok;
}

trial::outcome trial::perform(const request& r) {
  switch (r.op) {
    case zk::op::create:
    case zk::op::create2:
      return create(r);
    case zk::op::del:
      return {remove(r), {}};
    case zk::op::set_data:
    case zk::op::check: {
      bool sets = r.op == zk::op::set_data;
      if (!valid_path(r.path)) return {err::bad_arguments, {}};
      auto n = look(r.path);
      if (!n.exists) return {err::no_node, {}};
      if (!allowed(n.acl, sets ? zk::perm::write : zk::perm::read, who_)) return {err::no_auth, {}};
      if (!matches(r.version, n.version)) return {err::bad_version, {}};
      if (sets) touch(r.path).version = next_version(n.version);
      return {};
    }
    case zk::op::set_acl: {
      if (!valid_path(r.path)) return {err::bad_arguments, {}};
      zk::acl_list acl;
      if (!resolve_acl(r.acl, who_, acl)) return {err::invalid_acl, {}};
      auto n = look(r.path);
      if (!n.exists) return {err::no_node, {}};
      if (!allowed(n.acl, zk::perm::admin, who_)) return {err::no_auth, {}};
      if (!matches(r.version, n.aversion)) return {err::bad_version, {}};
      touch(r.path).aversion = next_version(n.aversion);
      return {};
    }
    case zk::op::sync:
    case zk::op::close_session:
      return {};
    default:
      return {err::unimplemented, {}};
  }
}

std::pair<err, std::size_t> trial::perform_all(const request& r) {
  if (r.op != zk::op::multi) {
    if (auto e = check_flags(r); e != err::ok) return {e, 0};
  }
  if (!model_.alive(who_.session)) return {err::session_expired, 0};
  if (r.op == zk::op::call) return {perform_call(model_, who_, r).error, 0};
  if (r.op != zk::op::multi) return {perform(r).error, 0};
  for (std::size_t i = 0; i < r.parts.size(); ++i)
    if (auto e = perform(r.parts[i]).error; e != err::ok) return {e, i};
  return {err::ok, 0};
}

}  // namespace troupe::history

#include "cluster/commit/prepare_operation.hpp"

#include <cstdio>

#include "cluster/commit/call.hpp"
#include "cluster/tree/path.hpp"

namespace troupe::commit {

namespace {

using zk::err;

constexpr std::int32_t flag_ephemeral = 1, flag_sequential = 2, last_plain_flag = 3, last_flag = 6;

std::int32_t wrapping_add(std::int32_t a, std::int32_t b) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(a) + static_cast<std::uint32_t>(b));
}

/// Everything before the last slash, as ZooKeeper takes it: it may be the parent of a path that is not valid.
std::string_view parent_of(std::string_view path) {
  auto slash = path.rfind('/');
  return slash == 0 ? path.substr(0, 1) : path.substr(0, slash);
}

/// The ACL as transactions carry it; false if it is not well-formed.
bool resolve_acl(const operation& o, const caller& who, std::string& canonical, tree::acl_ref& list) {
  if (o.open_acl) return true;
  if (o.acl.empty()) return false;
  auto fixed = tree::fix_acl(o.acl, who.creds);
  if (!fixed) return false;
  canonical = tree::canonical(*fixed);
  if (!canonical.empty()) list = std::make_shared<const zk::acl_list>(std::move(*fixed));
  return true;
}

/// PrepRequestProcessor: `%010d` of the creates under the parent before this one; an overflow prints its sign.
std::string sequential_path(std::string_view prefix, std::int32_t number) {
  char digits[16];
  auto n = std::snprintf(digits, sizeof digits, "%010d", number);
  std::string out;
  out.reserve(prefix.size() + static_cast<std::size_t>(n));
  return out.append(prefix).append(digits, static_cast<std::size_t>(n));
}

/// As transactions carry it; empty = open to all.
std::string acl_bytes(const tree::acl_ref& acl) { return acl ? tree::canonical(*acl) : std::string(); }

bool fits_session(session_id s, std::size_t more, overlay& pending) {
  return pending.ephemeral_bytes(s) + more <= max_session_ephemeral_bytes;
}

err create(const operation& o, const caller& who, overlay& pending, transaction_builder& txn) {
  if (auto e = check_flags(o); e != err::ok) return e;
  bool ephemeral = o.flags & flag_ephemeral, sequential = o.flags & flag_sequential;
  if (on_reserved_path(o.path)) return err::bad_arguments;  // a call, where none can be
  if (!tree::valid_path(o.path, sequential)) return err::bad_arguments;
  std::string canonical;
  tree::acl_ref acl;
  if (!resolve_acl(o, who, canonical, acl)) return err::invalid_acl;
  auto parent_path = parent_of(o.path);
  auto parent = pending.look(parent_path);
  if (!parent.exists) return err::no_node;
  if (!tree::allowed(parent.acl, zk::perm::create, who.creds)) return err::no_auth;
  auto path = sequential ? txn.keep(sequential_path(o.path, parent.creates)) : o.path;
  if (!tree::valid_path(path)) return err::bad_arguments;
  if (pending.look(path).exists) return err::node_exists;
  if (parent.ephemeral_owner != 0) return err::no_children_for_ephemerals;
  if (ephemeral && !fits_session(who.session, overlay::ephemeral_cost(path, acl), pending)) return err::quota_exceeded;

  auto owner = ephemeral ? who.session : 0;
  auto creates = wrapping_add(parent.creates, 1);
  auto& p = pending.touch(parent_path);
  p.creates = creates, ++p.children;
  auto& n = pending.touch(path);
  n = {};
  if (ephemeral) pending.add_ephemeral(who.session, path, acl);
  n.exists = true, n.ephemeral_owner = owner, n.acl = std::move(acl);
  pending.sets_data(n, txn.changes.size());
  txn.changes.push_back({change_draft::kind::create, o.op, path, o.data, std::move(canonical), owner, creates});
  return err::ok;
}

/// DeleteRequest's own checks (getParentPathAndValidate): looser than those of create.
bool deletable(std::string_view path) {
  return path.find('/') != path.npos && path.find('\0') == path.npos && path != "/" && path != "/zookeeper" &&
         path != "/zookeeper/quota" && path != "/zookeeper/config";
}

err del(const operation& o, const caller& who, overlay& pending, transaction_builder& txn) {
  if (!deletable(o.path)) return err::bad_arguments;
  auto parent_path = parent_of(o.path);
  auto parent = pending.look(parent_path);
  if (!parent.exists) return err::no_node;
  if (!tree::allowed(parent.acl, zk::perm::del, who.creds)) return err::no_auth;
  auto node = pending.look(o.path);
  if (!node.exists) return err::no_node;
  if (o.version != -1 && o.version != node.version) return err::bad_version;
  if (node.children != 0) return err::not_empty;
  --pending.touch(parent_path).children;
  pending.touch(o.path) = {};
  if (node.ephemeral_owner) pending.remove_ephemeral(node.ephemeral_owner, o.path, node.acl);
  txn.changes.push_back({change_draft::kind::del, o.op, o.path, {}, {}, 0, 0, acl_bytes(node.acl)});
  return err::ok;
}

err set_data(const operation& o, const caller& who, overlay& pending, transaction_builder& txn) {
  if (!tree::valid_path(o.path)) return err::bad_arguments;
  auto node = pending.look(o.path);
  if (!node.exists) return err::no_node;
  if (!tree::allowed(node.acl, zk::perm::write, who.creds)) return err::no_auth;
  if (o.version != -1 && o.version != node.version) return err::bad_version;
  auto version = next_version(node.version);
  auto& n = pending.touch(o.path);
  n.version = version;
  pending.sets_data(n, txn.changes.size());
  txn.changes.push_back({change_draft::kind::set_data, o.op, o.path, o.data, {}, 0, version, acl_bytes(node.acl)});
  return err::ok;
}

err set_acl(const operation& o, const caller& who, overlay& pending, transaction_builder& txn) {
  if (!tree::valid_path(o.path)) return err::bad_arguments;
  std::string canonical;
  tree::acl_ref acl;
  if (!resolve_acl(o, who, canonical, acl)) return err::invalid_acl;
  auto node = pending.look(o.path);
  if (!node.exists) return err::no_node;
  if (!tree::allowed(node.acl, zk::perm::admin, who.creds)) return err::no_auth;
  if (o.version != -1 && o.version != node.aversion) return err::bad_version;
  if (auto owner = node.ephemeral_owner) {
    auto before = overlay::ephemeral_cost(o.path, node.acl), after = overlay::ephemeral_cost(o.path, acl);
    if (after > before && !fits_session(owner, after - before, pending)) return err::quota_exceeded;
    pending.change_ephemeral(owner, o.path, node.acl, acl);
  }
  auto& n = pending.touch(o.path);
  n.aversion = next_version(node.aversion), n.acl = std::move(acl);
  txn.changes.push_back({change_draft::kind::set_acl, o.op, o.path, {}, std::move(canonical), 0, n.aversion});
  return err::ok;
}

/// Changes nothing, but is part of the transaction: its result has a place among those of the multi.
err check(const operation& o, const caller& who, overlay& pending, transaction_builder& txn) {
  if (!tree::valid_path(o.path)) return err::bad_arguments;
  auto node = pending.look(o.path);
  if (!node.exists) return err::no_node;
  if (!tree::allowed(node.acl, zk::perm::read, who.creds)) return err::no_auth;
  if (o.version != -1 && o.version != node.version) return err::bad_version;
  txn.changes.push_back({change_draft::kind::check, o.op, o.path, {}, {}, 0, 0});
  return err::ok;
}

}  // namespace

std::int32_t next_version(std::int32_t version) {
  auto next = wrapping_add(version, 1);
  return next == -1 ? 0 : next;
}

err check_flags(const operation& o) {
  if (o.op == zk::op::create_container || o.op == zk::op::create_ttl) return err::unimplemented;
  if (o.flags < 0 || o.flags > last_flag) return err::bad_arguments;
  return o.flags > last_plain_flag ? err::unimplemented : err::ok;
}

err prepare_operation(const operation& o, const caller& who, overlay& pending, transaction_builder& txn) {
  switch (o.op) {
    case zk::op::create:
    case zk::op::create2:
    case zk::op::create_container:
    case zk::op::create_ttl:
      return create(o, who, pending, txn);
    case zk::op::del:
      return del(o, who, pending, txn);
    case zk::op::set_data:
      return set_data(o, who, pending, txn);
    case zk::op::set_acl:
      return set_acl(o, who, pending, txn);
    case zk::op::check:
      return check(o, who, pending, txn);
    default:
      return err::unimplemented;
  }
}

}  // namespace troupe::commit

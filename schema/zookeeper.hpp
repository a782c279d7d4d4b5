#pragma once
/// The numbers and records of ZooKeeper's client protocol (3.9), with their jute codec.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "schema/ids.hpp"
#include "schema/jute.hpp"

namespace troupe::zk {

/// ZooDefs.OpCode.
enum class op : std::int32_t {
  notification = 0,
  create = 1,
  del = 2,
  exists = 3,
  get_data = 4,
  set_data = 5,
  get_acl = 6,
  set_acl = 7,
  get_children = 8,
  sync = 9,
  ping = 11,
  get_children2 = 12,
  check = 13,
  multi = 14,
  create2 = 15,
  reconfig = 16,
  check_watches = 17,
  remove_watches = 18,
  create_container = 19,
  delete_container = 20,
  create_ttl = 21,
  multi_read = 22,
  auth = 100,
  set_watches = 101,
  sasl = 102,
  get_ephemerals = 103,
  get_all_children_number = 104,
  set_watches2 = 105,
  add_watch = 106,
  who_am_i = 107,
  call = 1'000,  ///< from here on Troupe's own, for the actor port only (client.capnp)
  subscribe = 1'001,
  unsubscribe = 1'002,
  ask = 1'003,
  create_session = -10,
  close_session = -11,
  error = -1,
};

/// KeeperException.Code.
enum class err : std::int32_t {
  ok = 0,
  system_error = -1,
  runtime_inconsistency = -2,
  marshalling_error = -5,
  unimplemented = -6,
  operation_timeout = -7,
  bad_arguments = -8,
  no_node = -101,
  no_auth = -102,
  bad_version = -103,
  no_children_for_ephemerals = -108,
  node_exists = -110,
  not_empty = -111,
  session_expired = -112,
  invalid_acl = -114,
  auth_failed = -115,
  session_moved = -118,
  not_read_only = -119,
  no_watcher = -121,
  request_timeout = -122,
  quota_exceeded = -125,
};

/// Xids with a meaning of their own.
inline constexpr std::int32_t xid_watch_event = -1, xid_ping = -2, xid_auth = -4, xid_set_watches = -8;
/// Troupe's own, inside a node: behind the reply header stands a flat Notification (client.capnp) for an actor client.
inline constexpr std::int32_t xid_notification = -100;

enum class event : std::int32_t {
  node_created = 1,
  node_deleted = 2,
  node_data_changed = 3,
  node_children_changed = 4
};

namespace perm {
inline constexpr std::int32_t read = 1, write = 2, create = 4, del = 8, admin = 16, all = 31;
}

/// 68 bytes on the wire, in this order.
struct stat {
  zxid_t czxid = 0, mzxid = 0;
  std::int64_t ctime = 0, mtime = 0;  ///< ms since 1970, the leader's clock
  std::int32_t version = 0, cversion = 0, aversion = 0;
  session_id ephemeral_owner = 0;
  std::int32_t data_length = 0, num_children = 0;
  zxid_t pzxid = 0;
};

inline void write(jute::writer& w, const stat& s) {
  w.i64(s.czxid), w.i64(s.mzxid), w.i64(s.ctime), w.i64(s.mtime), w.i32(s.version), w.i32(s.cversion);
  w.i32(s.aversion), w.i64(s.ephemeral_owner), w.i32(s.data_length), w.i32(s.num_children), w.i64(s.pzxid);
}

struct id {
  std::string scheme, name;
  bool operator==(const id&) const = default;
};

struct acl {
  std::int32_t perms = 0;
  id who;
  bool operator==(const acl&) const = default;
};

using acl_list = std::vector<acl>;

inline void write(jute::writer& w, const acl_list& list) {
  w.i32(static_cast<std::int32_t>(list.size()));
  for (auto& a : list) w.i32(a.perms), w.ustring(a.who.scheme), w.ustring(a.who.name);
}

/// Null reads as an empty list.
inline acl_list read_acl(jute::reader& r) {
  acl_list out;
  for (auto n = r.count(12); n && r.ok(); --n) {
    acl a;
    a.perms = r.i32(), a.who.scheme = r.ustring(), a.who.name = r.ustring();
    out.push_back(std::move(a));
  }
  return out;
}

/// jute.maxbuffer: the largest frame a client may send, in bytes.
inline constexpr std::int32_t max_frame = 0xfffff;

}  // namespace troupe::zk

#pragma once
/// What is recorded of a run, by the simulator and by the chaos rig alike: what every client asked and saw, and the log
/// that the ensemble committed. check.hpp judges it; json_lines.hpp keeps it.
///
/// Plain values. Numbers are ZooKeeper's (zk::op, zk::err, zk::event); nothing here depends on the server's code.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "schema/ids.hpp"
#include "schema/zookeeper.hpp"

namespace troupe::history {

/// One client object. It may have several sessions, one after the other, and each several connections, one after the
/// other: never two at once.
using client_id = std::uint32_t;

/// Never used twice in a history. 0 means "none".
using call_id = std::uint64_t;

/// What a client asks. Which fields count depends on `op`:
///
///   create_session  session (0: a new one, else re-attach), timeout_ms (asked for), zxid (last one seen)
///   close_session
///   create, create2 path, data, flags, acl          del      path, version
///   set_data        path, data, version             check    path, version (in a multi only)
///   get_acl         path                            set_acl  path, acl, version (of the ACL)
///   get_data, exists, get_children, get_children2   path, watch
///   sync            path                            multi    parts
///   set_watches     zxid (the relative one), data_watches, exist_watches, child_watches
///   auth            path: the scheme, data: the id that it gives ("user:BASE64(SHA1(user:password))" for digest)
///   call            path, version, data: which of the request types that ship, with a plain create that stands for it.
///                   "add": troupe.counter adds `version`, and makes the znode if need be; "take": troupe.queue-take of at
///                   most `version` items; "delete": troupe.delete-recursive. Their replies are text, in result.data
///   ping
struct request {
  static constexpr std::int32_t ephemeral = 1, sequential = 2;  ///< flags

  zk::op op = zk::op::ping;
  std::string path;
  std::string data;           ///< null and empty are the same here
  std::int32_t version = -1;  ///< -1: any
  std::int32_t flags = 0;
  bool watch = false;
  zk::acl_list acl;  ///< empty: open to the world
  std::int32_t timeout_ms = 0;
  session_id session = 0;
  zxid_t zxid = 0;
  std::vector<std::string> data_watches, exist_watches, child_watches;
  std::vector<request> parts;
};

/// What a reply says. If `error` is not ok, only a multi has parts.
struct result {
  zk::err error = zk::err::ok;        ///< multi: 0 even if it failed, as ZooKeeper answers; the parts say
  std::string path;                   ///< create, create2, sync
  std::string data;                   ///< get_data, call
  std::optional<zk::stat> stat;       ///< where the reply has one (create2, set_data, exists, get_data, ...)
  std::vector<std::string> children;  ///< get_children, get_children2: sorted
  zk::acl_list acl;                   ///< get_acl
  std::vector<result> parts;          ///< multi
};

/// Something that happened at a client, in the order in which it happened there. A connection attempt is a call of
/// create_session, which ends in `connected`, `expired` or `lost`. Replies come in the order of the calls of a connection,
/// but for pings and auth. `disconnected` ends a connection: calls still without an outcome there are lost, as are those
/// without one at the end; `lost` may say it of each.
struct entry {
  enum class kind : std::uint8_t {
    call,          ///< call, asked; recorded before the first byte leaves
    reply,         ///< call, zxid (of the reply's header), got; recorded after the last byte came
    lost,          ///< call: the connection went away; whether it took effect is unknown
    event,         ///< a watch event: event, path, zxid (of its header; -1 if setWatches found it)
    connected,     ///< call (of create_session), session, reattached, timeout_ms (negotiated)
    disconnected,  ///< the connection is gone, whoever closed it
    expired,       ///< call (of create_session): the server says that `session` is over
  };
  kind what = kind::call;
  std::int64_t at_us = 0;  ///< one clock for all clients
  client_id client = 0;
  session_id session = 0;  ///< 0 before the first `connected`, and in calls that ask for a new session
  node_id node = 0;        ///< the server it is connected to; 0 = unknown
  call_id call = 0;
  request asked;
  zxid_t zxid = 0;
  result got;
  zk::event event = zk::event::node_created;
  std::string path;
  std::int32_t timeout_ms = 0;
  bool reattached = false;
};

/// What one operation did to the tree (records.capnp Change).
struct change {
  enum class kind : std::uint8_t { check, create, del, set_data, set_acl, open_session, close_session };
  kind what = kind::check;
  zk::op op = zk::op::check;  ///< of the request that caused it
  std::string path;
  std::string data;                 ///< create, set_data
  zk::acl_list acl;                 ///< create, set_acl; empty: open to the world
  session_id ephemeral_owner = 0;   ///< create
  std::int32_t parent_creates = 0;  ///< create: creates ever under the parent, this one included
  std::int32_t version = 0;         ///< set_data, set_acl: the resulting one
  session_id session = 0;           ///< open_session, close_session
  std::int32_t timeout_ms = 0;      ///< open_session
};

/// A committed transaction.
struct txn {
  zxid_t zxid = 0;
  session_id session = 0;    ///< on whose behalf; 0 = the ensemble's own
  std::int64_t time_ms = 0;  ///< the leader's clock: what ctime and mtime become
  node_id origin = 0;        ///< the node whose client waits for the reply; 0 = nobody: an expiry
  std::uint64_t request_id = 0;
  std::vector<change> changes;
};

/// The state before the first transaction of the log, if that is not the empty tree. Parents stand before children; the
/// four built-in znodes need not stand here.
struct base_state {
  struct node {
    std::string path, data;
    zk::acl_list acl;
    zk::stat stat;
  };
  struct open_session {
    session_id session = 0;
    std::int32_t timeout_ms = 0;
  };
  zxid_t zxid = 0;
  std::vector<node> nodes;
  std::vector<open_session> sessions;
};

struct settings {
  std::string name;          ///< of the run: a seed, a test
  std::int32_t tick_ms = 0;  ///< the server expires sessions in steps of it
  /// An expiry may come at most so much too early on the leader's clock (drift, resolution). -1: no claim is possible,
  /// because transactions' times and at_us come from clocks that have nothing to do with one another.
  std::int32_t expiry_tolerance_ms = -1;
  /// So long it may take until the leader knows of a sign of life at another node: followers report them with their
  /// answers to its pings. -1: unknown; then only the opening of a session counts as one.
  std::int32_t touch_report_ms = -1;
  std::int64_t clock_offset_ms = 0;  ///< time_ms of a transaction - at_us / 1000 at the same moment
};

struct history {
  settings set;
  base_state base;
  std::vector<txn> log;  ///< by ascending zxid, all that were committed after the base
  /// Of all clients, in real time: an entry is taken to have happened before those that stand after it. `sort` brings
  /// recordings of several threads or processes into this order.
  std::vector<entry> entries;
};

/// Sorts the entries by time, keeping each client's order. Between different clients at the same microsecond, calls and
/// connections come first, so that nothing is claimed about their order that the clock doesn't prove.
void sort(history&);

}  // namespace troupe::history

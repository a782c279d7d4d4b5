#pragma once
/// What passes between preparation and broadcast, on one node or between a follower and its leader.

#include <cstdint>
#include <memory>
#include <string>

#include "cluster/tree/acl.hpp"
#include "schema/bytes.hpp"
#include "schema/ids.hpp"
#include "schema/zookeeper.hpp"

namespace troupe::commit {

enum class role : std::uint8_t {
  looking,    ///< no leader: nobody is served
  following,  ///< synchronised follower or observer: writes go to the leader
  leading,    ///< established leader: prepares
};

/// A write (or sync, or a session's open, re-attach and close) on its way to the leader.
struct forwarded_request {
  std::uint64_t id = 0;  ///< the origin's own number, never used twice by it
  session_id session = 0;
  std::int32_t xid = 0;
  zk::op op = zk::op::create;
  std::string body;  ///< jute, after the request header; of create_session: session_request (preparation.hpp)
  std::shared_ptr<const tree::credentials> creds;
};

/// The outcome of a request that leaves no transaction.
struct reply_only {
  std::uint64_t id = 0;
  zk::err error = zk::err::ok;
  zxid_t after = 0;  ///< set by the leader's broadcast: last zxid it had assigned before
  std::string body;
};

/// What an actor client asks an actor inside this node (op ask). One outcome comes back, by its id.
struct question {
  std::uint64_t id = 0;
  session_id session = 0;
  std::shared_ptr<const tree::credentials> creds;
  std::string actor, message;
};

/// What the leader's preparation hands to broadcast, in order.
struct prepared {
  shared_bytes txn;    ///< empty: no transaction, `reply` tells
  node_id origin = 0;  ///< of the reply
  reply_only reply;
  bool confirm = false;  ///< no transaction: reply only after a quorum confirmed our leadership
};

}  // namespace troupe::commit

#pragma once
/// The leader's half: turns requests into transactions that carry resulting state, or into errors, in the order in
/// which they come (ZooKeeper's PrepRequestProcessor). Sees the database and everything pending (overlay.hpp), so it
/// never waits for a commit.

#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cluster/commit/operation.hpp"
#include "cluster/commit/overlay.hpp"
#include "cluster/commit/prepare_operation.hpp"
#include "cluster/commit/requests.hpp"
#include "cluster/commit/transaction_builder.hpp"
#include "cluster/extension/executor.hpp"

namespace troupe::commit {

/// What a transaction may add to the request that caused it: Cap'n Proto's framing, sequence numbers, the ACL entries
/// that `auth` expands to. A transaction of more than max_request and this is refused with MARSHALLINGERROR before it
/// is proposed, since what could not be read again would stop every node (ZOOKEEPER-3496). Ends of sessions are exempt:
/// they cannot be refused, and what they delete was bounded when it was created (max_session_ephemeral_bytes).
inline constexpr std::size_t transaction_allowance_bytes = 256 * 1024;

/// A forwarded_request by view: our own clients' requests are prepared where they lie.
struct request_view {
  node_id origin = 0;  ///< 0 = the ensemble's own
  std::uint64_t id = 0;
  session_id session = 0;
  zk::op op = zk::op::create;
  std::string_view body;
  std::span<const zk::id> creds;
};

/// Body of a create_session request between nodes.
struct session_request {
  session_id session = 0;
  std::int32_t timeout_ms = 0;
  bool reattach = false;
};
std::string encode(const session_request&);

class preparation {
 public:
  /// `types`: of one's own; null: none.
  explicit preparation(std::int32_t max_request_bytes, std::shared_ptr<const extension::request_types> types = {})
      : max_request_bytes_(max_request_bytes), types_(std::move(types)) {}

  /// Starts to lead over a database that holds everything committed so far; forgets all that was pending.
  void start(const tree::database&);
  void stop();

  /// The disk of this node is nearly full: create, setData, setACL and multi are refused with SYSTEMERROR (-1) until it
  /// is not, while reads, deletes, sessions and their ends go on.
  void space_low(bool low) { space_low_ = low; }

  void prepare(const request_view&, std::int64_t now_ms, std::vector<prepared>& out);
  /// The session's deadline has passed: the transaction that ends it, unless it is ending or gone already.
  void expire(session_id, std::int64_t now_ms, std::vector<prepared>& out);
  /// The oldest pending transaction is applied.
  void applied() { pending_.applied(); }
  /// A closeSession is applied.
  void forget_owner(session_id s) { owners_.erase(s); }

  const overlay& pending() const { return pending_; }

 private:
  zk::err check_session(const request_view&);
  void session(const request_view&, std::int64_t now_ms, std::vector<prepared>& out);
  void sync(const request_view&, std::vector<prepared>& out);
  void close(const request_view&, std::int64_t now_ms, std::vector<prepared>& out);
  void multi(const request_view&, std::int64_t now_ms, std::vector<prepared>& out);
  void single(const request_view&, std::int64_t now_ms, std::vector<prepared>& out);
  void call(const request_view&, std::int64_t now_ms, std::vector<prepared>& out);
  /// Commits what was prepared, or refuses it if it is too large.
  void propose(const request_view&, std::int64_t now_ms, bool bounded, std::vector<prepared>& out);
  /// No transaction, but an outcome. It tells of the leader's state, so it is given only once a quorum has confirmed
  /// that this leader still leads: one that was deposed without knowing it must not answer from what is old by now.
  static void answer(const request_view&, zk::err, std::vector<prepared>& out, std::string body = {});

  std::size_t max_transaction_bytes() const {
    return static_cast<std::size_t>(max_request_bytes_) + transaction_allowance_bytes;
  }

  std::int32_t max_request_bytes_;
  std::shared_ptr<const extension::request_types> types_;
  bool space_low_ = false;
  overlay pending_;
  transaction_builder txn_;
  operation operation_;
  std::vector<operation> operations_;
  /// The node that each session's client is connected to; as long as a session's is unknown (after a change of leader),
  /// the first node that speaks for it. Bounded by the sessions that exist.
  std::unordered_map<session_id, node_id> owners_;
};

}  // namespace troupe::commit

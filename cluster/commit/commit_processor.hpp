#pragma once
/// What a node does with requests: prepares them (as leader), applies what is committed, answers reads at a zxid, and
/// keeps each session's order. ZooKeeper's PrepRequestProcessor, CommitProcessor and FinalRequestProcessor in one pure
/// machine, because all three need the one copy of the tree.
///
/// Order: the replies of a connection leave in the order of its requests. Writes are handed on at once (the pipeline
/// never waits); a read behind a write of its own connection waits for it; reads of other connections don't.
/// A request that fails preparation costs a reply, not a transaction; because it may depend on proposals that are
/// still pending, it goes through the leader's order like a write (`prepared` without a transaction) and its reply is
/// given only when everything before it is applied.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/commit/requests.hpp"
#include "cluster/commit/stream.hpp"
#include "cluster/extension/executor.hpp"
#include "cluster/log_record.hpp"
#include "cluster/tree/database.hpp"
#include "schema/ids.hpp"
#include "schema/zookeeper.hpp"

namespace troupe::commit {

struct settings {
  node_id self = 1;
  std::int32_t tick_ms = 2000, min_session_timeout_ms = 4000, max_session_timeout_ms = 40000;
  std::int32_t max_request = zk::max_frame;  ///< bytes; a transaction above it is refused before it is proposed
};

/// What one step wants done. Reused by the caller: `clear` keeps the capacity.
struct effects {
  stream_batch stream;                     ///< -> watch notifier
  std::vector<prepared> proposals;         ///< leading -> broadcast
  std::vector<forwarded_request> forward;  ///< following -> leader
  std::vector<question> questions;         ///< -> actors of one's own in this node; each is answered by on_outcome
  struct session_change {
    session_id session;
    std::int32_t timeout_ms;
    bool open;
  };
  std::vector<session_change> sessions;  ///< -> session tracker
  void clear();
};

class commit_processor {
 public:
  /// `boot_ms`: wall clock at start; seeds session ids and request ids so that neither repeats over restarts. `types`: of
  /// one's own; null: none.
  commit_processor(settings, std::unique_ptr<tree::database>, std::int64_t boot_ms,
                   std::shared_ptr<const extension::request_types> types = {});
  ~commit_processor();

  /// What the gateway's connections sent. `now_ms`: wall clock (ctime, mtime).
  void on_requests(const request_batch&, std::int64_t now_ms, effects&);
  /// Leading: what a follower forwarded.
  void on_forwarded(node_id from, const std::vector<forwarded_request>&, std::int64_t now_ms, effects&);
  /// Leading: sessions whose deadline has passed.
  void on_expired(const std::vector<session_id>&, std::int64_t now_ms, effects&);
  /// Committed transactions, in zxid order without a hole. While leading, those that this leader prepared and no
  /// others: what came before is to be delivered before the role. May yield proposals and forwards, too: of requests
  /// that waited for their session.
  void on_committed(const log_records&, effects&);
  /// Outcomes of our requests that left no transaction. Each waits until its `after` is applied.
  void on_replies(std::vector<reply_only>, effects&);
  /// The log does not reach back to where a subscription goes on from: it begins anew, with the state as it is now.
  void on_state_wanted(conn_id, std::int64_t subscription, std::uint64_t serial, effects&);
  /// The answer to a question, or its error, whose body is a text.
  void on_outcome(std::uint64_t id, zk::err, std::string_view body, effects&);
  /// `looking` drops the overlay, every pending request and every connection (clients go elsewhere).
  void on_role(role, effects&);
  /// Our disk is nearly full, or not any more: while leading, requests that need space are refused (SYSTEMERROR).
  void on_space(bool low);
  /// A checkpoint took the place of our state (SNAP). Only while looking. effects.sessions has every session of it.
  void on_database(std::unique_ptr<tree::database>, effects&);

  /// Sessions of our connections that sent anything since the last call.
  std::vector<session_id> take_touched();

  tree::database& database();
  const tree::database& database() const;
  role current_role() const;
  std::size_t outstanding() const;  ///< requests that wait for a commit

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace troupe::commit

#pragma once
/// The feed: tells actors inside the node what was committed, from the log, at their own pace.
///
/// Takes   next (in-node actors), answered by `batch`; msg::history (log writer); msg::committed (commit)
/// Sends   msg::history_read -> log writer, one at a time, for each that waits in its turn; msg::committed_wanted ->
///         commit, only while somebody waits for what is not there yet
/// Dies    with the node.
/// Invariants: nothing that is not committed is told, and nothing that is, is left out between two `next` of which the
///         second goes on where the first ended; without a waiting request nobody is asked anything.

#include <deque>
#include <set>

#include "actors/extension/node_actor.hpp"
#include "actors/io/pinned_actor.hpp"
#include "actors/node/context.hpp"

namespace troupe::actors {

/// Requests that may wait; one more is answered with an error.
inline constexpr std::size_t max_feed_requests = 1024;

class feed_actor : public io::pinned_actor {
 public:
  /// On CAF's workers, unless `unit` says otherwise.
  feed_actor(caf::actor_config&, caf::execution_unit* unit, context_ptr);
  caf::behavior make_behavior() override;
  void on_exit() override;
  const char* name() const override { return "feed"; }

 private:
  void serve();
  void on_history(msg::history&);

  struct request {
    feed::next what;
    caf::typed_response_promise<feed::batch> promise;
    caf::actor_addr who;
  };
  context_ptr ctx_;
  std::deque<request> waiting_;
  std::set<caf::actor_addr> known_;  ///< who has asked and lives
  zxid_t committed_ = 0;             ///< as far as we heard
  bool asked_commit_ = false;
  std::uint64_t reading_ = 0;  ///< serial of the read under way, for waiting_.front(); 0: none
  std::uint64_t last_serial_ = 0;
};

/// A committed record as values. At the boundary between what is stored and what users see.
feed::transaction told(zxid_t, const shared_bytes& payload);

}  // namespace troupe::actors

#pragma once
/// The commit actor: owns the tree, the sessions that exist and (on the leader) the overlay of pending changes, in one
/// commit::commit_processor.
///
/// Takes   request_batch (gateway); msg::local (broadcast): committed transactions, answers, forwarded requests and
/// role
///         changes, in order; msg::expired (session tracker); msg::replaced (broadcast: SNAP); msg::checkpointed;
///         msg::space (log writer);
///         msg::states_wanted (notifier), answered in the stream;
///         msg::committed_wanted (feed); msg::outcome (node actors); msg::tick
/// Sends   stream_batch -> notifier: everything that clients get to see, in one stream; msg::proposals and
///         msg::forwards -> broadcast; msg::session_changes and msg::touched -> session tracker; msg::checkpoint ->
///         checkpointer; msg::questions -> node actors; msg::committed -> feed, once for each committed_wanted
/// Dies    with the node.

#include <optional>

#include "actors/io/pinned_actor.hpp"
#include "actors/node/context.hpp"
#include "cluster/commit/commit_processor.hpp"
#include "persistence/checkpoint_schedule.hpp"

namespace troupe::actors {

class commit_actor : public io::pinned_actor {
 public:
  commit_actor(caf::actor_config&, caf::execution_unit* host, context_ptr, std::unique_ptr<tree::database>);
  caf::behavior make_behavior() override;
  const char* name() const override { return "commit"; }

  /// For the simulator's invariants, which ask between two messages.
  const commit::commit_processor& machine() const { return processor_; }

 private:
  void dispatch();
  void tell_feed();
  void announce_sessions();
  void checkpoint_if_due();
  void update_stats();

  context_ptr ctx_;
  commit::commit_processor processor_;
  commit::effects effects_;
  epoch_t epoch_ = 0;  ///< of our role
  persistence::checkpoint_schedule checkpoints_;
  std::optional<zxid_t> feed_waits_;  ///< for what is behind this
};

}  // namespace troupe::actors

#pragma once
/// The checkpointer: owns the state environment, alone, on a thread of its own.
///
/// Takes   msg::checkpoint (commit); msg::snapshot_read, msg::install and msg::role (broadcast)
/// Sends   msg::checkpointed -> commit, log writer; msg::snapshot_chunk, msg::installed -> broadcast; msg::fatal ->
///         supervisor
/// Dies    at the first failed write or sync, and the node with it.
/// Invariants: while a learner reads the checkpoint, or a leader's is being installed, it does not move; a checkpoint that
/// comes meanwhile waits. Until a learner has what came after the checkpoint that it was sent, the log keeps that.

#include <map>
#include <optional>
#include <set>

#include "actors/io/event_based_actor.hpp"
#include "actors/node/context.hpp"
#include "persistence/state_store.hpp"

namespace troupe::actors {

class checkpointer : public io::event_based_actor {
 public:
  checkpointer(caf::actor_config&, context_ptr, std::unique_ptr<persistence::state_store>);
  caf::behavior make_behavior() override;
  const char* name() const override { return "checkpointer"; }

 private:
  void write_waiting();

  context_ptr ctx_;
  std::unique_ptr<persistence::state_store> state_;
  std::set<node_id> readers_;          ///< learners in the middle of a SNAP, each at its own piece
  std::map<node_id, zxid_t> sent_to_;  ///< those, and the ones that are sent what came after; of which checkpoint
  bool installing_ = false;
  std::optional<tree::state_delta> waiting_;
};

}  // namespace troupe::actors

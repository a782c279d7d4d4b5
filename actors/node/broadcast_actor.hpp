#pragma once
/// The broadcast actor (leader or learner): owns the order of the history, in one zab::zab_peer.
///
/// Takes   msg::decided (election); msg::peer_frames of the zab channel and msg::link_state (peer links);
/// msg::proposals
///         and msg::forwards (commit); msg::touched (session tracker); msg::durable and msg::log_read_done (log
///         writer); msg::snapshot_chunk and msg::installed (checkpointer); msg::tick
/// Sends   msg::peer_send, msg::drop_link -> peer links; msg::persist, msg::log_read -> log writer; msg::local,
///         msg::replaced -> commit; msg::snapshot_read, msg::install -> checkpointer; msg::touched, msg::role ->
///         session tracker; msg::role -> gateway, supervisor, checkpointer; msg::look, msg::rest, msg::established ->
///         election
/// Dies    with the node.
/// Batches: proposals gather while our own disk syncs, since they could not be on it before the next sync anyway. That
/// makes one append, one frame to each peer and one ack of what would be many. Invariant: what may be said only once
/// something is on disk stays in the zab_peer until the log writer says `durable`.

#include "actors/io/pinned_actor.hpp"
#include "actors/node/context.hpp"
#include "cluster/zab/zab_peer.hpp"

namespace troupe::actors {

class broadcast_actor : public io::pinned_actor {
 public:
  broadcast_actor(caf::actor_config&, caf::execution_unit* host, context_ptr, zab::log_state, zxid_t applied);
  caf::behavior make_behavior() override;
  const char* name() const override { return "broadcast"; }

  /// For the simulator's invariants, which ask between two messages.
  const zab::zab_peer& machine() const { return peer_; }

 private:
  void submit_gathered();
  void dispatch();
  void announce(const zab::role_change&);
  void count_proposals(const std::vector<zab::persist_op>&);
  void update_stats();

  context_ptr ctx_;
  zab::zab_peer peer_;
  zab::effects effects_;
  epoch_t serving_ = 0;                     ///< epoch of our role as commit was told; 0 while looking
  std::vector<commit::prepared> gathered_;  ///< waits for the log writer
  std::uint64_t in_flight_ = 0;             ///< token of what the log writer was given last; 0: it has nothing of ours
};

}  // namespace troupe::actors

#pragma once
/// The election actor: owns our vote, the logical time and the peers' votes.
///
/// Takes   msg::peer_frames of the election channel and msg::link_state (peer links); msg::look, msg::rest and
///         msg::established (broadcast); msg::tick
/// Sends   msg::peer_send -> peer links; msg::decided -> broadcast
/// Dies    with the node.

#include "actors/io/pinned_actor.hpp"
#include "actors/node/context.hpp"
#include "cluster/zab/election.hpp"

namespace troupe::actors {

class election_actor : public io::pinned_actor {
 public:
  election_actor(caf::actor_config&, caf::execution_unit* host, context_ptr);
  caf::behavior make_behavior() override;
  const char* name() const override { return "election"; }

 private:
  void dispatch(zab::election_effects&);

  context_ptr ctx_;
  zab::election election_;
};

}  // namespace troupe::actors

#pragma once
/// The session tracker: owns the deadlines of sessions.
///
/// Takes   msg::session_changes and msg::touched (commit: what our own clients did); msg::touched from_peer (broadcast:
///         what followers heard); msg::role (broadcast); msg::tick
/// Sends   leading: msg::expired -> commit. Following: msg::touched -> broadcast, for the next pong
/// Dies    with the node.
/// Invariant: no session expires while its pings reach a live leader in time, read or not.

#include "actors/io/pinned_actor.hpp"
#include "actors/node/context.hpp"
#include "cluster/session/session_tracker.hpp"

namespace troupe::actors {

class session_tracker_actor : public io::pinned_actor {
 public:
  session_tracker_actor(caf::actor_config&, caf::execution_unit* host, context_ptr);
  caf::behavior make_behavior() override;
  const char* name() const override { return "session tracker"; }

 private:
  context_ptr ctx_;
  session::session_tracker tracker_;
  commit::role role_ = commit::role::looking;
  std::int64_t ticked_ms_ = 0;
  bool waits_ = false;  ///< the last tick came late, and nobody expired by it
};

}  // namespace troupe::actors

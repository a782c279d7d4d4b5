#pragma once
/// The watch notifier: owns the watch tables, and is the only actor that talks to connections.
///
/// Takes   stream_batch (commit), in the order in which things happened
/// Sends   delivery_batch -> gateway, actor gateway
/// Dies    with the node.
/// Invariant: an event for a change leaves before any reply that shows it.

#include "actors/io/pinned_actor.hpp"
#include "actors/node/context.hpp"
#include "cluster/watch/watch_notifier.hpp"

namespace troupe::actors {

class watch_notifier_actor : public io::pinned_actor {
 public:
  watch_notifier_actor(caf::actor_config&, caf::execution_unit* host, context_ptr);
  caf::behavior make_behavior() override;
  const char* name() const override { return "watch notifier"; }

 private:
  void deliver(delivery_batch&&);

  context_ptr ctx_;
  watch::watch_notifier notifier_;
};

}  // namespace troupe::actors

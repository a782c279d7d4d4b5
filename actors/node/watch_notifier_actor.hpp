#pragma once
/// The watch notifier: owns the watch tables and the subscriptions, and is the only actor that talks to connections.
///
/// Takes   stream_batch (commit), in the order in which things happened; msg::history (log writer): what a subscription
///         missed; msg::drained (gateway): a connection that catches up may have more
/// Sends   delivery_batch -> gateway, actor gateway; msg::history_read -> log writer; msg::states_wanted -> commit
/// Dies    with the node.
/// Invariant: an event or a notification of a change leaves before any reply that shows it.

#include "actors/io/pinned_actor.hpp"
#include "actors/node/context.hpp"
#include "cluster/watch/watch_notifier.hpp"

namespace troupe::actors {

class watch_notifier_actor : public io::pinned_actor {
 public:
  watch_notifier_actor(caf::actor_config&, caf::execution_unit* host, context_ptr, watch::subscription_limits = {});
  caf::behavior make_behavior() override;
  const char* name() const override { return "watch notifier"; }

 private:
  void deliver(delivery_batch&&);
  void dispatch(delivery_batch&&);

  context_ptr ctx_;
  watch::watch_notifier notifier_;
};

}  // namespace troupe::actors

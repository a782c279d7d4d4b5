#include "actors/node/watch_notifier_actor.hpp"

namespace troupe::actors {

watch_notifier_actor::watch_notifier_actor(caf::actor_config& cfg, caf::execution_unit* host, context_ptr ctx)
    : io::pinned_actor(cfg, host), ctx_(std::move(ctx)) {}

caf::behavior watch_notifier_actor::make_behavior() {
  stop_node_on_exception(this, ctx_, "watch notifier");
  return {
      [this](boxed<stream_batch>& in) {
        delivery_batch out;
        notifier_.step(std::move(*in), out);
        auto& s = ctx_->stats;
        s.watch_count = notifier_.watch_count();
        s.watched_paths = notifier_.watched_paths(), s.watching_connections = notifier_.watching_connections();
        if (!out.items.empty()) send(ctx_->gateway, box(std::move(out)));
      },
  };
}

}  // namespace troupe::actors

#include "actors/node/watch_notifier_actor.hpp"

#include <caf/atom.hpp>

namespace troupe::actors {

namespace {
using turn_atom = caf::atom_constant<caf::atom("turn")>;
}  // namespace

watch_notifier_actor::watch_notifier_actor(caf::actor_config& cfg, caf::execution_unit* host, context_ptr ctx,
                                           watch::subscription_limits limits)
    : io::pinned_actor(cfg, host), ctx_(std::move(ctx)), notifier_({}, limits) {}

caf::behavior watch_notifier_actor::make_behavior() {
  stop_node_on_exception(this, ctx_, "watch notifier");
  return {
      [this](boxed<stream_batch>& in) {
        delivery_batch out;
        notifier_.step(std::move(*in), out);
        auto& s = ctx_->stats;
        s.watch_count = notifier_.watch_count();
        s.watched_paths = notifier_.watched_paths(), s.watching_connections = notifier_.watching_connections();
        dispatch(std::move(out));
      },
      [this](boxed<msg::history>& m) {
        delivery_batch out;
        notifier_.on_history(std::move(*m), out);
        dispatch(std::move(out));
      },
      [this](boxed<msg::drained>& m) {
        delivery_batch out;
        notifier_.on_drained(m->conn, out);
        dispatch(std::move(out));
      },
      [this](turn_atom) {
        delivery_batch out;
        notifier_.take_turns(out);
        dispatch(std::move(out));
      },
  };
}

/// To the port of its connections. Where it is for both, they share it: neither writes in it.
void watch_notifier_actor::deliver(delivery_batch&& out) {
  if (out.items.empty()) return;
  bool actors = false, others = true;
  if (ctx_->actor_gateway) {
    actors = on_actor_port(out.items.front().conn), others = !actors;
    for (auto& i : out.items)
      if (on_actor_port(i.conn) != actors) {
        actors = others = true;
        break;
      }
  }
  auto batch = box(std::move(out));
  if (actors) send(ctx_->actor_gateway, batch);
  if (others) send(ctx_->gateway, std::move(batch));
}

void watch_notifier_actor::dispatch(delivery_batch&& out) {
  deliver(std::move(out));
  auto wants = notifier_.take_wants();
  for (auto& r : wants.reads) send(ctx_->log_writer, box(msg::history_read{r, ctx_->config.chunk_bytes}));
  if (!wants.states.empty()) send(ctx_->commit, box(msg::states_wanted{std::move(wants.states)}));
  if (wants.turn) send(this, turn_atom::value);
}

}  // namespace troupe::actors

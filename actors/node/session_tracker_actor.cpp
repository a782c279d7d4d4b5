#include "actors/node/session_tracker_actor.hpp"

#include <utility>

namespace troupe::actors {

namespace {
/// Ticks come ten times as often.
constexpr std::int64_t late_ms = 1'000;
}  // namespace

session_tracker_actor::session_tracker_actor(caf::actor_config& cfg, caf::execution_unit* host, context_ptr ctx)
    : io::pinned_actor(cfg, host), ctx_(std::move(ctx)), tracker_(ctx_->config.tick_ms) {}

caf::behavior session_tracker_actor::make_behavior() {
  stop_node_on_exception(this, ctx_, "session tracker");
  return {
      [this](boxed<msg::session_changes>& m) {
        if (m->reset) tracker_.clear();
        auto now = ctx_->monotonic_ms();
        for (auto& c : m->list) c.open ? tracker_.opened(c.session, c.timeout_ms, now) : tracker_.closed(c.session);
      },
      [this](boxed<msg::touched>& m) { tracker_.touch(m->list, ctx_->monotonic_ms()); },
      [this](boxed<msg::role>& m) {
        role_ = m->what.role;
        role_ == commit::role::leading ? tracker_.start_leading(ctx_->monotonic_ms()) : tracker_.stop_leading();
      },
      [this](boxed<msg::tick>&) {
        auto now = ctx_->monotonic_ms();
        auto before = std::exchange(ticked_ms_, now);
        // A machine was paused, or a process suspended: what clients said meanwhile lies in our sockets. It is heard
        // before the next tick.
        bool stood_still = before != 0 && now - before > late_ms && !waits_;
        waits_ = stood_still;
        if (role_ == commit::role::leading) {
          if (stood_still) return;
          if (auto e = tracker_.expired(now); !e.empty()) send(ctx_->commit, box(msg::expired{std::move(e)}));
          tracker_.take_touched();
        } else if (role_ == commit::role::following) {
          if (auto t = tracker_.take_touched(); !t.empty())
            send(ctx_->broadcast, box(msg::touched{std::move(t), false}));
        }
      },
  };
}

}  // namespace troupe::actors

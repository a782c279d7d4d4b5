#include "actors/node/supervisor.hpp"

#include <spdlog/spdlog.h>

namespace troupe::actors {

supervisor::supervisor(caf::actor_config& cfg, caf::execution_unit* host, context_ptr ctx,
                       std::function<void(int)> ended)
    : io::pinned_actor(cfg, host), ctx_(std::move(ctx)), ended_(std::move(ended)) {}

caf::behavior supervisor::make_behavior() {
  for (auto* a : ctx_->others()) {
    monitor(*a);
    ++alive_;
  }
  set_down_handler([this](caf::down_msg& down) {
    --alive_;
    if (!stopping_) {
      spdlog::critical(fmt::format("an actor of this node ended: {}; stopping, so that the ensemble goes on without us",
                                   home_system().render(down.reason)));
      stop(1);
    }
    if (alive_ == 0) {
      ended_(code_);
      quit();
    }
  });
  return {
      [this](boxed<msg::fatal>& m) {
        if (!stopping_) spdlog::critical(fmt::format("stopping: {}", m->why));
        stop(1);
      },
      [this](boxed<msg::shut_down>& m) {
        spdlog::info(fmt::format("{}: stopping", m->why));
        stop(0);
      },
      [this](boxed<msg::role>& m) {
        auto& r = m->what;
        switch (r.role) {
          case commit::role::leading:
            spdlog::info(fmt::format("node {} leads epoch {}", ctx_->config.id, r.epoch));
            break;
          case commit::role::following:
            spdlog::info(fmt::format("node {} follows node {} in epoch {}", ctx_->config.id, r.leader, r.epoch));
            break;
          case commit::role::looking:
            spdlog::info(fmt::format("node {} is looking for a leader", ctx_->config.id));
            break;
        }
      },
  };
}

void supervisor::stop(int code) {
  if (stopping_) return;
  stopping_ = true;
  code_ = code;
  for (auto* a : ctx_->others()) send_exit(*a, caf::exit_reason::user_shutdown);
}

}  // namespace troupe::actors

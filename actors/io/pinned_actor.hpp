#pragma once
/// Actors that are always hosted by one execution unit, whoever sends to them.
///
/// CAF resumes an actor on the unit of whoever wakes it: an actor that a worker thread sends to would leave the I/O
/// thread. A pinned actor ignores the sender's unit. With a null unit it always goes to the scheduler's workers (CAF's
/// default, but also when an actor on the I/O thread wakes it): the switch between "all on the I/O thread" and "actors
/// on workers". An ordinary actor that a pinned one wakes runs on the I/O thread: spawn every actor of a node pinned or
/// detached.

#include <caf/actor_system.hpp>
#include <caf/scoped_execution_unit.hpp>
#include <optional>
#include <utility>

#include "actors/io/event_based_actor.hpp"

namespace troupe::io {

class pinned_actor : public event_based_actor {
 public:
  /// `unit` outlives the actor. Null: the scheduler's workers.
  pinned_actor(caf::actor_config& cfg, caf::execution_unit* unit) : event_based_actor(cfg), unit_(unit) {}

  using event_based_actor::enqueue;
  void enqueue(caf::mailbox_element_ptr element, caf::execution_unit*) override {
    event_based_actor::enqueue(std::move(element), unit_);
  }

  void launch(caf::execution_unit*, bool lazy, bool hide) override {
    event_based_actor::launch(unit_ ? unit_ : home_system().dummy_execution_unit(), lazy, hide);
  }

  caf::execution_unit* unit() const { return unit_; }

 private:
  caf::execution_unit* const unit_;
};

/// A pinned actor whose members are those of `State`: built in the spawner's thread from (pinned_actor*, arguments...),
/// asked once for `caf::behavior make_behavior()` on the actor's own thread, destroyed there when the actor ends.
/// `State::name` (const char*) names the actor.
template <class State>
class pinned_stateful final : public pinned_actor {
 public:
  template <class... Ts>
  pinned_stateful(caf::actor_config& cfg, caf::execution_unit* unit, Ts&&... xs) : pinned_actor(cfg, unit) {
    state_.emplace(static_cast<pinned_actor*>(this), std::forward<Ts>(xs)...);
  }

  const char* name() const override { return State::name; }
  caf::behavior make_behavior() override { return state_->make_behavior(); }
  void on_exit() override { state_.reset(); }

 private:
  std::optional<State> state_;
};

/// spawn_pinned<commit_shell>(system, unit, arguments of commit_shell after its pinned_actor*...)
template <class State, class... Ts>
caf::actor spawn_pinned(caf::actor_system& system, caf::execution_unit* unit, Ts&&... xs) {
  return system.spawn<pinned_stateful<State>>(unit, std::forward<Ts>(xs)...);
}

}  // namespace troupe::io

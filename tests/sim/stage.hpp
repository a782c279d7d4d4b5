#pragma once
/// CAF's deterministic test scheduler, and the one thread on which all simulated actors run: one message at a time, each
/// time of an actor that the caller chooses. Nothing here is random or asks a clock.

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/execution_unit.hpp>
#include <caf/resumable.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <functional>
#include <unordered_map>
#include <vector>

#include "actors/messages.hpp"

namespace troupe::sim {

/// An actor that can be run. At most one job of it exists at a time: CAF's own rule.
struct seat {
  caf::actor who;
  caf::resumable* job = nullptr;              ///< it has something to do; the reference is ours
  std::size_t node = 0, part = 0;             ///< the owner's
  caf::scheduled_actor* scheduled = nullptr;  ///< who it is to the scheduler, while the stage has it
};

/// Everything sent to it is handled at once, within the sender's turn: where a node ends and the simulated world begins.
class port_actor : public caf::event_based_actor {
 public:
  using handler = std::function<void(caf::message&)>;
  port_actor(caf::actor_config& cfg, handler h) : caf::event_based_actor(cfg), handler_(std::move(h)) {}
  using caf::event_based_actor::enqueue;
  void enqueue(caf::mailbox_element_ptr element, caf::execution_unit*) override {
    auto m = element->move_content_to_message();
    handler_(m);
  }
  void launch(caf::execution_unit*, bool, bool) override {}

 private:
  handler handler_;
};

class stage final : public caf::execution_unit {
 public:
  explicit stage(caf::actor_system&);

  caf::actor_system& actors() { return *system_; }

  /// From now on `s` becomes ready when its actor has something to do. `s` stays where it is until `remove`.
  void add(seat& s);
  /// Ends the actor without running it, as a process ends.
  void remove(seat& s);
  void forget(caf::actor&);  ///< the same, for a port

  /// Moves what has become ready since the last call to `ready`.
  void collect(std::vector<seat*>& ready);
  /// One message. True: it has more to do (it is ready again).
  bool run(seat&);
  /// Messages that wait for an actor that has something to do.
  std::size_t waiting(const seat&) const;
  /// Its actor has ended by itself, such as by what it threw.
  bool has_ended(const seat&) const;

  void exec_later(caf::resumable*) override;

  /// CAF's virtual clock, for whoever asks it.
  void pass(std::int64_t us) { scheduler_.clock().advance_time(std::chrono::microseconds(us)); }

 private:
  void take(caf::resumable*);
  caf::scheduler::test_coordinator& scheduler_;
  std::unordered_map<caf::resumable*, seat*> seats_;
  std::vector<seat*> fresh_;
};

/// An actor system whose scheduler is CAF's test_coordinator: one per process is enough.
struct stage_system {
  stage_system();
  caf::actor_system_config config;
  caf::actor_system system;

 private:
  static caf::actor_system_config& prepared(caf::actor_system_config&);
};

}  // namespace troupe::sim

#pragma once
/// An actor system with an I/O thread, for tests.

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <functional>
#include <future>
#include <thread>

#include "actors/io/io_thread.hpp"
#include "actors/io/scoped_actor.hpp"

namespace troupe::testing {

struct loop_fixture {
  loop_fixture() : loop(system), thread([this] { loop.run(); }) {}
  ~loop_fixture() {
    loop.stop();
    thread.join();
  }

  /// Runs `what` on the loop's thread and waits for it.
  void on_loop(const std::function<void()>& what) {
    std::promise<void> done;
    loop.post([&] { what(), done.set_value(); });
    done.get_future().wait();
  }

  /// Ends an actor and waits until it has.
  void end(caf::actor& a) {
    io::scoped_actor self{system};
    caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
    self->wait_for(a);
    a = nullptr;
  }

  struct config : caf::actor_system_config {
    config() { set("scheduler.policy", caf::atom("sharing")).set("scheduler.max-threads", 2u); }
  };
  config cfg;
  caf::actor_system system{cfg};
  io::io_thread loop;
  std::thread thread;
};

}  // namespace troupe::testing

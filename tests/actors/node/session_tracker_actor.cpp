#include "actors/node/session_tracker_actor.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include "actors/io/scoped_actor.hpp"

namespace troupe::actors {
namespace {

struct fake_clock : surroundings {
  explicit fake_clock(std::atomic<std::int64_t>& now_ms) : now_ms(now_ms) {}
  std::int64_t monotonic_us() const override { return now_ms * 1'000; }
  std::int64_t wall_ms() const override { return now_ms; }
  std::uint64_t free_bytes() const override { return 0; }
  std::atomic<std::int64_t>& now_ms;
};

/// The test stands for all other actors. The tracker leads, and has session 7 with a timeout of 4 s.
struct tracker_fixture {
  tracker_fixture() : system(cfg.set("scheduler.policy", caf::atom("testing"))) {
    ctx = std::make_shared<node_context>(node_config{}, std::make_unique<fake_clock>(now_ms));
    ctx->commit = ctx->broadcast = ctx->supervisor = caf::actor_cast<caf::actor>(self);
    tracker = system.spawn<session_tracker_actor>(nullptr, ctx);
    self->send(tracker, box(msg::role{{commit::role::leading, 1, 1}}));
    self->send(tracker, box(msg::session_changes{true, {{7, 4'000, true}}}));
    tick_after(0);
  }
  ~tracker_fixture() {
    caf::anon_send_exit(tracker, caf::exit_reason::user_shutdown);
    dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler()).run();
    ctx->forget_actors();
  }
  void tick_after(std::int64_t ms) {
    now_ms += ms;
    self->send(tracker, box(msg::tick{now_ms}));
    dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler()).run();
  }
  void touch() { self->send(tracker, box(msg::touched{{7}, false})); }
  /// Who was told to have expired.
  std::vector<session_id> expired() {
    std::vector<session_id> out;
    bool more = true;
    self->receive_while(more)([&](boxed<msg::expired>& m) { out.insert(out.end(), m->list.begin(), m->list.end()); },
                              caf::after(std::chrono::seconds(0)) >> [&] { more = false; });
    return out;
  }

  std::atomic<std::int64_t> now_ms{1'000'000};
  caf::actor_system_config cfg;
  caf::actor_system system;
  io::scoped_actor self{system};
  context_ptr ctx;
  caf::actor tracker;
};

using sessions = std::vector<session_id>;

TEST_CASE("a session expires by a tick after its timeout") {
  tracker_fixture f;
  for (int i = 0; i < 70; ++i) f.tick_after(100);
  CHECK(f.expired() == sessions{7});
}

TEST_CASE("after a time in which the node stood still, clients are heard before their sessions expire") {
  tracker_fixture f;
  f.tick_after(60'000);
  f.touch();  // what lay in our sockets
  f.tick_after(100);
  CHECK(f.expired().empty());
}

TEST_CASE("whoever is not heard after a time in which the node stood still expires at the next tick, late or not") {
  for (std::int64_t next : {100, 60'000}) {
    tracker_fixture f;
    f.tick_after(60'000);
    f.tick_after(next);
    CHECK(f.expired() == sessions{7});
  }
}

}  // namespace
}  // namespace troupe::actors

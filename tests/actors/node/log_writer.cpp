#include "actors/node/log_writer.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>

#include "persistence/memory_store.hpp"

namespace troupe::actors {
namespace {

using persistence::memory_log;

constexpr std::uint64_t min_free_bytes = 1000;

/// A disk with as much room as the test says.
struct fake_disk : surroundings {
  explicit fake_disk(std::atomic<std::uint64_t>& free) : free(free) {}
  std::int64_t monotonic_us() const override { return 0; }
  std::int64_t wall_ms() const override { return 0; }
  std::uint64_t free_bytes() const override { return free; }
  std::atomic<std::uint64_t>& free;
};

/// The test stands for all other actors.
struct fixture {
  fixture() {
    node_config c;
    c.min_free_bytes = min_free_bytes;
    ctx = std::make_shared<node_context>(c, std::make_unique<fake_disk>(free));
    ctx->commit = ctx->broadcast = ctx->supervisor = caf::actor_cast<caf::actor>(self);
    writer = system.spawn<log_writer>(ctx, std::make_unique<memory_log>());
  }
  ~fixture() {
    ctx->forget_actors();
    caf::anon_send_exit(writer, caf::exit_reason::user_shutdown);
  }
  /// What the writer says of the space at its next tick. It answers the read behind the tick, so silence is known too.
  std::vector<bool> said_at_a_tick() {
    std::vector<bool> said;
    self->send(writer, box(msg::tick{0}));
    self->send(writer, box(msg::log_read{{2, 0, 1, 1}}));
    for (bool done = false; !done;)
      self->receive([&](boxed<msg::space>& m) { said.push_back(m->low); },
                    [&](boxed<msg::log_read_done>&) { done = true; });
    return said;
  }

  caf::actor_system_config cfg;
  caf::actor_system system{cfg};
  caf::scoped_actor self{system};
  std::atomic<std::uint64_t> free{min_free_bytes};
  context_ptr ctx;
  caf::actor writer;
};

using said = std::vector<bool>;

TEST_CASE("the log writer tells when the disk falls below min-free-space, once, and when it has room again") {
  fixture f;
  CHECK(f.said_at_a_tick().empty());  // exactly the minimum is enough
  f.free = min_free_bytes - 1;
  CHECK(f.said_at_a_tick() == said{true});
  f.free = 0;
  CHECK(f.said_at_a_tick().empty());
  f.free = min_free_bytes;
  CHECK(f.said_at_a_tick() == said{false});
  CHECK(f.said_at_a_tick().empty());
}

TEST_CASE(
    "the log writer goes on writing while the disk is below min-free-space: only the leader's clients are refused") {
  fixture f;
  f.free = 0;
  CHECK(f.said_at_a_tick() == said{true});
  f.self->send(f.writer, box(msg::persist{7, {zab::set_accepted_epoch{1}}}));
  std::uint64_t durable = 0;
  f.self->receive([&](boxed<msg::durable>& m) { durable = m->token; });
  CHECK(durable == 7);
}

}  // namespace
}  // namespace troupe::actors

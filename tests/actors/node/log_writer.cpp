#include "actors/node/log_writer.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <caf/actor_system_config.hpp>

#include "actors/io/scoped_actor.hpp"
#include "persistence/memory_store.hpp"

namespace troupe::actors {
namespace {

using persistence::memory_log;

constexpr std::uint64_t min_free_bytes = 1000;
constexpr std::uint64_t log_retain = 3;

/// A disk with as much room as the test says.
struct fake_disk : surroundings {
  explicit fake_disk(std::atomic<std::uint64_t>& free) : free(free) {}
  std::int64_t monotonic_us() const override { return 0; }
  std::int64_t wall_ms() const override { return 0; }
  std::uint64_t free_bytes() const override { return free; }
  std::atomic<std::uint64_t>& free;
};

/// A log of which as much was trimmed as the test says.
struct trimmed_log : memory_log {
  explicit trimmed_log(std::atomic<std::uint64_t>& reusable) : reusable(reusable) {}
  std::size_t reusable_bytes() const override { return reusable; }
  std::atomic<std::uint64_t>& reusable;
};

/// The test stands for all other actors.
struct log_writer_fixture {
  /// `checkpoint`: what a former life has left one of.
  explicit log_writer_fixture(std::uint32_t left_over = 0, zxid_t checkpoint = 0,
                              std::size_t log_retain_bytes = 1 << 30) {
    node_config c;
    c.min_free_bytes = min_free_bytes;
    c.trim_step = 1, c.log_retain = log_retain, c.log_retain_bytes = log_retain_bytes;
    ctx = std::make_shared<node_context>(c, std::make_unique<fake_disk>(free));
    ctx->commit = ctx->broadcast = ctx->supervisor = caf::actor_cast<caf::actor>(self);
    auto log = std::make_unique<trimmed_log>(reusable);
    for (std::uint32_t i = 1; i <= left_over; ++i)
      log->write(std::vector<zab::persist_op>{
          zab::append_records{{{make_zxid(1, i), shared_bytes::copy_of("of a former life")}}}});
    writer = system.spawn<log_writer>(ctx, std::move(log), checkpoint);
  }
  ~log_writer_fixture() {
    caf::anon_send_exit(writer, caf::exit_reason::user_shutdown);
    self->wait_for(writer);  // it asks the context for the others
    ctx->forget_actors();
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
  /// One write of the log: on disk on return.
  void persist(std::vector<zab::persist_op> ops) {
    self->send(writer, box(msg::persist{++token, std::move(ops)}));
    std::uint64_t durable = 0;
    self->receive([&](boxed<msg::durable>& m) { durable = m->token; }, [&](boxed<msg::fatal>& m) { FAIL(m->why); });
    REQUIRE(durable == token);
  }
  /// Records (epoch, from) to (epoch, to), each a write of its own: the end of the log after each is remembered.
  void append(epoch_t epoch, std::uint32_t from, std::uint32_t to) {
    for (auto i = from; i <= to; ++i)
      persist({zab::append_records{{{make_zxid(epoch, i), shared_bytes::copy_of("payload")}}}});
  }
  /// A checkpoint is written, so that older records may go. The node must live on. Returns the first of the candidates
  /// that the log can be read from; 0 if it is none.
  zxid_t base_after_checkpoint(zxid_t zxid, std::vector<zxid_t> candidates) {
    self->send(writer, box(msg::checkpointed{zxid}));
    return base(std::move(candidates));
  }
  zxid_t base(std::vector<zxid_t> candidates) {
    zxid_t base = 0;
    for (auto z : candidates) {
      self->send(writer, box(msg::log_read{{2, z, 1, 1}}));
      self->receive(
          [&](boxed<msg::log_read_done>& m) {
            if (!base && m->result.position == m->what.after) base = m->what.after;
          },
          [&](boxed<msg::fatal>& m) { FAIL(m->why); });
    }
    return base;
  }

  std::uint64_t token = 0;
  caf::actor_system_config cfg;
  caf::actor_system system{cfg};
  io::scoped_actor self{system};
  std::atomic<std::uint64_t> free{2 * min_free_bytes}, reusable{0};
  context_ptr ctx;
  caf::actor writer;
};

using said = std::vector<bool>;

/// Where a log of epoch 1 may begin, lowest first.
const std::vector<zxid_t> all_of_epoch_1 = [] {
  std::vector<zxid_t> out;
  for (std::uint32_t i = 1; i <= 10; ++i) out.push_back(make_zxid(1, i));
  return out;
}();

TEST_CASE("the log writer tells at each tick while the disk is below min-free-space, and once when it has room again") {
  log_writer_fixture f;
  f.free = min_free_bytes;
  CHECK(f.said_at_a_tick().empty());  // exactly the minimum is enough
  f.free = min_free_bytes - 1;
  CHECK(f.said_at_a_tick() == said{true});
  f.free = 0;
  CHECK(f.said_at_a_tick() == said{true});
  f.free = min_free_bytes;
  CHECK(f.said_at_a_tick() == said{false});
  CHECK(f.said_at_a_tick().empty());
}

TEST_CASE("what was trimmed of the log counts as free, but for a quarter that has to be free on the disk") {
  log_writer_fixture f;
  f.free = min_free_bytes / 4, f.reusable = min_free_bytes / 2;
  CHECK(f.said_at_a_tick() == said{true});
  f.reusable = min_free_bytes / 4 * 3;
  CHECK(f.said_at_a_tick() == said{false});
  f.free = min_free_bytes / 4 - 1, f.reusable = 100 * min_free_bytes;
  CHECK(f.said_at_a_tick() == said{true});
}

TEST_CASE("all that the checkpoint has is trimmed before the disk is low, and no more than that") {
  log_writer_fixture f;
  f.append(1, 1, 10);
  f.free = min_free_bytes, f.reusable = min_free_bytes;
  CHECK(f.said_at_a_tick().empty());
  REQUIRE(f.base_after_checkpoint(make_zxid(1, 9), all_of_epoch_1) == make_zxid(1, 10 - log_retain));
  f.reusable = min_free_bytes - 1;
  CHECK(f.said_at_a_tick().empty());
  CHECK(f.base(all_of_epoch_1) == make_zxid(1, 9));
}

TEST_CASE("the disk is looked at after so many bytes were written, too, without waiting for a tick") {
  log_writer_fixture f;
  f.free = 0;
  f.append(1, 1, 2);
  auto half = [](std::uint32_t i) {
    return zab::append_records{{{make_zxid(1, i), shared_bytes::copy_of(std::string(8 << 20, 'x'))}}};
  };
  f.persist({half(3)});
  f.persist({half(4)});
  bool low = false;
  f.self->receive([&](boxed<msg::space>& m) { low = m->low; },
                  caf::after(std::chrono::seconds(10)) >> [] { FAIL("nothing was said"); });
  CHECK(low);
}

TEST_CASE("on a low disk the log writer trims all that the checkpoint has, and no more than that") {
  log_writer_fixture f;
  f.append(1, 1, 10);
  REQUIRE(f.base_after_checkpoint(make_zxid(1, 9), all_of_epoch_1) == make_zxid(1, 10 - log_retain));
  f.free = 0;
  CHECK(f.said_at_a_tick() == said{true});
  REQUIRE(f.base(all_of_epoch_1) == make_zxid(1, 9));
  CHECK(f.base_after_checkpoint(make_zxid(1, 10), all_of_epoch_1) == make_zxid(1, 10));
}

TEST_CASE("a low disk is found at a start, and what the former life's checkpoint has is trimmed without another one") {
  log_writer_fixture f(10, make_zxid(1, 10));
  f.free = 0;
  CHECK(f.said_at_a_tick() == said{true});
  CHECK(f.base(all_of_epoch_1) == make_zxid(1, 10));
  log_writer_fixture behind(10, make_zxid(1, 6));
  behind.free = 0;
  CHECK(behind.said_at_a_tick() == said{true});
  CHECK(behind.base(all_of_epoch_1) == make_zxid(1, 1));  // nothing is gone
  CHECK(behind.base_after_checkpoint(make_zxid(1, 7), all_of_epoch_1) == make_zxid(1, 7));
}

TEST_CASE("the log writer keeps no more bytes behind the checkpoint than log-retain-bytes") {
  log_writer_fixture f(0, 0, 2 * (16 + 7));  // of "payload"
  f.append(1, 1, 10);
  CHECK(f.base_after_checkpoint(make_zxid(1, 10), all_of_epoch_1) == make_zxid(1, 8));
}

TEST_CASE(
    "the log writer goes on writing while the disk is below min-free-space: only the leader's clients are refused") {
  log_writer_fixture f;
  f.free = 0;
  CHECK(f.said_at_a_tick() == said{true});
  f.self->send(f.writer, box(msg::persist{7, {zab::set_accepted_epoch{1}}}));
  std::uint64_t durable = 0;
  f.self->receive([&](boxed<msg::durable>& m) { durable = m->token; });
  CHECK(durable == 7);
}

TEST_CASE("the log writer trims what the checkpoint has, but for the records that are kept for learners") {
  log_writer_fixture f;
  f.append(1, 1, 10);
  REQUIRE(f.base_after_checkpoint(make_zxid(1, 5), all_of_epoch_1) == make_zxid(1, 5));
  CHECK(f.base_after_checkpoint(make_zxid(1, 10), all_of_epoch_1) == make_zxid(1, 10 - log_retain));
}

TEST_CASE("the log writer never trims up to a record that a truncation removed") {
  log_writer_fixture f;
  f.append(1, 1, 10);
  f.persist({zab::truncate_after{make_zxid(1, 5)}});
  f.append(2, 1, 1);
  CHECK(f.base_after_checkpoint(make_zxid(2, 1), all_of_epoch_1) == make_zxid(1, 5));
}

TEST_CASE("the log writer forgets what a truncation removed in the middle of one write, and remembers what follows") {
  log_writer_fixture f;
  f.append(1, 1, 10);
  auto record = [](zxid_t z) { return zab::append_records{{{z, shared_bytes::copy_of("payload")}}}; };
  f.persist({record(make_zxid(1, 11)), zab::truncate_after{make_zxid(1, 5)}, record(make_zxid(2, 1))});
  REQUIRE(f.base_after_checkpoint(make_zxid(2, 1), all_of_epoch_1) == make_zxid(1, 5));
  f.append(2, 2, 4);
  CHECK(f.base_after_checkpoint(make_zxid(2, 1), {make_zxid(1, 5), make_zxid(2, 1)}) == make_zxid(2, 1));
}

TEST_CASE("the log writer never trims up to a record that went with an installed checkpoint") {
  log_writer_fixture f;
  f.append(1, 1, 10);
  // Records 8 to 10 were never committed: the leader's checkpoint ends before them.
  f.persist({zab::begin_install{make_zxid(1, 7)}});
  f.persist({zab::reset_log{make_zxid(1, 7)}});
  f.append(2, 1, 1);
  REQUIRE(f.base_after_checkpoint(make_zxid(2, 1), all_of_epoch_1) == make_zxid(1, 7));
  f.append(2, 2, 4);
  CHECK(f.base_after_checkpoint(make_zxid(2, 1), {make_zxid(1, 7), make_zxid(2, 1)}) == make_zxid(2, 1));
}

TEST_CASE("the log writer trims what former lives have left, but for the records that are kept for learners") {
  log_writer_fixture f(10);
  REQUIRE(f.base_after_checkpoint(make_zxid(1, 10), all_of_epoch_1) == make_zxid(1, 10 - log_retain));
  log_writer_fixture behind(10);  // its checkpoint is older than what could go
  CHECK(behind.base_after_checkpoint(make_zxid(1, 5), {0, make_zxid(1, 5)}) == make_zxid(1, 5));
}

TEST_CASE("the log writer keeps a former life's log that is no longer than what is kept for learners") {
  log_writer_fixture f(log_retain);
  f.self->send(f.writer, box(msg::checkpointed{make_zxid(1, log_retain)}));
  f.self->send(f.writer, box(msg::log_read{{2, 0, 1, 1}}));
  f.self->receive([&](boxed<msg::log_read_done>& m) { CHECK(m->result.position == 0); });
}

}  // namespace
}  // namespace troupe::actors

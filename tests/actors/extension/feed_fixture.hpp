#pragma once
/// A feed with a log writer over a log in memory. The test stands for commit and all others.

#include <doctest/doctest.h>

#include <caf/actor_system_config.hpp>

#include "actors/extension/feed.hpp"
#include "actors/io/scoped_actor.hpp"
#include "actors/node/log_writer.hpp"
#include "cluster/commit/transaction_builder.hpp"
#include "persistence/memory_store.hpp"

namespace troupe::testing {

using namespace actors;

inline zxid_t z(std::uint32_t counter) { return make_zxid(1, counter); }

struct still : surroundings {
  std::int64_t monotonic_us() const override { return 0; }
  std::int64_t wall_ms() const override { return 0; }
  std::uint64_t free_bytes() const override { return 1 << 30; }
};

/// Sets /a to its counter; every fifth opens a session and creates, too.
inline log_record record(std::uint32_t counter) {
  using kind = commit::change_draft::kind;
  commit::transaction_builder b;
  auto data = std::to_string(counter);
  if (counter % 5 == 0) {
    b.changes.push_back({kind::open_session, zk::op::create_session, {}, {}, {}, 0x77, 4000});
    b.changes.push_back({kind::create, zk::op::create, "/e", data, {}, 0x77, 1});
    b.changes.push_back({kind::check, zk::op::check, "/e", {}, {}, 0, 0});
  }
  b.changes.push_back({kind::set_data, zk::op::set_data, "/a", data, {}, 0, static_cast<std::int32_t>(counter)});
  return {z(counter), b.build(0x1234, 1'700'000'000'000 + counter, 0, 0)};
}

struct feed_fixture {
  feed_fixture() {
    node_config c;
    c.id = 3;
    c.trim_step = 1, c.log_retain = 1;
    ctx = std::make_shared<node_context>(c, std::make_unique<still>());
    ctx->gateway = ctx->commit = ctx->broadcast = ctx->supervisor = caf::actor_cast<caf::actor>(self);
    ctx->log_writer = writer = system.spawn<log_writer>(ctx, std::make_unique<persistence::memory_log>());
    ctx->feed = feed = system.spawn<feed_actor>(static_cast<caf::execution_unit*>(nullptr), ctx);
  }
  ~feed_fixture() {
    caf::anon_send_exit(writer, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(feed, caf::exit_reason::user_shutdown);
    self->wait_for(writer, feed);  // they ask the context for each other
    ctx->forget_actors();
  }
  void append(std::uint32_t from, std::uint32_t to) {
    for (auto i = from; i <= to; ++i) {
      self->send(writer, box(msg::persist{++token, {zab::append_records{{record(i)}}}}));
      self->receive([](boxed<msg::durable>&) {}, [&](boxed<msg::fatal>& m) { FAIL(m->why); });
    }
  }
  void trim(zxid_t checkpoint) { self->send(writer, box(msg::checkpointed{checkpoint})); }
  /// What the feed asks of commit.
  zxid_t wanted() {
    zxid_t out = -1;
    self->receive([&](boxed<msg::committed_wanted>& m) { out = m->after; });
    return out;
  }
  void committed(zxid_t upto) { self->send(feed, box(msg::committed{upto})); }

  std::uint64_t token = 0;
  caf::actor_system_config cfg;
  caf::actor_system system{cfg};
  io::scoped_actor self{system};
  context_ptr ctx;
  caf::actor writer, feed;
};

/// An actor of the test's own asks, so that the test can go on meanwhile.
struct asker {
  explicit asker(feed_fixture& on) : f(on), self(on.system) {}
  void ask(zxid_t after, std::size_t max = 1000) { self->send(f.feed, troupe::feed::next{after, max}); }
  troupe::feed::batch take() {
    troupe::feed::batch out;
    self->receive([&](troupe::feed::batch& b) { out = std::move(b); });
    return out;
  }
  feed_fixture& f;
  io::scoped_actor self;
};

}  // namespace troupe::testing

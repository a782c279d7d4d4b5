// The watch notifier's and the log writer's actors, where subscriptions catch up. The test stands for all other actors.

#include <doctest/doctest.h>

#include <caf/actor_system_config.hpp>

#include "actors/io/scoped_actor.hpp"
#include "actors/node/log_writer.hpp"
#include "actors/node/watch_notifier_actor.hpp"
#include "cluster/commit/transaction_builder.hpp"
#include "persistence/memory_store.hpp"
#include "tests/cluster/commit/subscription_bodies.hpp"

namespace troupe::actors {
namespace {

zxid_t z(std::uint32_t counter) { return make_zxid(1, counter); }

struct still : surroundings {
  std::int64_t monotonic_us() const override { return 0; }
  std::int64_t wall_ms() const override { return 0; }
  std::uint64_t free_bytes() const override { return 1 << 30; }
};

/// What a disk does that has forgotten.
struct rotten_log : persistence::memory_log {
  zab::zab_peer::log_read_result read(zxid_t, std::size_t) override {
    throw persistence::storage_error("record 0x100000001 is damaged");
  }
};

log_record record(std::uint32_t counter) {
  commit::transaction_builder b;
  auto data = std::to_string(counter);
  b.changes.push_back({commit::change_draft::kind::set_data, zk::op::set_data, "/a", data, {}, 0, 1});
  return {z(counter), b.build(1, 0, 0, 0)};
}

struct subscription_fixture {
  explicit subscription_fixture(
      std::unique_ptr<persistence::log_store> log = std::make_unique<persistence::memory_log>()) {
    node_config c;
    c.chunk_bytes = 1;  // a record a read
    c.trim_step = 1, c.log_retain = 1;
    ctx = std::make_shared<node_context>(c, std::make_unique<still>());
    ctx->gateway = ctx->commit = ctx->broadcast = ctx->supervisor = caf::actor_cast<caf::actor>(self);
    ctx->log_writer = writer = system.spawn<log_writer>(ctx, std::move(log));
    watch::subscription_limits l;
    l.recent_bytes = 0;
    ctx->notifier = notifier = system.spawn<watch_notifier_actor>(static_cast<caf::execution_unit*>(nullptr), ctx, l);
  }
  ~subscription_fixture() {
    caf::anon_send_exit(writer, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(notifier, caf::exit_reason::user_shutdown);
    self->wait_for(writer, notifier);  // they ask the context for each other
    ctx->forget_actors();
  }
  /// Without waiting for the disk.
  void append(std::uint32_t from, std::uint32_t to) {
    zab::append_records a;
    for (auto i = from; i <= to; ++i) a.records.push_back(record(i));
    self->send(writer, box(msg::persist{++token, {std::move(a)}}));
  }
  msg::history read(zxid_t after, zxid_t upto, std::size_t max_bytes = 1 << 20) {
    self->send(writer, box(msg::history_read{{5, 6, after, upto}, max_bytes}));
    msg::history out;
    for (bool done = false; !done;)
      self->receive([&](boxed<msg::history>& m) { out = std::move(*m), done = true; }, [&](boxed<msg::durable>&) {},
                    [&](boxed<msg::fatal>& m) { FAIL(m->why); });
    return out;
  }
  void subscribe(conn_id conn, zxid_t since, zxid_t position) {
    stream_batch s;
    jute::writer w(s.bytes);
    auto at = w.begin_frame();
    w.i32(1), w.i64(position), w.i32(0);
    w.end_frame(at);
    auto& i = s.items.emplace_back();
    i.what = stream_item::kind::subscribe, i.size = static_cast<std::uint32_t>(s.bytes.size());
    i.conn = conn, i.zxid = position;
    s.subscriptions.push_back({1, "/a", subscription_scope::node, since, true, 77, {}, false});
    self->send(notifier, box(std::move(s)));
  }
  /// The next delivered frame: the zxid of its header, and the data that it tells; "reply" for a reply.
  std::pair<zxid_t, std::string> next() {
    while (frames.empty())
      self->receive(
          [&](boxed<delivery_batch>& d) {
            for (auto& i : d->items) frames.push_back(d->bytes.substr(i.at, i.size));
          },
          [&](boxed<msg::durable>&) {}, [&](boxed<msg::fatal>& m) { FAIL(m->why); });
    auto f = std::move(frames.front());
    frames.pop_front();
    jute::reader r(std::string_view(f).substr(4));
    auto xid = r.i32();
    auto zxid = r.i64();
    r.i32();
    if (xid != zk::xid_notification) return {zxid, "reply"};
    auto n = test::take_apart(shared_bytes::copy_of(r.rest()));
    return {zxid, n.list.empty() ? "" : n.list[0].data};
  }

  std::uint64_t token = 0;
  std::deque<std::string> frames;
  caf::actor_system_config cfg;
  caf::actor_system system{cfg};
  io::scoped_actor self{system};
  context_ptr ctx;
  caf::actor writer, notifier;
};

using told = std::pair<zxid_t, std::string>;

TEST_CASE("the log writer tells what is committed, and nothing behind it, also of what was just handed to it") {
  subscription_fixture f;
  f.append(1, 5);
  auto h = f.read(z(1), z(4));
  CHECK_FALSE(h.too_old);
  CHECK(h.what.serial == 5);
  CHECK(h.what.conn == 6);
  REQUIRE(h.records.size() == 3);
  for (std::uint32_t i = 0; i < 3; ++i) {
    CHECK(h.records[i].zxid == z(2 + i));
    CHECK(h.records[i].payload.view() == record(2 + i).payload.view());
  }
  CHECK(f.read(z(2), z(5), 1).records.size() == 1);
  CHECK(f.read(z(5), z(5)).records.empty());
  CHECK(f.read(z(4), z(4)).records.empty());
}

TEST_CASE("the log writer says when the log begins later than what is wanted, and where") {
  subscription_fixture f;
  for (std::uint32_t i = 1; i <= 9; ++i) f.append(i, i), f.read(0, z(i));
  f.self->send(f.writer, box(msg::checkpointed{z(9)}));
  auto h = f.read(z(1), z(9));
  CHECK(h.too_old);
  CHECK(h.base == z(8));
  CHECK(h.records.empty());
  CHECK(f.read(z(8), z(9)).records.size() == 1);
}

TEST_CASE("a rotten record ends the node: it is told as nothing else") {
  subscription_fixture f(std::make_unique<rotten_log>());
  f.self->send(f.writer, box(msg::history_read{{1, 1, 0, z(5)}, 1}));
  std::string why;
  f.self->receive([&](boxed<msg::fatal>& m) { why = m->why; }, [&](boxed<msg::history>&) { why = "history"; });
  CHECK(why == "log: record 0x100000001 is damaged");
}

TEST_CASE("a subscription in the past gets it from the log, then its reply") {
  subscription_fixture f;
  f.append(1, 6);
  f.subscribe(actor_port_bit | 1, z(2), z(5));
  CHECK(f.next() == told{z(3), "3"});
  CHECK(f.next() == told{z(4), "4"});
  CHECK(f.next() == told{z(5), "5"});
  CHECK(f.next() == told{z(5), "reply"});
  stream_batch s;
  auto& i = s.items.emplace_back();
  i.what = stream_item::kind::transaction, i.zxid = z(6);
  s.transactions.push_back({z(5), record(6).payload});
  f.self->send(f.notifier, box(std::move(s)));
  CHECK(f.next() == told{z(6), "6"});
}

TEST_CASE("a subscription for which the log begins too late asks the commit actor for the state") {
  subscription_fixture f;
  for (std::uint32_t i = 1; i <= 9; ++i) f.append(i, i), f.read(0, z(i));
  f.self->send(f.writer, box(msg::checkpointed{z(9)}));
  f.subscribe(actor_port_bit | 1, z(2), z(9));
  watch::state_wanted asked;
  f.self->receive([&](boxed<msg::states_wanted>& m) { asked = m->list.at(0); });
  CHECK(asked.conn == (actor_port_bit | 1));
  CHECK(asked.number == 1);
  CHECK(asked.serial == 77);
  stream_batch s;
  auto& i = s.items.emplace_back();
  i.what = stream_item::kind::state, i.conn = asked.conn, i.zxid = z(9);
  capnp::MallocMessageBuilder m;
  auto n = m.initRoot<wire::Notification>();
  n.setSubscription(1), n.setZxid(z(9));
  n.initState().initNodes(1)[0].setData(wire::as_data("state"));
  s.subscriptions.push_back({1, "/a", subscription_scope::node, 0, true, 77, {wire::flatten(m)}, false});
  f.self->send(f.notifier, box(std::move(s)));
  CHECK(f.next() == told{z(9), "state"});
  CHECK(f.next() == told{z(9), "reply"});
}

TEST_CASE("a connection that catches up goes on when the gateway says that it is drained") {
  subscription_fixture f;
  watch::subscription_limits l;
  l.recent_bytes = 0, l.pace_bytes = 1;
  caf::anon_send_exit(f.notifier, caf::exit_reason::user_shutdown);
  f.ctx->notifier = f.notifier =
      f.system.spawn<watch_notifier_actor>(static_cast<caf::execution_unit*>(nullptr), f.ctx, l);
  f.append(1, 3);
  f.subscribe(actor_port_bit | 1, z(1), z(3));
  for (std::uint32_t i = 2; i <= 3; ++i) {
    CHECK(f.next() == told{z(i), std::to_string(i)});
    CHECK(f.frames.empty());
    f.self->send(f.notifier, box(msg::drained{actor_port_bit | 1}));
  }
  CHECK(f.next() == told{z(3), "reply"});
}

}  // namespace
}  // namespace troupe::actors

#include "actors/node/checkpointer.hpp"

#include <capnp/message.h>
#include <doctest/doctest.h>

#include <caf/actor_system_config.hpp>

#include "actors/io/scoped_actor.hpp"
#include "persistence/memory_store.hpp"

namespace troupe::actors {
namespace {

using persistence::memory_state;

struct no_surroundings : surroundings {
  std::int64_t monotonic_us() const override { return 0; }
  std::int64_t wall_ms() const override { return 0; }
  std::uint64_t free_bytes() const override { return 0; }
};

/// A checkpoint of `zxid`: sessions 1 to `sessions`.
tree::state_delta delta(zxid_t zxid, std::uint64_t sessions) {
  tree::database db;
  std::vector<tree::applied_change> ignored;
  for (std::uint64_t id = 1; id <= sessions; ++id) {
    capnp::MallocMessageBuilder message;
    auto txn = message.initRoot<wire::Transaction>();
    auto change = txn.initChanges(1)[0];
    change.setOp(static_cast<std::int32_t>(zk::op::create_session));
    auto open = change.initOpenSession();
    open.setSession(static_cast<session_id>(id)), open.setTimeoutMs(4000);
    db.apply(zxid - static_cast<zxid_t>(sessions - id), txn.asReader(), ignored);
  }
  return db.take_delta();
}

constexpr zxid_t former = make_zxid(1, 10), ours = make_zxid(1, 20), of_leader = make_zxid(2, 30),
                 later = make_zxid(2, 40);

/// The test stands for all other actors. Another state store gives the leader's checkpoint, in several chunks.
struct checkpointer_fixture {
  checkpointer_fixture() {
    node_config c;
    c.chunk_bytes = 1;  // an entry a chunk
    ctx = std::make_shared<node_context>(c, std::make_unique<no_surroundings>());
    ctx->commit = ctx->broadcast = ctx->supervisor = ctx->log_writer = caf::actor_cast<caf::actor>(self);
    auto state = std::make_unique<memory_state>();
    state->write(delta(former, 2));
    checkpoint = system.spawn<checkpointer>(ctx, std::move(state));
    memory_state leader;
    leader.write(delta(of_leader, 9));
    do chunks.push_back(leader.read_chunk(static_cast<std::uint32_t>(chunks.size()), 1));
    while (!chunks.back().last);
    REQUIRE(chunks.size() >= 3);
  }
  ~checkpointer_fixture() {
    caf::anon_send_exit(checkpoint, caf::exit_reason::user_shutdown);
    self->wait_for(checkpoint);  // it asks the context for the others
    ctx->forget_actors();
  }

  template <class T>
  void tell(T what) {
    self->send(checkpoint, box(std::move(what)));
  }
  /// The answer to a chunk of the install; a node that stops instead fails the test.
  msg::installed install(std::size_t index) {
    tell(msg::install{{chunks[index]}});
    msg::installed out{};
    self->receive([&](boxed<msg::installed>& m) { out = std::move(*m); }, [&](boxed<msg::fatal>& m) { FAIL(m->why); });
    return out;
  }
  /// The checkpoint that stands, as a learner gets it. It is answered behind everything that was sent before.
  zxid_t read_by(node_id learner) {
    zxid_t zxid = 0;
    bool last = false;
    for (std::uint32_t i = 0; !last; ++i) {
      tell(msg::snapshot_read{{learner, i, false}});
      self->receive([&](boxed<msg::snapshot_chunk>& m) { zxid = m->chunk.zxid, last = m->chunk.last; },
                    [&](boxed<msg::fatal>& m) { FAIL(m->why); });
    }
    return zxid;
  }
  /// The same, by a learner that needs nothing more.
  zxid_t stands() {
    auto zxid = read_by(3);
    tell(msg::snapshot_read{{3, 0, true}});
    return zxid;
  }
  /// What was reported as written, to commit and log writer, until now.
  std::vector<zxid_t> reported() {
    std::vector<zxid_t> out;
    bool more = true;
    self->receive_while(more)([&](boxed<msg::checkpointed>& m) { out.push_back(m->zxid); },
                              caf::after(std::chrono::seconds(0)) >> [&] { more = false; });
    return out;
  }
  void role(commit::role r) { tell(msg::role{{r, 2, 1}}); }

  caf::actor_system_config cfg;
  caf::actor_system system{cfg};
  io::scoped_actor self{system};
  context_ptr ctx;
  caf::actor checkpoint;
  std::vector<zab::snap_chunk> chunks;
};

using zxids = std::vector<zxid_t>;

TEST_CASE("a checkpoint is written when it comes, and reported to commit and the log writer") {
  checkpointer_fixture f;
  f.tell(msg::checkpoint{delta(ours, 1)});
  REQUIRE(f.stands() == ours);
  CHECK(f.reported() == zxids{ours, ours});
}

TEST_CASE("a checkpoint that comes between two chunks of an install waits, and the install goes on") {
  checkpointer_fixture f;
  CHECK_FALSE(f.install(0).last);
  f.tell(msg::checkpoint{delta(ours, 1)});
  REQUIRE(f.stands() == former);
  CHECK(f.reported().empty());
  for (std::size_t i = 1; i < f.chunks.size(); ++i) {
    auto done = f.install(i);
    CHECK(done.index == i);
    CHECK(done.last == (i + 1 == f.chunks.size()));
  }
  REQUIRE(f.stands() == of_leader);
}

TEST_CASE("a checkpoint that waited for an install is dropped when the install completes: its database is gone") {
  checkpointer_fixture f;
  f.install(0);
  f.tell(msg::checkpoint{delta(ours, 1)});
  for (std::size_t i = 1; i < f.chunks.size(); ++i) f.install(i);
  f.role(commit::role::following);
  REQUIRE(f.stands() == of_leader);
  CHECK(f.reported().empty());
  // What comes of the new one is written.
  f.tell(msg::checkpoint{delta(later, 1)});
  REQUIRE(f.stands() == later);
  CHECK(f.reported() == zxids{later, later});
}

TEST_CASE("a checkpoint that waited for an install is written when the node serves again without it") {
  for (auto serving : {commit::role::following, commit::role::leading}) {
    checkpointer_fixture f;
    f.install(0);
    f.tell(msg::checkpoint{delta(ours, 1)});
    f.role(commit::role::looking);  // the leader was lost in the middle
    REQUIRE(f.stands() == former);
    CHECK(f.reported().empty());
    f.role(serving);
    REQUIRE(f.stands() == ours);
    CHECK(f.reported() == zxids{ours, ours});
  }
}

TEST_CASE("an install that begins anew after it was given up still keeps a checkpoint waiting") {
  checkpointer_fixture f;
  f.install(0), f.install(1);
  f.tell(msg::checkpoint{delta(ours, 1)});
  f.role(commit::role::looking);
  f.install(0);
  REQUIRE(f.stands() == former);
  for (std::size_t i = 1; i < f.chunks.size(); ++i) f.install(i);
  f.role(commit::role::following);
  REQUIRE(f.stands() == of_leader);
  CHECK(f.reported().empty());
}

TEST_CASE("a checkpoint waits while a learner reads the former one, and is written when the learner is gone") {
  checkpointer_fixture f;
  f.tell(msg::snapshot_read{{2, 0, false}});
  f.self->receive([&](boxed<msg::snapshot_chunk>& m) { REQUIRE_FALSE(m->chunk.last); });
  f.tell(msg::checkpoint{delta(ours, 1)});
  REQUIRE(f.stands() == former);  // read by another learner
  CHECK(f.reported().empty());
  f.tell(msg::snapshot_read{{2, 0, true}});
  REQUIRE(f.stands() == ours);
}

TEST_CASE(
    "the log writer hears of no checkpoint behind the one that a learner was sent, until the learner has what "
    "followed") {
  checkpointer_fixture f;
  REQUIRE(f.read_by(3) == former);
  f.tell(msg::checkpoint{delta(ours, 1)});
  REQUIRE(f.read_by(2) == ours);
  CHECK(f.reported() == zxids{ours, former});  // commit, log writer
  f.tell(msg::snapshot_read{{2, 0, true}});
  f.tell(msg::snapshot_read{{3, 0, true}});
  f.tell(msg::checkpoint{delta(later, 1)});
  REQUIRE(f.stands() == later);
  CHECK(f.reported() == zxids{later, later});
}

}  // namespace
}  // namespace troupe::actors

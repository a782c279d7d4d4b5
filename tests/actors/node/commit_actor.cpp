#include "actors/node/commit_actor.hpp"

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <doctest/doctest.h>

#include <caf/actor_system_config.hpp>

#include "actors/io/scoped_actor.hpp"

namespace troupe::actors {
namespace {

struct clock_at_0 : surroundings {
  std::int64_t monotonic_us() const override { return 0; }
  std::int64_t wall_ms() const override { return 0; }
  std::uint64_t free_bytes() const override { return 0; }
};

log_record session_opened(std::uint32_t counter) {
  capnp::MallocMessageBuilder message;
  auto change = message.initRoot<wire::Transaction>().initChanges(1)[0];
  change.setOp(static_cast<std::int32_t>(zk::op::create_session));
  auto open = change.initOpenSession();
  open.setSession(counter), open.setTimeoutMs(4000);
  auto words = capnp::messageToFlatArray(message);
  auto bytes = words.asChars();
  return {make_zxid(1, counter), shared_bytes::copy_of({bytes.begin(), bytes.size()})};
}

/// The test stands for all other actors.
struct commit_fixture {
  explicit commit_fixture(std::size_t snapshot_distance_bytes) {
    node_config c;
    c.snapshot_distance_bytes = snapshot_distance_bytes;
    ctx = std::make_shared<node_context>(c, std::make_unique<clock_at_0>());
    for (auto* a : ctx->others()) *a = caf::actor_cast<caf::actor>(self);
    ctx->supervisor = ctx->feed = caf::actor_cast<caf::actor>(self);
    ctx->commit = commit = system.spawn<commit_actor>(nullptr, ctx, std::make_unique<tree::database>());
  }
  ~commit_fixture() {
    caf::anon_send_exit(commit, caf::exit_reason::user_shutdown);
    self->wait_for(commit);  // it asks the context for the others
    ctx->forget_actors();
  }
  /// Of which zxids checkpoints begin with this message. A feed's question, which is answered behind it, ends the wait.
  template <class T>
  std::vector<zxid_t> begun(T what) {
    std::vector<zxid_t> out;
    self->send(commit, box(std::move(what)));
    self->send(commit, box(msg::committed_wanted{-1}));
    bool more = true;
    self->receive_while(more)([&](boxed<msg::checkpoint>& m) { out.push_back(m->delta.zxid); },
                              [&](boxed<msg::committed>&) { more = false; }, [&](boxed<msg::session_changes>&) {},
                              [&](stream_batch&) {}, [&](boxed<msg::fatal>& m) { FAIL(m->why); });
    return out;
  }
  msg::local delivered(std::uint32_t from, std::uint32_t to) {
    zab::deliver d;
    for (auto i = from; i <= to; ++i) d.committed.push_back(session_opened(i));
    msg::local out;
    out.ops.push_back(std::move(d));
    return out;
  }

  caf::actor_system_config cfg;
  caf::actor_system system{cfg};
  io::scoped_actor self{system};
  context_ptr ctx;
  caf::actor commit;
};

using zxids = std::vector<zxid_t>;

TEST_CASE("a checkpoint begins after snapshot-distance-bytes of log, and again when it is written") {
  commit_fixture f(3 * persistence::stored_bytes(session_opened(1)));
  CHECK(f.begun(f.delivered(1, 2)).empty());
  CHECK(f.begun(f.delivered(3, 3)) == zxids{make_zxid(1, 3)});
  CHECK(f.begun(f.delivered(4, 9)).empty());
  CHECK(f.begun(msg::checkpointed{make_zxid(1, 3)}) == zxids{make_zxid(1, 9)});
}

TEST_CASE("a checkpoint begins at once when the disk becomes low, if there is something to write") {
  commit_fixture f(1 << 20);
  CHECK(f.begun(msg::space{true, 1 << 20}).empty());
  CHECK(f.begun(msg::space{false, 1 << 20}).empty());
  CHECK(f.begun(f.delivered(1, 2)).empty());
  CHECK(f.begun(msg::space{true, 1 << 20}) == zxids{make_zxid(1, 2)});
  CHECK(f.begun(msg::checkpointed{make_zxid(1, 2)}).empty());
}

}  // namespace
}  // namespace troupe::actors

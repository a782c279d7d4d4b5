// What one machine refuses or does not count, driven step by step, with a disk that answers when the test says so.

#include <doctest/doctest.h>

#include "cluster/zab/history.hpp"
#include "stepwise_node.hpp"

using namespace troupe;
using namespace troupe::zab;

namespace {

/// Node 2 of three, synchronised with leader 1 of epoch 1, whose history is empty, and serving.
void serve(node& n) {
  n.link(1);
  n.peer.follow(1, n.now_ms, n.fx);
  n.hear(1, 1, leader_info{}), n.disk();
  n.hear(1, 1, new_leader{0}), n.disk();
  n.hear(1, 1, up_to_date{0});
  REQUIRE(n.peer.role() == commit::role::following);
}

/// Node 1 of five, all of which were in epoch 1, with FollowerInfo of 2, 3 and 4, which have LeaderInfo of epoch 2.
constexpr log_state in_epoch_1{1, 1, 0, 0};
void gather(node& n, epoch_t known = 1) {
  for (node_id id : {2, 3, 4}) n.link(id);
  n.peer.lead(0, n.fx);
  n.hear(2, 0, follower_info{known}), n.hear(3, 0, follower_info{known});
  n.disk();
  n.hear(4, 0, follower_info{known});
  REQUIRE(n.peer.accepted_epoch() == known + 1);
}

}  // namespace

TEST_CASE("a learner leaves a leader that sends it a hole, and appends nothing of it (ZOOKEEPER-4925)") {
  for (auto second : {make_zxid(1, 3), make_zxid(1, 1), make_zxid(2, 1)}) {
    CAPTURE(second);
    node n(2, 3);
    serve(n);
    n.hear(1, 1, proposals{{{make_zxid(1, 1), payload()}, {second, payload()}}, 0});
    CHECK(n.fx.look);
    CHECK(n.dropped(1));
    CHECK(n.fx.persist.empty());
    CHECK(n.peer.last_logged() == 0);
  }
}

TEST_CASE("a learner leaves a leader whose next frame begins after a hole (ZOOKEEPER-4925)") {
  node n(2, 3);
  serve(n);
  n.hear(1, 1, proposals{{{make_zxid(1, 1), payload()}}, 0});
  n.disk();
  CHECK(n.sent<ack>() == 1);
  n.hear(1, 1, proposals{{{make_zxid(1, 3), payload()}}, 0});
  CHECK(n.fx.look);
  CHECK(n.peer.last_logged() == make_zxid(1, 1));
}

TEST_CASE("a learner leaves a leader that commits what it never proposed to it") {
  node n(2, 3);
  serve(n);
  n.hear(1, 1, commit_up_to{make_zxid(1, 1)});
  CHECK(n.fx.look);
  CHECK(n.peer.committed() == 0);
}

TEST_CASE("an AckEpoch that comes twice from one learner is counted once, and the learner is dropped") {
  node n(1, 5, in_epoch_1);
  gather(n);
  n.hear(2, 2, ack_epoch{1});
  n.hear(2, 2, ack_epoch{1});
  CHECK(n.dropped(2));
  CHECK(n.peer.current_epoch() == 1);
  n.hear(3, 2, ack_epoch{1});
  CHECK(n.peer.current_epoch() == 1);  // 1 and 3 of five
  CHECK(n.sent<new_leader>() == 0);
  n.hear(4, 2, ack_epoch{1});
  CHECK(n.peer.current_epoch() == 2);
  CHECK(n.sent<new_leader>() == 2);
}

TEST_CASE("an AckEpoch that repeats a promise to another leader does not count for the quorum") {
  node n(1, 5, in_epoch_1);
  gather(n);
  n.hear(2, 2, ack_epoch{1, 0, true});
  n.hear(3, 2, ack_epoch{1});
  CHECK(n.peer.current_epoch() == 1);
  CHECK(n.fx.look);  // 1, 2 and 3 are a quorum, but not one for this epoch: a later one is tried
}

TEST_CASE("a voter whose data were wiped counts for the quorum only beside all others") {
  node n(1, 3, in_epoch_1);
  n.link(2), n.link(3);
  n.peer.lead(0, n.fx);
  n.hear(2, 0, follower_info{}), n.disk();
  n.hear(2, 2, ack_epoch{});
  CHECK(n.peer.current_epoch() == 1);  // what 2 forgot, 3 may have
  CHECK_FALSE(n.fx.look);
  CHECK(n.fx.log.size() == 1);
  n.hear(3, 0, follower_info{1});
  n.hear(3, 2, ack_epoch{1});
  CHECK(n.peer.current_epoch() == 2);
}

TEST_CASE("a voter whose data were wiped does not count beside one that has promised this epoch to another leader") {
  node n(1, 3, in_epoch_1);
  n.link(2), n.link(3);
  n.peer.lead(0, n.fx);
  n.hear(2, 0, follower_info{}), n.disk();
  n.hear(2, 2, ack_epoch{});
  n.hear(3, 0, follower_info{2});
  n.hear(3, 2, ack_epoch{1, 0, true});  // 2 may have been that leader
  CHECK(n.peer.current_epoch() == 1);
  CHECK(n.fx.look);
}

TEST_CASE("the voters of a new ensemble establish a leader once all have come") {
  node n(1, 3);
  n.link(2), n.link(3);
  n.peer.lead(0, n.fx);
  n.hear(2, 0, follower_info{}), n.disk();
  n.hear(2, 1, ack_epoch{});
  CHECK(n.peer.current_epoch() == 0);
  n.hear(3, 0, follower_info{});
  n.hear(3, 1, ack_epoch{});
  CHECK(n.peer.current_epoch() == 1);
}

TEST_CASE("a wiped voter that joins a serving leader counts only when every other voter has answered since") {
  // 4 may have promised the epoch after this one to 5 before it lost its data; 5 may lead by now, with 2 and 3.
  node n(1, 5, in_epoch_1);
  n.link(5);
  gather(n);
  for (node_id id : {2, 3}) n.hear(id, 2, ack_epoch{1});
  n.disk();
  for (node_id id : {2, 3}) n.hear(id, 2, ack_new_leader{});
  REQUIRE(n.peer.role() == commit::role::leading);
  n.unlink(4), n.link(4);
  n.hear(4, 0, follower_info{});
  n.hear(4, 2, ack_epoch{});
  CHECK(n.sent<new_leader>() == 0);
  REQUIRE(n.sent<ping>() > 0);
  const auto serial = std::get<ping>(std::find_if(n.fx.send.begin(), n.fx.send.end(),
                                                  [](auto& s) { return std::holds_alternative<ping>(s.what.body); })
                                         ->what.body)
                          .serial;
  n.hear(2, 2, pong{serial, {}}), n.hear(3, 2, pong{serial, {}});
  CHECK(n.sent<new_leader>() == 0);
  n.hear(5, 0, follower_info{1});
  n.hear(5, 2, ack_epoch{1});
  CHECK(n.sent<new_leader>() == 1);  // to 5 itself
  n.hear(5, 2, pong{serial - 1, {}});
  CHECK(n.sent<new_leader>() == 0);
  n.hear(5, 2, pong{serial, {}});
  REQUIRE(n.sent<new_leader>() == 1);
  CHECK(n.fx.send.back().to == 4);
}

TEST_CASE("the disk's answer to what was appended before a truncation confirms nothing above the truncation") {
  history h(2, {1, 1, 0, make_zxid(1, 5)}, make_zxid(1, 2), 1 << 20, 1 << 20);
  effects first, cut, again;
  auto appended = h.append({{make_zxid(1, 6), payload()}, {make_zxid(1, 7), payload()}}, 0, first);
  h.truncate(make_zxid(1, 5), make_zxid(1, 5), 0, cut);
  auto other = h.append({{make_zxid(2, 1), payload()}}, 0, again);

  h.on_durable(appended);
  CHECK(h.durable() == make_zxid(1, 5));
  h.on_durable(cut.persist_token);
  CHECK(h.durable() == make_zxid(1, 5));
  h.on_durable(other);
  CHECK(h.durable() == make_zxid(2, 1));
}

TEST_CASE("a leader that does not answer is waited for twice as long each time, until some leader has led us") {
  node n(2, 3);
  const zab_settings defaults;
  auto waits = [&] {  // until it looks again
    n.link(1);
    n.peer.follow(1, n.now_ms, n.fx);
    const auto began = n.now_ms;
    n.fx.look = false;
    while (!n.fx.look) n.now_ms += 10, n.peer.tick(n.now_ms, n.fx);
    n.unlink(1);
    return n.now_ms - began - 10;
  };
  auto expected = defaults.answer_timeout_ms;
  for (int i = 0; i < 4; ++i, expected *= 2) CHECK(waits() == expected);
  CHECK(expected == 16 * defaults.answer_timeout_ms);
  CHECK(waits() == expected);
  CHECK(waits() == defaults.sync_timeout_ms);
  CHECK(waits() == defaults.sync_timeout_ms);
  n.fx.look = false;
  serve(n);
  n.unlink(1);
  CHECK(waits() == defaults.answer_timeout_ms);
}

TEST_CASE("an elected leader waits twice as long for a quorum each time that none came") {
  node n(1, 3);
  const zab_settings defaults;
  for (auto expected = defaults.gather_timeout_ms; expected < defaults.sync_timeout_ms; expected *= 2) {
    n.peer.lead(n.now_ms, n.fx);
    const auto began = n.now_ms;
    n.fx.look = false;
    while (!n.fx.look) n.now_ms += 10, n.peer.tick(n.now_ms, n.fx);
    CHECK(n.now_ms - began - 10 == expected);
  }
}

TEST_CASE("a leader that is not established gives up when its disk hangs, and looks again once the disk has answered") {
  node n(1, 3, in_epoch_1);
  const auto limit = 2 * zab_settings{}.sync_timeout_ms;
  n.link(2);
  n.peer.lead(0, n.fx);
  n.hear(2, 0, follower_info{1});
  auto token = n.fx.persist_token;
  SUBCASE("with the new epoch accepted in memory only") {}
  SUBCASE("with the epoch accepted, and its history on the way to the disk") {
    n.disk();
    n.hear(2, 2, ack_epoch{1});
    token = n.fx.persist_token;
  }
  REQUIRE(token);
  auto pass = [&](std::int64_t until_ms) {  // node 2 answers pings all the time
    bool rested = false;
    while (n.now_ms < until_ms) {
      n.now_ms += 100;
      n.fx.clear();
      n.peer.tick(n.now_ms, n.fx);
      rested |= n.fx.rest;
      REQUIRE_FALSE(n.fx.look);
      n.hear(2, 2, pong{});
    }
    return rested;
  };
  REQUIRE_FALSE(pass(limit));  // a stall that may end
  CHECK(pass(limit + 100));
  CHECK_FALSE(pass(20 * limit));
  n.fx.clear();
  n.peer.on_durable(token, n.now_ms, n.fx);
  CHECK(n.fx.look);
  CHECK_FALSE(n.fx.rest);
}

TEST_CASE("a stall of the disk that ends in time costs a leader that is not established nothing") {
  node n(1, 3, in_epoch_1);
  const auto limit = 2 * zab_settings{}.sync_timeout_ms;
  for (auto id : {2, 3}) n.link(static_cast<node_id>(id));
  n.peer.lead(0, n.fx);
  n.hear(2, 0, follower_info{1});
  auto token = n.fx.persist_token;
  while (n.now_ms < limit)
    n.now_ms += 100, n.peer.tick(n.now_ms, n.fx), n.peer.on_message(2, {2, pong{}}, n.now_ms, n.fx);
  n.fx.clear();
  n.peer.on_durable(token, n.now_ms, n.fx);
  CHECK_FALSE(n.fx.look);
  CHECK(n.sent<leader_info>() == 1);
}

TEST_CASE("a follower whose role ends while its disk hangs looks again only once the disk has caught up") {
  node n(2, 3);
  serve(n);
  auto append = [&](std::uint32_t counter) {
    n.hear(1, 1, proposals{{{make_zxid(1, counter), payload()}}, 0});
    return n.fx.persist_token;
  };
  const auto limit = 2 * zab_settings{}.sync_timeout_ms;
  auto first = append(1);
  n.now_ms = 1;
  auto second = append(2);
  n.now_ms = limit + 2;
  n.fx.clear();
  n.unlink(1);
  CHECK(n.fx.rest);
  CHECK_FALSE(n.fx.look);
  n.fx.clear();
  n.peer.on_durable(first, n.now_ms, n.fx);  // the second waits for too long too
  CHECK_FALSE(n.fx.look);
  n.peer.on_durable(second, n.now_ms, n.fx);
  CHECK(n.fx.look);
}

namespace {
/// Our log does not reach back to the learner's last record.
void needs_snapshot(node& n) {
  REQUIRE(n.fx.log_reads.size() == 1);
  auto read = n.fx.log_reads.front();
  n.disk();
  n.fx.clear();
  n.peer.on_log_read(read, {-1, {}, false}, n.now_ms, n.fx);
  REQUIRE(n.fx.snapshot_reads.size() == 1);
}
}  // namespace

TEST_CASE("a leader waits for a voter that takes its checkpoint as long as it goes on, and no longer") {
  node n(1, 3, {1, 1, make_zxid(1, 100), make_zxid(1, 100)});  // its log has nothing before its end
  const zab_settings defaults;
  n.link(2);
  n.peer.lead(0, n.fx);
  n.hear(2, 0, follower_info{1, make_zxid(1, 1)}), n.disk();
  n.hear(2, 2, ack_epoch{1, make_zxid(1, 1)});
  needs_snapshot(n);
  auto pass = [&](std::int64_t ms) {  // node 2 answers pings all the time
    for (auto until = n.now_ms + ms; n.now_ms < until;) {
      n.now_ms += 100;
      n.fx.clear();
      n.peer.tick(n.now_ms, n.fx);
      if (n.fx.look) return;
      n.hear(2, 2, pong{});
    }
  };
  for (std::uint32_t chunk = 0; chunk < 5; ++chunk) {  // each a little faster than would be too slow
    n.fx.clear();
    n.peer.on_snapshot_chunk(2, {make_zxid(1, 100), chunk, false, shared_bytes::copy_of("chunk")}, n.now_ms, n.fx);
    REQUIRE(n.sent<snap_chunk>() == 1);
    pass(defaults.init_timeout_ms - 1'000);
    REQUIRE_FALSE(n.fx.look);
    n.hear(2, 2, snap_ack{chunk});
    REQUIRE(n.fx.snapshot_reads.size() == 1);
  }
  pass(2 * defaults.init_timeout_ms);
  CHECK(n.fx.look);
}

TEST_CASE("the log has to reach back to a checkpoint until its learner has what came after it") {
  node n(1, 3, {1, 1, make_zxid(1, 100), make_zxid(1, 102)});
  n.link(2);
  n.peer.lead(0, n.fx);
  n.hear(2, 0, follower_info{1, make_zxid(1, 1)}), n.disk();
  n.hear(2, 2, ack_epoch{1, make_zxid(1, 1)});
  needs_snapshot(n);
  auto answer_read = [&](zxid_t position, log_records records) {
    REQUIRE(n.fx.log_reads.size() == 1);
    auto read = n.fx.log_reads.front();
    n.fx.clear();
    n.peer.on_log_read(read, {position, std::move(records), true}, n.now_ms, n.fx);
  };
  n.fx.clear();
  n.peer.on_snapshot_chunk(2, {make_zxid(1, 100), 0, true, shared_bytes::copy_of("all")}, n.now_ms, n.fx);
  CHECK(n.fx.snapshot_reads.empty());
  n.hear(2, 2, snap_ack{0});
  CHECK(n.fx.snapshot_reads.empty());
  answer_read(make_zxid(1, 100), {{make_zxid(1, 101), payload()}, {make_zxid(1, 102), payload()}});
  REQUIRE(n.sent<new_leader>() == 1);
  REQUIRE(n.fx.snapshot_reads.size() == 1);
  CHECK(n.fx.snapshot_reads[0].close);
}

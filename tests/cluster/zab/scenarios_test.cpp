#include <doctest/doctest.h>

#include "sim_ensemble.hpp"

using namespace troupe;
using namespace troupe::zab;
using sim::ensemble;
using sim::options;

namespace {

bool serving(ensemble& e) {
  auto l = e.leader();
  if (!l) return false;
  for (auto& [id, n] : e.nodes())
    if (n.up && (n.role == commit::role::looking || n.epoch != e.at(l).epoch)) return false;
  return true;
}
void start(ensemble& e) {
  e.until("everybody serves", [&] { return serving(e); });
}
void write(ensemble& e, int count) {
  auto before = e.committed().size();
  e.submit(e.leader(), count);
  e.until("the writes are committed", [&] {
    if (e.committed().size() < before + static_cast<std::size_t>(count)) return false;
    for (auto& [id, n] : e.nodes())
      if (n.up && n.delivered.size() < e.committed().size()) return false;
    return true;
  });
}
node_id other_than(node_id a, node_id b = 0) {
  for (node_id id = 1;; ++id)
    if (id != a && id != b) return id;
}
bool contains(const log_records& list, std::string_view text) {
  for (auto& r : list)
    if (r.payload.view().starts_with(text)) return true;
  return false;
}

}  // namespace

TEST_CASE("a single voter establishes itself and commits alone") {
  ensemble e({.members = {{1}}});
  start(e);
  CHECK(e.leader() == 1);
  write(e, 3);
  CHECK(e.committed().size() == 3);
  CHECK(e.at(1).epoch == 1);
  e.crash(1), e.restart(1);
  e.converge();
  CHECK(e.at(1).epoch == 2);
  CHECK(e.committed().size() == 5);
}

TEST_CASE("two nodes of three that agree need no waiting to replace a leader that was killed") {
  ensemble e({});
  start(e);
  write(e, 5);
  auto killed = e.leader();
  e.settle();
  auto then = e.now_ms();
  e.crash(killed);
  while (!serving(e)) e.settle(), e.pass_ms(serving(e) ? 0 : 1);
  CHECK(e.now_ms() - then <= 2);
  CHECK(e.leader() != killed);
}

TEST_CASE("five nodes replace a leader that was killed within finalize_ms") {
  ensemble e({.members = {{1}, {2}, {3}, {4}, {5}}});
  start(e);
  write(e, 5);
  auto killed = e.leader();
  e.settle();
  auto then = e.now_ms();
  e.crash(killed);
  while (!serving(e)) e.settle(), e.pass_ms(serving(e) ? 0 : 1);
  CHECK(e.now_ms() - then <= 25);
}

TEST_CASE("nothing is committed before it is on the disks of a quorum") {
  ensemble e({});
  start(e);
  auto l = e.leader();
  for (auto& [id, n] : e.nodes()) n.frozen = id != l;
  e.submit(l, 2);
  e.settle();
  CHECK(e.at(l).on_disk.last() == make_zxid(e.at(l).epoch, 2));
  CHECK(e.committed().empty());
  CHECK(e.at(l).peer->pending() == 2);
  e.at(other_than(l)).frozen = false;
  e.settle();
  CHECK(e.committed().size() == 2);
  CHECK(e.at(l).peer->pending() == 0);
}

TEST_CASE(
    "a leader whose own disk is slow still commits what a quorum of followers has, and delivers it later itself") {
  ensemble e({});
  start(e);
  auto l = e.leader();
  e.at(l).frozen = true;
  e.submit(l, 2);
  e.settle();
  CHECK(e.committed().size() == 2);
  CHECK(e.at(l).delivered.empty());
  e.at(l).frozen = false;
  e.settle();
  CHECK(e.at(l).delivered.size() == 2);
}

TEST_CASE("a leader whose disk hangs leaves the lead to the others, for good, and comes back when its disk answers") {
  ensemble e({});
  start(e);
  auto old = e.leader();
  e.at(old).frozen = true;  // its vote stays the best: the same history, the largest id
  e.submit(old, 1);
  e.settle();
  auto others_serve = [&] {
    auto l = e.leader();
    auto third = other_than(old, l);
    return l && l != old && e.at(third).role == commit::role::following && e.at(third).epoch == e.at(l).epoch;
  };
  e.until("the others have a leader of their own", others_serve, 5000);
  auto epoch = e.at(e.leader()).epoch;
  for (auto end = e.now_ms() + 20000; e.now_ms() < end; e.pass_ms(10), e.settle()) REQUIRE(others_serve());
  CHECK(e.at(e.leader()).epoch == epoch);
  e.at(old).frozen = false;
  e.until(
      "it serves with them", [&] { return serving(e); }, 200);
  CHECK(e.at(e.leader()).epoch == epoch);
  write(e, 2);
}

TEST_CASE("the others elect one of them when their leader dies, though a node whose disk hangs has the best vote") {
  ensemble e({.members = {{1}, {2}, {3}, {4}, {5}}});
  start(e);
  auto hung = e.leader();
  REQUIRE(hung == 5);
  e.at(hung).frozen = true;
  e.submit(hung, 1);
  e.until(
      "the others have a leader of their own", [&] { return e.leader() && e.leader() != hung; }, 5000);
  for (auto end = e.now_ms() + 5000; e.now_ms() < end; e.pass_ms(10)) e.settle();
  auto second = e.leader();
  REQUIRE(second != hung);
  e.crash(second);
  e.until(
      "one of those that are left leads", [&] { return e.leader() && e.leader() != hung; }, 1000);
}

TEST_CASE("a deposed leader's uncommitted proposals are truncated when it returns (ZOOKEEPER-1154, 2845)") {
  ensemble e({});
  start(e);
  write(e, 4);
  auto old = e.leader();
  e.isolate(old);
  e.submit(old, 3);
  e.until("the others have a leader of their own", [&] { return e.leader() && e.leader() != old; });
  auto uncommitted = e.at(old).on_disk.last();
  SUBCASE("from memory") {}
  SUBCASE("after a restart") { e.crash(old, true), e.restart(old); }
  e.submit(e.leader(), 2);
  e.until("their writes are committed", [&] { return e.committed().size() == 6; });
  e.converge();
  CHECK(e.at(old).on_disk.log.count(uncommitted) == 0);
  CHECK(e.counts().at("Trunc") >= 1);
  CHECK_FALSE(contains(e.at(old).delivered, "txn 5"));
}

TEST_CASE("a truncation that lands on another zxid of an older epoch is placed again") {
  ensemble e({.window_bytes = 100});
  start(e);
  write(e, 3);
  e.settle();
  for (node_id id : {1, 2, 3}) e.crash(id);
  // Epoch 2 was led by node 1, which lacked the last proposals of epoch 1, and committed nothing; epoch 3 by one who
  // had them.
  auto add = [&](node_id id, epoch_t epoch, std::uint32_t from, std::uint32_t to, const char* what) {
    for (auto i = from; i <= to; ++i) e.at(id).on_disk.log[make_zxid(epoch, i)] = shared_bytes::copy_of(what);
  };
  auto epoch = e.at(1).on_disk.current;
  add(1, epoch + 1, 1, 3, "never committed");
  e.at(1).on_disk.accepted = e.at(1).on_disk.current = epoch + 1;
  for (node_id id : {2, 3}) {
    add(id, epoch, 4, 5, "late"), add(id, epoch + 2, 1, 1, "later");
    e.at(id).on_disk.accepted = e.at(id).on_disk.current = epoch + 2;
  }
  e.converge();
  CHECK(e.counts().at("Trunc") == 1);
  CHECK_FALSE(contains(e.at(1).delivered, "never"));
  CHECK(contains(e.at(1).delivered, "late"));
  CHECK(e.at(1).delivered.size() == e.committed().size());
}

TEST_CASE(
    "a follower that crashes between any two steps of its synchronisation loses nothing (ZOOKEEPER-3911, 4643, 4646, "
    "4785)") {
  for (int who = 0; who < 3; ++who) {
    for (int k = 0; k < 90; ++k) {
      ensemble e({.seed = static_cast<std::uint64_t>(k) + 1, .window_bytes = 200});
      start(e);
      write(e, 2);
      auto l = e.leader(), f = other_than(l);
      e.crash(f);
      write(e, 9);
      e.restart(f);
      e.connect_some(true);
      for (int i = 0; i < k; ++i)
        if (!e.one_event()) e.connect_some(true), e.pass_ms(1);
      if (who != 1) e.crash(f, k % 2);
      if (who != 0) e.crash(l, k % 2);
      e.restart(f);
      // The two that did not lead go on without the leader: the third has everything, f perhaps a part.
      if (who != 0) e.until("the others go on", [&] { return e.leader() && e.leader() != l; });
      e.converge();
      CHECK(e.committed().size() >= 13);
    }
  }
}

TEST_CASE("a follower far behind copies the checkpoint, wherever that is interrupted (ZOOKEEPER-2872, 3642)") {
  for (int how = 0; how < 3; ++how) {
    for (int k = 0; k < 16; ++k) {
      ensemble e({.seed = static_cast<std::uint64_t>(k) + 1, .window_bytes = 200, .snapshot_chunk_records = 4});
      start(e);
      write(e, 3);
      auto l = e.leader(), f = other_than(l);
      e.crash(f);
      for (int i = 0; i < 5; ++i) write(e, 4);
      for (auto& [id, n] : e.nodes()) e.checkpoint(id, true);
      write(e, 2);
      e.restart(f);
      int states = 0;
      e.until("the copy is as far as wanted", [&] {
        if (!e.at(f).state_queue.empty() && states < k) states += e.state_one(f);
        return states >= k || e.at(f).installs > 0;
      });
      if (how == 0) e.crash(f);
      if (how == 1) e.break_link(l, f);
      if (how == 2) e.crash(l, true);
      e.converge();
      CHECK(e.at(f).installs >= (how == 0 || k > 6 ? 0 : 1));
      CHECK(e.at(f).delivered.size() == e.committed().size());
      CHECK(e.at(f).on_disk.marker == 0);
    }
  }
}

TEST_CASE("the end of the zxid counter begins a new epoch instead of wrapping (ZOOKEEPER-1277)") {
  ensemble e({.max_counter = 5});
  start(e);
  auto first = e.at(e.leader()).epoch;
  e.submit(e.leader(), 8);
  e.until("it looks or leads anew", [&] { return !e.leader() || e.at(e.leader()).epoch > first; });
  e.converge();
  CHECK(e.at(e.leader()).epoch > first);
  CHECK(e.committed().size() == 7);  // the five of the first epoch, two of converge
  CHECK(e.committed()[4].zxid == make_zxid(first, 5));
  CHECK(e.committed()[5].zxid == make_zxid(e.at(e.leader()).epoch, 1));
}

TEST_CASE("an observer delivers, but is no part of a quorum") {
  ensemble e({.members = {{1}, {2}, {3, true}}});
  start(e);
  write(e, 3);
  CHECK(e.at(3).delivered.size() == 3);
  CHECK(e.at(3).role == commit::role::following);
  auto l = e.leader();
  e.crash(other_than(l, 3));
  e.until("the leader gave up", [&] { return e.at(l).role == commit::role::looking; });
  for (int i = 0; i < 200; ++i) e.settle(), e.pass_ms(10);
  CHECK(e.leader() == 0);
}

TEST_CASE("weights decide who is a quorum") {
  ensemble e({.members = {{1, false, 3}, {2}, {3}}});
  start(e);
  e.crash(2), e.crash(3);
  e.until("1 leads alone", [&] { return e.leader() == 1; });
  write(e, 2);
  e.crash(1), e.restart(2), e.restart(3);
  for (int i = 0; i < 200; ++i) e.settle(), e.pass_ms(10);
  CHECK(e.leader() == 0);
  e.converge();
  CHECK(e.committed().size() == 4);
}

TEST_CASE("a leader that was cut off does not answer a sync") {
  ensemble e({});
  start(e);
  write(e, 1);
  auto old = e.leader();
  e.settle();
  auto answered = e.at(old).last_answer;
  for (auto& [id, n] : e.nodes())
    if (id != old) e.clog(id, old, true);
  e.submit(old, 0, true);
  e.settle();
  CHECK(e.at(old).last_answer == answered);
  for (auto& [id, n] : e.nodes())
    if (id != old) e.clog(id, old, false);
  e.settle();
  CHECK(e.at(old).last_answer > answered);
}

TEST_CASE("a sync is not answered by a pong that was sent before it") {
  ensemble e({});
  start(e);
  auto l = e.leader();
  e.settle();
  auto answered = e.at(l).last_answer;
  e.pass_ms(60);  // the leader pings
  for (auto& [id, n] : e.nodes())
    if (id != l) {
      while (e.deliver_one(l, id)) continue;
      e.clog(l, id, true);
    }
  e.submit(l, 0, true);
  for (auto& [id, n] : e.nodes())
    if (id != l)
      while (e.deliver_one(id, l)) continue;
  CHECK(e.at(l).last_answer == answered);
  for (auto& [id, n] : e.nodes()) e.clog(l, id, false);
  e.settle();
  CHECK(e.at(l).last_answer > answered);
}

TEST_CASE("a voter that promised a later epoch to a leader who failed can come back") {
  ensemble e({});
  start(e);
  write(e, 1);
  auto f = other_than(e.leader());
  e.crash(f);
  e.at(f).on_disk.accepted = 40;
  e.converge();
  CHECK(e.at(f).epoch > 40);
}

TEST_CASE("a follower whose link broke comes back in the same epoch") {
  ensemble e({});
  start(e);
  write(e, 2);
  auto l = e.leader(), f = other_than(l);
  auto epoch = e.at(l).epoch;
  e.break_link(l, f);
  e.settle();
  write(e, 2);
  e.until("it is back", [&] { return serving(e); });
  CHECK(e.at(f).epoch == epoch);
  CHECK(e.leader() == l);
}

TEST_CASE("a node that starts finds the established leader without disturbing it (ZOOKEEPER-1732)") {
  ensemble e({.members = {{1}, {2}, {3}, {4}, {5}}});
  start(e);
  e.crash(1);
  write(e, 2);
  auto l = e.leader();
  auto epoch = e.at(l).epoch;
  e.restart(1);
  e.until("1 follows", [&] { return e.at(1).role == commit::role::following; });
  CHECK(e.leader() == l);
  CHECK(e.at(1).epoch == epoch);
  CHECK(e.at(l).became_leader == 1);
}

TEST_CASE("epochs that are used up stop the node") {
  options o{.members = {{1}}, .first_epoch = 0x7ffffffe};
  CHECK_THROWS_WITH_AS(ensemble{o}, doctest::Contains("epochs are used up"), sim::violation);
}

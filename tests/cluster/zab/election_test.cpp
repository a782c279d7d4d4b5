#include <doctest/doctest.h>

#include "cluster/zab/election.hpp"

using namespace troupe;
using namespace troupe::zab;
using state_t = notification::state_t;

namespace {

struct voter {
  explicit voter(node_id self, std::vector<member> members, zxid_t last = 5, epoch_t epoch = 1)
      : e([&] {
          election_settings s;
          s.self = self, s.ensemble.members = std::move(members);
          return s;
        }()) {
    e.look(last, epoch, 0, fx);
  }
  void link(node_id peer, bool up = true) { e.on_link(peer, up, now, fx); }
  void hear(node_id from, notification n) { e.on_notification(from, n, now, fx); }
  void tick(std::int64_t at) { now = at, e.tick(now, fx); }
  notification said() const { return fx.send.back().what; }

  std::int64_t now = 0;
  election_effects fx;
  election e;
};

const std::vector<member> three{{1}, {2}, {3}};

}  // namespace

TEST_CASE("a single voter elects itself at once") {
  voter v(1, {{1}});
  CHECK(v.fx.decided == 1);
  CHECK_FALSE(v.e.looking());
}

TEST_CASE("votes are ordered by epoch, then zxid, then id") {
  voter v(2, three);
  v.link(1), v.link(3);
  v.hear(1, {state_t::looking, 1, 4, 1, 1});  // smaller zxid
  CHECK(v.said().leader == 2);
  v.hear(1, {state_t::looking, 1, 5, 1, 1});  // smaller id
  CHECK(v.said().leader == 2);
  v.hear(3, {state_t::looking, 3, 5, 1, 1});  // larger id
  CHECK(v.said().leader == 3);
  v.hear(1, {state_t::looking, 1, 1, 2, 1});  // later epoch beats any zxid (ZOOKEEPER-335, 1082)
  CHECK(v.said().leader == 1);
}

TEST_CASE("the election ends at once when every voter that can be reached agrees") {
  voter v(3, three);
  v.link(1);
  v.hear(1, {state_t::looking, 3, 5, 1, 1});
  CHECK(v.fx.decided == 3);
}

TEST_CASE("a quorum waits finalize_ms for a better vote of a voter that has not spoken") {
  voter v(2, three);
  v.link(1), v.link(3);
  v.hear(1, {state_t::looking, 2, 5, 1, 1});
  CHECK_FALSE(v.fx.decided);
  SUBCASE("and ends after it") {
    v.tick(49);
    CHECK_FALSE(v.fx.decided);
    v.tick(50);
    CHECK(v.fx.decided == 2);
  }
  SUBCASE("and takes the better one") {
    v.tick(49);
    v.hear(3, {state_t::looking, 3, 9, 1, 1});
    v.tick(50);
    CHECK_FALSE(v.fx.decided);
    v.hear(1, {state_t::looking, 3, 9, 1, 1});
    CHECK(v.fx.decided == 3);
  }
}

TEST_CASE("a later round is joined, an older one answered") {
  voter v(2, three);
  v.link(1), v.link(3);
  v.hear(1, {state_t::looking, 1, 1, 1, 7});
  CHECK(v.e.round() == 7);
  CHECK(v.said().leader == 2);
  v.fx.send.clear();
  v.hear(3, {state_t::looking, 3, 99, 9, 6});
  REQUIRE(v.fx.send.size() == 1);
  CHECK(v.fx.send[0].to == 3);
  CHECK(v.said().leader == 2);
  CHECK(v.said().round == 7);
}

TEST_CASE("one who leads is followed once a quorum stands behind it and it says so itself") {
  voter v(1, three);
  v.link(2), v.link(3);
  v.hear(2, {state_t::following, 3, 5, 2, 4});
  CHECK_FALSE(v.fx.decided);  // 3 has not confirmed
  v.hear(3, {state_t::leading, 3, 5, 2, 4});
  CHECK(v.fx.decided == 3);
  CHECK(v.e.round() == 4);
}

TEST_CASE("what a peer said is forgotten with its link") {
  voter v(1, three);
  v.link(2), v.link(3);
  v.hear(3, {state_t::leading, 3, 5, 2, 4});
  v.link(3, false);
  v.hear(2, {state_t::following, 3, 5, 2, 4});
  v.tick(1000);
  CHECK_FALSE(v.fx.decided);
}

TEST_CASE("a candidate that dies during the election is not elected") {
  voter v(1, three);
  v.link(2), v.link(3);
  v.hear(3, {state_t::looking, 3, 9, 1, 1});
  CHECK(v.said().leader == 3);
  v.link(3, false);
  CHECK(v.said().leader == 1);
  CHECK(v.e.round() == 2);
  v.hear(2, {state_t::looking, 3, 9, 1, 2});  // 2 has not noticed yet
  v.tick(1000);
  CHECK_FALSE(v.fx.decided);
}

TEST_CASE("observers and voters of weight 0 never win, and follow what the voters decide") {
  std::vector<member> members{{1}, {2}, {3, true}, {4, false, 0}};
  voter v(3, members);
  v.link(1), v.link(2);
  CHECK(v.said().leader == 0);
  v.hear(1, {state_t::looking, 4, 5, 9, 1});
  v.hear(2, {state_t::leading, 2, 5, 1, 1});
  v.hear(1, {state_t::following, 2, 5, 1, 1});
  CHECK(v.fx.decided == 2);
  voter w(4, members);
  w.link(1);
  CHECK(w.said().leader == 0);
}

TEST_CASE("notifications of strangers, or for strangers, are ignored") {
  voter v(2, three);
  v.link(1);
  v.fx.send.clear();
  v.hear(9, {state_t::looking, 3, 9, 9, 9});
  v.hear(1, {state_t::looking, 9, 9, 9, 9});
  CHECK(v.e.round() == 1);
  CHECK(v.fx.send.empty());
}

TEST_CASE("one who has decided answers those who look, with its epoch once established (ZOOKEEPER-1732)") {
  voter v(3, three);
  v.link(1);
  v.hear(1, {state_t::looking, 3, 5, 1, 1});
  REQUIRE(v.fx.decided == 3);
  v.e.on_established(8, 1, v.fx);
  v.link(2);
  v.fx.send.clear();
  v.hear(2, {state_t::looking, 2, 5, 1, 1});
  REQUIRE(v.fx.send.size() == 1);
  CHECK(v.said().state == state_t::leading);
  CHECK(v.said().epoch == 8);
  v.fx.send.clear();
  v.hear(1, {state_t::following, 3, 5, 1, 1});  // not looking: no answer, or two would talk for ever
  CHECK(v.fx.send.empty());
}

TEST_CASE("one who rests takes back what it said and says nothing more, until it looks again") {
  voter v(3, three);
  v.link(1), v.link(2);
  v.hear(1, {state_t::looking, 3, 5, 1, 1}), v.hear(2, {state_t::looking, 3, 5, 1, 1});
  REQUIRE(v.fx.decided == 3);
  v.fx = {};
  v.e.rest(v.fx);
  REQUIRE(v.fx.send.size() == 2);
  CHECK(v.said().leader == 0);
  CHECK(v.said().state != state_t::looking);
  v.fx = {};
  v.hear(1, {state_t::looking, 1, 5, 1, 2}), v.hear(2, {state_t::looking, 1, 5, 1, 2});
  v.link(2, false), v.link(2), v.tick(60'000);
  CHECK(v.fx.send.empty());
  CHECK_FALSE(v.fx.decided);
  v.e.look(5, 1, v.now, v.fx);
  CHECK(v.said().leader == 3);
}

TEST_CASE("a looker forgets that one who rests now has led") {
  voter v(1, three);
  v.link(2), v.link(3);
  v.hear(3, {state_t::leading, 3, 5, 2, 4});
  v.hear(3, {state_t::observing, 0, 0, 0, 4});
  v.hear(2, {state_t::following, 3, 5, 2, 4});
  v.tick(1000);
  CHECK_FALSE(v.fx.decided);
  v.hear(2, {state_t::looking, 2, 5, 1, 1});  // those who look go on without it
  v.tick(1100), v.tick(1200);
  CHECK(v.fx.decided == 2);
}

TEST_CASE("while looking, the vote is repeated with a growing pause") {
  voter v(2, three);
  v.link(1);
  auto count = [&](std::int64_t at) {
    v.fx.send.clear();
    v.tick(at);
    return v.fx.send.size();
  };
  CHECK(count(99) == 0);
  CHECK(count(100) == 1);
  CHECK(count(299) == 0);
  CHECK(count(300) == 1);
  CHECK(count(699) == 0);
  CHECK(count(700) == 1);
}

TEST_CASE("a round that no election can reach is not adopted, so that ours never starts again") {
  voter v(2, three);
  v.link(3);
  v.hear(3, {state_t::looking, 3, 5, 1, UINT64_MAX});
  CHECK(v.e.round() == 1);
  v.hear(3, {state_t::leading, 3, 5, 1, UINT64_MAX});
  v.e.look(5, 1, 0, v.fx);
  CHECK(v.e.round() == 2);
}

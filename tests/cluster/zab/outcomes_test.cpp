// Where outcomes without a transaction (refusals, syncs) stand in the order of what a leader tells its clients and its
// followers, driven step by step.

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "stepwise_node.hpp"

using namespace troupe;
using namespace troupe::zab;

namespace {

constexpr node_id self = 1, follower = 2, other_follower = 3;

/// Node 1 of three, which leads epoch 2 and has committed its first proposal.
struct leader_of_three : node {
  leader_of_three() : node(self, 3, {1, 1, 0, 0}) {
    for (auto id : {follower, other_follower}) link(id);
    peer.lead(0, fx);
    for (auto id : {follower, other_follower}) hear(id, 0, follower_info{1}), disk();
    for (auto id : {follower, other_follower}) hear(id, 2, ack_epoch{1}), disk();
    for (auto id : {follower, other_follower}) hear(id, 2, ack_new_leader{}), disk();
    REQUIRE(peer.role() == commit::role::leading);
    REQUIRE(peer.synced_followers() == 2);
    propose(self, 100);
    disk();
    hear(follower, 2, ack{first});
    REQUIRE(peer.committed() == first);
    fx.clear();
  }

  static constexpr zxid_t first = make_zxid(2, 1);

  void submit(std::vector<commit::prepared> list) {
    fx.clear();
    peer.submit(std::move(list), 0, fx);
  }
  static commit::prepared write(node_id origin, std::uint64_t id) {
    return {payload(), origin, {id, zk::err::ok, 0, {}}, false};
  }
  static commit::prepared refusal(node_id origin, std::uint64_t id) {
    return {{}, origin, {id, zk::err::no_node, 0, {}}, true};
  }
  void propose(node_id origin, std::uint64_t id) { submit({write(origin, id)}); }

  /// What the effects tell our own clients' commit processor, in order: "answer 1", "deliver".
  std::vector<std::string> told_here() const {
    std::vector<std::string> out;
    for (auto& op : fx.local) {
      if (auto* a = std::get_if<answer>(&op))
        for (auto& r : a->replies) out.push_back("answer " + std::to_string(r.id));
      else if (std::holds_alternative<deliver>(op))
        out.push_back("deliver");
    }
    return out;
  }
  /// And what a follower gets: "replies 1", "commit 2".
  std::vector<std::string> told(node_id to) const {
    std::vector<std::string> out;
    for (auto& s : fx.send) {
      if (s.to != to) continue;
      if (auto* r = std::get_if<replies>(&s.what.body))
        for (auto& one : r->list) out.push_back("replies " + std::to_string(one.id));
      else if (auto* c = std::get_if<commit_up_to>(&s.what.body))
        out.push_back("commit " + std::to_string(counter_of(c->commit)));
    }
    return out;
  }
  /// The serial of the last ping to the follower in the effects.
  std::uint64_t pinged() const {
    std::uint64_t serial = 0;
    for (auto& s : fx.send)
      if (auto* p = std::get_if<ping>(&s.what.body); p && s.to == follower) serial = p->serial;
    REQUIRE(serial != 0);
    return serial;
  }
};

using lines = std::vector<std::string>;

}  // namespace

TEST_CASE("a refusal that waits for its confirmation is told before the commit of what was proposed after it") {
  leader_of_three n;
  n.submit({n.refusal(self, 1), n.refusal(follower, 2), n.refusal(other_follower, 3)});
  CHECK(n.told_here().empty());
  CHECK(n.told(follower).empty());
  n.propose(self, 4);
  CHECK(n.told_here().empty());
  n.disk();
  CHECK(n.told_here().empty());
  n.hear(follower, 2, ack{make_zxid(2, 2)});  // a quorum, without a pong
  CHECK(n.told_here() == lines{"answer 1", "deliver"});
  CHECK(n.told(follower) == lines{"replies 2", "commit 2"});
  CHECK(n.told(other_follower) == lines{"replies 3", "commit 2"});
}

TEST_CASE("an outcome says after which proposal it stands, whatever was proposed since") {
  leader_of_three n;
  n.submit({n.refusal(follower, 1), n.write(follower, 2)});
  n.disk();
  n.hear(follower, 2, ack{make_zxid(2, 2)});
  REQUIRE(n.told(follower) == lines{"replies 1", "commit 2"});
  for (auto& s : n.fx.send)
    if (auto* r = std::get_if<replies>(&s.what.body)) CHECK(r->list.at(0).after == n.first);
}

TEST_CASE("a commit takes along the outcomes before it, and leaves those behind it to their confirmation") {
  leader_of_three n;
  n.submit({n.refusal(self, 1), n.write(self, 2), n.refusal(self, 3), n.write(self, 4), n.refusal(self, 5)});
  auto serial = n.pinged();
  n.disk();
  n.hear(follower, 2, ack{make_zxid(2, 2)});
  CHECK(n.told_here() == lines{"answer 1", "deliver"});
  n.hear(follower, 2, ack{make_zxid(2, 3)});
  CHECK(n.told_here() == lines{"answer 3", "deliver"});
  n.hear(follower, 2, pong{serial, {}});
  CHECK(n.told_here() == lines{"answer 5"});
}

TEST_CASE("an outcome that was overtaken by a commit is not told again by its confirmation") {
  leader_of_three n;
  n.submit({n.refusal(self, 1), n.write(self, 2)});
  auto serial = n.pinged();
  n.disk();
  n.hear(follower, 2, ack{make_zxid(2, 2)});
  REQUIRE(n.told_here() == lines{"answer 1", "deliver"});
  n.hear(follower, 2, pong{serial, {}});
  CHECK(n.told_here().empty());
}

TEST_CASE(
    "an outcome whose confirmation comes in time is told before the later proposal commits, and is not held by it") {
  leader_of_three n;
  n.submit({n.refusal(self, 1), n.write(self, 2)});
  auto serial = n.pinged();
  n.disk();
  n.hear(other_follower, 2, pong{serial, {}});
  CHECK(n.told_here() == lines{"answer 1"});
  n.hear(other_follower, 2, ack{make_zxid(2, 2)});
  CHECK(n.told_here() == lines{"deliver"});
}

#include "actors/recipes/belonging.hpp"

#include <doctest/doctest.h>

#include <memory>

#include "tests/actors/recipes/fake_ensemble.hpp"

namespace troupe::recipes_test {
namespace {

using namespace recipes;

struct participant final : belonging::port {
  participant(fake_ensemble& e, std::string n) : client(e), group(client, *this, "/g/members"), name(std::move(n)) {
    client.on_session = [this](auto& event) { group.on_session(event); };
    group.start();
    group.join(name, "data of " + name);
  }
  void members(const member_list& l) override {
    CHECK(l.zxid >= list.zxid);
    list = l;
  }
  void joined(zxid_t) override { is_in = true, ++joins; }
  void parted() override { is_in = false, gone = true; }
  void refused(std::int32_t code) override {
    // Before it has done anything.
    if (code == system_error && comes_again && !joins) return group.join(name, "data of " + name);
    FAIL("refused: " << code);
  }

  fake_client client;
  belonging group;
  std::string name;
  member_list list;
  bool is_in = false, gone = false, comes_again = false;
  int joins = 0;
};

std::size_t run_members(std::uint32_t seed, std::size_t at, std::size_t whom, fault what) {
  CAPTURE(seed);
  CAPTURE(at);
  CAPTURE(whom);
  CAPTURE(static_cast<int>(what));
  fake_ensemble e(seed);
  std::vector<std::unique_ptr<participant>> all;
  for (auto* name : {"a", "b", "c"}) all.push_back(std::make_unique<participant>(e, name));
  for (auto& p : all) p->comes_again = what == fault::subscriptions_ended;
  auto see = [&](std::size_t n) {
    return [&all, n] {
      for (auto& p : all)
        if (p->list.members.size() != n) return false;
      return true;
    };
  };
  REQUIRE(e.run(see(3), 3'000, at, whom, what));
  auto steps = e.steps;
  while (steps <= at && at != never && e.step()) ++steps;  // a fault behind it
  while (e.step()) {
  }
  REQUIRE(see(3)());
  for (auto& p : all) CHECK(p->is_in);
  CHECK(all[0]->list.members[1].data == "data of b");
  CHECK(e.tree.at("/g/members/a").owner == all[0]->client.session());
  all[1]->group.leave();
  REQUIRE(e.run([&] { return see(2)() && all[1]->gone; }, 1'000, at, 1, what));
  while (e.step()) {
  }
  CHECK(see(2)());
  CHECK(!e.tree.contains("/g/members/b"));
  return steps;
}

TEST_CASE("members see each other, and stay members, whatever befalls one at any step") {
  for (auto what : all_faults)
    for (std::uint32_t seed = 1; seed <= 4; ++seed) {
      auto steps = run_members(seed, never, 0, what);
      for (std::size_t at = 0; at < steps; ++at) run_members(seed, at, at + seed, what);
    }
}

TEST_CASE("members stay members, though a node refuses to go on with the subscription of one at any step") {
  for (std::uint32_t seed = 1; seed <= 4; ++seed) {
    auto steps = run_members(seed, never, 0, fault::subscriptions_ended);
    for (std::size_t at = 0; at < steps; ++at) run_members(seed, at, at + seed, fault::subscriptions_ended);
  }
}

TEST_CASE("whoever joins under a name that is taken waits until it is free") {
  fake_ensemble e(1);
  participant first(e, "same"), second(e, "same");
  while (e.step()) {
  }
  CHECK(first.is_in != second.is_in);
  auto& in = first.is_in ? first : second;
  auto& waits = first.is_in ? second : first;
  in.group.leave();
  while (e.step()) {
  }
  CHECK(waits.is_in);
  CHECK(e.tree.at("/g/members/same").owner == waits.client.session());
}

TEST_CASE("a member whose session expires joins again and is told") {
  fake_ensemble e(1);
  participant one(e, "a");
  while (e.step()) {
  }
  CHECK(one.joins == 1);
  one.client.suffer(fault::session_expired);
  while (e.step()) {
  }
  CHECK(one.joins == 2);
  CHECK(e.tree.at("/g/members/a").owner == one.client.session());
}

/// One of several groups on one client.
struct sharer final : belonging::port {
  explicit sharer(fake_client& c) : group(c, *this, "/g") { group.start(); }
  void members(const member_list&) override {}
  void joined(zxid_t) override { ++joins; }
  void parted() override { ++parts; }
  void refused(std::int32_t c) override { code = c; }

  belonging group;
  int joins = 0, parts = 0;
  std::int32_t code = 0;
};

struct shared_client {
  explicit shared_client(fake_ensemble& e) : client(e), one(client), other(client) {
    client.on_session = [this](auto& event) { one.group.on_session(event), other.group.on_session(event); };
  }
  fake_client client;
  sharer one, other;
};

TEST_CASE("who is refused the subscription to the group is told so, and does not join by itself later") {
  fake_ensemble e(1);
  shared_client c(e);
  c.one.group.join("a", "");
  c.client.end_subscriptions(no_auth);
  while (e.step()) {
  }
  CHECK(c.one.code == no_auth);
  CHECK(c.one.joins == 0);
  CHECK(!e.tree.contains("/g/a"));
  c.one.group.join("a", "");
  while (e.step()) {
  }
  CHECK(c.one.joins == 1);
}

TEST_CASE("who joins under another name has left under the former, and other data are the member's data") {
  for (auto what : all_faults)
    for (std::uint32_t seed = 1; seed <= 3; ++seed)
      for (std::size_t at = 0; at < 40; ++at) {
        CAPTURE(static_cast<int>(what));
        CAPTURE(seed);
        CAPTURE(at);
        fake_ensemble e(seed);
        shared_client c(e);
        c.client.impatient = seed % 2;
        auto run = [&] { e.run([] { return false; }, 1'000, at, 0, what); };
        c.one.group.join("a", "1");
        while (e.step()) {
        }
        CHECK(c.one.joins == 1);
        c.one.group.join("b", "1");
        run();
        CHECK(e.children_of("/g") == std::vector<std::string>{"b"});
        c.one.group.join("b", "2");
        run();
        CHECK(c.one.joins >= 3);
        CHECK(e.children_of("/g") == std::vector<std::string>{"b"});
        CHECK(e.tree.at("/g/b").data == "2");
        c.one.group.leave();
        run();
        CHECK(c.one.parts == 1);
        CHECK(e.children_of("/g").empty());
      }
}

TEST_CASE("who joins under another name before the first is answered has only the last one") {
  for (int steps = 0; steps < 20; ++steps) {
    CAPTURE(steps);
    fake_ensemble e(1);
    shared_client c(e);
    c.one.group.join("a", "");
    for (int i = 0; i < steps; ++i) e.step();
    c.one.group.join("b", "");
    while (e.step()) {
    }
    CHECK(e.children_of("/g") == std::vector<std::string>{"b"});
  }
}

TEST_CASE("two members of one name on one client are two: the second waits, and leaves the first alone") {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    fake_ensemble e(seed);
    shared_client c(e);
    auto run = [&] { e.run([] { return false; }, 1'000, never, 0, fault::answers_lost); };
    c.one.group.join("same", ""), c.other.group.join("same", "");
    run();
    CHECK(c.one.joins + c.other.joins == 1);
    auto& in = c.one.joins ? c.one : c.other;
    auto& waits = c.one.joins ? c.other : c.one;
    waits.group.leave();
    run();
    CHECK(waits.parts == 1);
    CHECK(e.tree.contains("/g/same"));
    waits.group.join("same", "");
    run();
    CHECK(waits.joins == 0);
    in.group.leave();
    run();
    CHECK(waits.joins == 1);
    CHECK(e.tree.contains("/g/same"));
  }
}

TEST_CASE("a join that was refused does not happen later") {
  for (std::string what : {"/g", "/g/a"}) {
    CAPTURE(what);
    fake_ensemble e(1);
    e.refuses = [&](const client_request& r) { return writes_to(r, what) ? no_auth : 0; };
    shared_client c(e);
    c.one.group.join("a", "");
    while (e.step()) {
    }
    CHECK(c.one.code == no_auth);
    e.refuses = nullptr;
    c.other.group.join("b", "");
    while (e.step()) {
    }
    CHECK(c.one.joins == 0);
    CHECK(e.children_of("/g") == std::vector<std::string>{"b"});
    c.one.group.join("a", "");
    while (e.step()) {
    }
    CHECK(c.one.joins == 1);
  }
}

TEST_CASE("a member whose new data are refused is out") {
  fake_ensemble e(1);
  shared_client c(e);
  c.one.group.join("a", "1");
  while (e.step()) {
  }
  e.refuses = [&](const client_request& r) { return std::holds_alternative<client::set_data>(r) ? no_auth : 0; };
  c.one.group.join("a", "2");
  while (e.step()) {
  }
  CHECK(c.one.code == no_auth);
  CHECK(e.children_of("/g").empty());
}

}  // namespace
}  // namespace troupe::recipes_test

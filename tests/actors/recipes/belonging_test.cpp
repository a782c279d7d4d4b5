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
  void refused(std::int32_t code) override { FAIL("refused: " << code); }

  fake_client client;
  belonging group;
  std::string name;
  member_list list;
  bool is_in = false, gone = false;
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

}  // namespace
}  // namespace troupe::recipes_test

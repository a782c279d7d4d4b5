#include "actors/recipes/gathering.hpp"

#include <doctest/doctest.h>

#include <memory>

#include "tests/actors/recipes/fake_ensemble.hpp"

namespace troupe::recipes_test {
namespace {

using namespace recipes;

constexpr std::size_t size = 3;

/// Rounds of everybody, counted as they pass.
struct hall {
  std::size_t asked = 0, entered = 0, departs = 0, left = 0;
};

struct guest final : gathering::port {
  guest(fake_ensemble& e, hall& h) : client(e), barrier(client, *this, "/b", size), here(h) {
    client.on_session = [this](auto& event) { barrier.on_session(event); };
    barrier.start();
    come();
  }
  void come() { ++here.asked, barrier.enter(); }
  void entered() override {
    ++here.entered, ++rounds;
    // Nobody is in round r before all have asked for it.
    CHECK(here.asked >= size * rounds);
    if (stays) return;
    client.after(std::chrono::milliseconds(5), [this] { ++here.departs, barrier.leave(); });
  }
  void left() override {
    ++here.left, ++done;
    if (strict) CHECK(here.departs >= size * done);
    if (done < 2) come();
  }
  void refused(std::int32_t code) override { FAIL("refused: " << code); }

  fake_client client;
  gathering barrier;
  hall& here;
  std::size_t rounds = 0, done = 0;
  bool stays = false;
  bool strict = true;  ///< no session expires
};

std::size_t run_barrier(std::uint32_t seed, std::size_t at, std::size_t whom, fault what) {
  CAPTURE(seed);
  CAPTURE(at);
  CAPTURE(whom);
  CAPTURE(static_cast<int>(what));
  fake_ensemble e(seed);
  hall here;
  std::vector<std::unique_ptr<guest>> guests;
  for (std::size_t i = 0; i < size; ++i) guests.push_back(std::make_unique<guest>(e, here));
  for (auto& g : guests) g->strict = what != fault::session_expired;
  auto done = [&] {
    for (auto& g : guests)
      if (g->done < 2) return false;
    return true;
  };
  bool all = e.run(done, 4'000, at, whom, what);
  REQUIRE(all);
  while (e.step()) {
  }
  return e.steps;
}

TEST_CASE("all enter together and leave together, round after round, whatever befalls a connection at any step") {
  for (auto what : {fault::answers_lost, fault::requests_lost, fault::log_too_short})
    for (std::uint32_t seed = 1; seed <= 4; ++seed) {
      auto steps = run_barrier(seed, never, 0, what);
      for (std::size_t at = 0; at < steps; ++at) run_barrier(seed, at, at + seed, what);
    }
}

TEST_CASE("a participant whose session expires before the others have come enters with them all the same") {
  fake_ensemble e(1);
  hall here;
  guest one(e, here), other(e, here);
  while (e.step()) {
  }
  CHECK(here.entered == 0);
  one.client.suffer(fault::session_expired);
  while (e.step()) {
  }
  CHECK(e.children_of("/b").size() == 2);
  guest third(e, here);
  REQUIRE(e.run([&] { return here.entered == 3; }, 500, never, 0, fault::answers_lost));
}

TEST_CASE("one whose session expires inside keeps nobody from leaving") {
  fake_ensemble e(2);
  hall here;
  std::vector<std::unique_ptr<guest>> guests;
  for (std::size_t i = 0; i < size; ++i) {
    guests.push_back(std::make_unique<guest>(e, here));
    guests.back()->strict = false, guests.back()->done = 1;  // one round
  }
  REQUIRE(e.run([&] { return here.entered == size; }, 500, never, 0, fault::answers_lost));
  guests[0]->client.suffer(fault::session_expired);
  REQUIRE(e.run([&] { return here.left == size; }, 500, never, 0, fault::answers_lost));
  while (e.step()) {
  }
  CHECK(e.children_of("/b").empty());
}

TEST_CASE("who comes while a round is on waits until its end") {
  fake_ensemble e(1);
  hall here;
  std::vector<std::unique_ptr<guest>> guests;
  for (std::size_t i = 0; i < size; ++i) {
    guests.push_back(std::make_unique<guest>(e, here));
    guests.back()->stays = true;
  }
  REQUIRE(e.run([&] { return here.entered == size; }, 500, never, 0, fault::answers_lost));
  guest late(e, here);
  while (e.step()) {
  }
  CHECK(here.entered == size);
  CHECK(late.rounds == 0);
}

TEST_CASE("who gives up while its entry is being made leaves none behind") {
  for (int steps = 0; steps < 12; ++steps) {
    fake_ensemble e(1);
    hall here;
    guest one(e, here);
    one.strict = false, one.done = 1;
    for (int i = 0; i < steps; ++i) e.step();
    one.barrier.leave();
    while (e.step()) {
    }
    CHECK(here.left == 1);
    CHECK(e.children_of("/b").empty());
  }
}

TEST_CASE("a barrier whose participants have all died in the middle serves the next ones") {
  fake_ensemble e(1);
  e.tree["/b"] = {}, e.tree["/b/ready"] = {};
  hall here;
  std::vector<std::unique_ptr<guest>> guests;
  for (std::size_t i = 0; i < size; ++i) guests.push_back(std::make_unique<guest>(e, here));
  REQUIRE(e.run([&] { return here.entered == size; }, 500, never, 0, fault::answers_lost));
}

}  // namespace
}  // namespace troupe::recipes_test

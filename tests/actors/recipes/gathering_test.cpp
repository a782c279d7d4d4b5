#include "actors/recipes/gathering.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>

#include "tests/actors/recipes/fake_ensemble.hpp"

namespace troupe::recipes_test {
namespace {

using namespace recipes;

constexpr std::size_t size = 3;

/// How many are in.
std::size_t entries(const fake_ensemble& e) {
  auto all = e.children_of("/b");
  return static_cast<std::size_t>(
      std::count_if(all.begin(), all.end(), [](auto& name) { return name.starts_with("in-"); }));
}

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
  void refused(std::int32_t code) override {
    if (code == system_error && comes_again && !here.entered) return barrier.enter();
    if (!may_be_refused) FAIL("refused: " << code);
    CHECK(code == no_auth);
    ++refusals;
  }

  fake_client client;
  gathering barrier;
  hall& here;
  bool may_be_refused = false;
  bool comes_again = false;  ///< who is refused before it has done anything
  std::size_t refusals = 0;
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
  for (auto& g : guests)
    g->strict = what != fault::session_expired, g->comes_again = what == fault::subscriptions_ended;
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
  for (auto what : all_faults)
    for (std::uint32_t seed = 1; seed <= 4 && what != fault::session_expired; ++seed) {
      auto steps = run_barrier(seed, never, 0, what);
      for (std::size_t at = 0; at < steps; ++at) run_barrier(seed, at, at + seed, what);
    }
}

TEST_CASE("all enter and leave together, though a node refuses to go on with the subscription of one at any step") {
  for (std::uint32_t seed = 1; seed <= 4; ++seed) {
    auto steps = run_barrier(seed, never, 0, fault::subscriptions_ended);
    for (std::size_t at = 0; at < steps; ++at) run_barrier(seed, at, at + seed, fault::subscriptions_ended);
  }
}

TEST_CASE("who is refused the subscription to the barrier is told so each time, and enters once it is not") {
  fake_ensemble e(1);
  hall here;
  guest one(e, here);
  one.may_be_refused = one.stays = true;
  one.client.end_subscriptions(no_auth);
  REQUIRE(e.run([&] { return one.refusals == 1; }, 100, never, 0, fault::answers_lost));
  while (e.step()) {
  }
  CHECK(entries(e) == 0);
  one.come();
  guest second(e, here), third(e, here);
  second.stays = third.stays = true;
  REQUIRE(e.run([&] { return here.entered == size; }, 500, never, 0, fault::answers_lost));
  CHECK(one.refusals == 1);
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
  CHECK(entries(e) == 2);
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
  CHECK(entries(e) == 0);
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
    CHECK(entries(e) == 0);
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

/// What visits to a barrier look like from outside, by a clock that counts what happens.
struct visits {
  struct one {
    std::size_t asked, entered = never, departed = never, left = never;
    bool excused = false;             ///< a session that expires ends it, for the others
    std::vector<std::size_t> with{};  ///< others of the same round: they were inside at the same time
    bool inside() const { return entered != never && departed == never && !excused; }
  };
  std::vector<one> all;
  std::size_t now = 0;
};

constexpr std::size_t goes = 2;  ///< of each visitor

struct visitor final : gathering::port {
  visitor(fake_ensemble& e, visits& v) : client(e), barrier(client, *this, "/b", size), book(v) {
    client.on_session = [this](auto& event) { barrier.on_session(event); };
    barrier.start();
    come();
  }
  void come() {
    mine = book.all.size();
    book.all.push_back({++book.now});
    book.all.back().excused = excused;
    barrier.enter();
  }
  void entered() override {
    auto& visit = book.all[mine];
    visit.entered = ++book.now;
    std::size_t candidates = 0;
    for (std::size_t k = 0; k < book.all.size(); ++k) {
      auto& other = book.all[k];
      if (k != mine && other.inside()) {
        CHECK(other.entered > visit.asked);  // it is of our round
        visit.with.push_back(k), other.with.push_back(mine);
      }
      // Of a round nobody is told `left` while one of it is still in.
      candidates += other.entered >= visit.asked && (other.left == never || excused);
    }
    CHECK(candidates >= size);
    client.after(std::chrono::milliseconds(5), [this] {
      book.all[mine].departed = ++book.now;
      barrier.leave();
    });
  }
  void left() override {
    book.all[mine].left = ++book.now;
    if (!excused)
      for (auto k : book.all[mine].with) CHECK(!book.all[k].inside());
    if (++done < goes) come();
  }
  void refused(std::int32_t code) override { FAIL("refused: " << code); }
  bool waits() const { return done < goes && book.all[mine].entered == never; }

  fake_client client;
  gathering barrier;
  visits& book;
  bool excused = false;
  std::size_t mine = 0, done = 0;
};

std::size_t run_crowd(std::uint32_t seed, std::size_t at, std::size_t whom, fault what) {
  CAPTURE(seed);
  CAPTURE(at);
  CAPTURE(whom);
  CAPTURE(static_cast<int>(what));
  constexpr std::size_t crowd = 5;
  fake_ensemble e(seed);
  visits book;
  std::vector<std::unique_ptr<visitor>> all;
  for (std::size_t i = 0; i < crowd; ++i) {
    auto& v = all.emplace_back(std::make_unique<visitor>(e, book));
    v->client.impatient = seed % 2;
    v->excused = book.all.back().excused = what == fault::session_expired && i == whom % crowd;
  }
  e.run([] { return false; }, 10'000, at, whom, what);
  // The last ones may be too few for another round.
  std::size_t waiting = 0;
  for (auto& v : all) {
    CHECK((v->done == goes || v->waits()));
    waiting += v->waits();
  }
  CHECK(waiting < size);
  CHECK(entries(e) == waiting);
  return e.steps;
}

TEST_CASE("where more come than a round takes, rounds do not mix, whatever befalls one at any step") {
  for (auto what : all_faults)
    for (std::uint32_t seed = 1; seed <= 2; ++seed) {
      auto steps = run_crowd(seed, never, 0, what);
      for (std::size_t at = seed - 1; at < steps; at += 2) run_crowd(seed, at, at + seed, what);
    }
}

TEST_CASE("who is refused leaves no entry behind, and does not come in by itself later") {
  for (std::string what : {"/b", "/b/ready"}) {
    CAPTURE(what);
    fake_ensemble e(1);
    e.refuses = [&](const client_request& r) { return writes_to(r, what) ? no_auth : 0; };
    hall here;
    std::vector<std::unique_ptr<guest>> guests;
    for (std::size_t i = 0; i < size; ++i) {
      guests.push_back(std::make_unique<guest>(e, here));
      guests.back()->may_be_refused = guests.back()->stays = true;
    }
    while (e.step()) {
    }
    auto count = [&] { return std::count_if(guests.begin(), guests.end(), [](auto& g) { return g->refusals > 0; }); };
    auto refused = static_cast<std::size_t>(count());
    CHECK(refused > 0);
    CHECK(entries(e) == size - refused);
    e.refuses = nullptr;
    e.execute(1, client::create{"/b", {}, client::create_mode::persistent, {}});
    e.execute(1, client::create{"/b/note", {}, client::create_mode::persistent, {}});
    while (e.step()) {
    }
    CHECK(here.entered == 0);
    CHECK(entries(e) == size - refused);
    for (auto& g : guests)
      if (g->refusals) g->come();
    REQUIRE(e.run([&] { return here.entered == size; }, 500, never, 0, fault::answers_lost));
  }
}

TEST_CASE("who gives up while its entry is being made leaves none behind, though nobody hears its sync at first") {
  for (std::uint32_t seed = 1; seed <= 5; ++seed)
    for (int steps = 0; steps < 12; ++steps) {
      CAPTURE(seed);
      CAPTURE(steps);
      fake_ensemble e(seed);
      hall here;
      guest one(e, here);
      one.strict = false, one.done = 1, one.client.impatient = true;
      for (int i = 0; i < steps; ++i) e.step();
      one.client.suffer(fault::answers_lost);
      one.barrier.leave();
      while (e.step()) {
      }
      CHECK(here.left == 1);
      CHECK(entries(e) == 0);
    }
}

}  // namespace
}  // namespace troupe::recipes_test

#include "actors/recipes/contender.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <set>

#include "tests/actors/recipes/fake_ensemble.hpp"

namespace troupe::recipes_test {
namespace {

using namespace recipes;

struct worker;

/// What all workers see.
struct stage {
  std::set<worker*> holders;
  zxid_t last_fencing = 0;
};

/// Takes the lock `turns` times, and holds it for some time each time.
struct worker final : contender::port {
  worker(fake_ensemble& e, stage& s, int n) : client(e), here(s), turns(n), line(client, *this, {"/locks/a", "me"}) {
    client.on_session = [this](auto& event) { line.on_session(event); };
    line.enter();
  }
  void held(zxid_t fencing, const std::string&) override {
    here.holders.insert(this);
    CHECK(here.holders.size() == 1);
    CHECK(fencing > here.last_fencing);
    here.last_fencing = fencing;
    auto for_long = turns == 1 ? 2'000 : 10;  // longer than a connection may be missing
    client.after(std::chrono::milliseconds(for_long), [this, fencing] {
      if (held_at == fencing && here.holders.erase(this)) --turns, line.leave();
    });
    held_at = fencing;
  }
  void lost() override {
    ++losses;
    if (here.holders.erase(this)) line.enter();
  }
  void left() override {
    if (turns > 0) line.enter();
  }
  void refused(std::int32_t code) override { FAIL("refused: " << code); }
  bool done() const { return turns == 0 && line.out(); }

  fake_client client;
  stage& here;
  int turns, losses = 0;
  zxid_t held_at = 0;
  contender line;
};

struct outcome {
  std::size_t steps = 0;
  int losses = 0;
};

outcome run_workers(std::uint32_t seed, std::size_t at, std::size_t whom, fault what) {
  CAPTURE(seed);
  CAPTURE(at);
  CAPTURE(whom);
  CAPTURE(static_cast<int>(what));
  fake_ensemble e(seed);
  stage here;
  std::vector<std::unique_ptr<worker>> workers;
  for (int i = 0; i < 3; ++i) workers.push_back(std::make_unique<worker>(e, here, 2));
  auto done = [&] {
    for (auto& w : workers)
      if (!w->done()) return false;
    return true;
  };
  bool ended = e.run(done, 3'000, at, whom, what);
  REQUIRE(ended);
  CHECK(e.children_of("/locks/a").empty());
  outcome out{e.steps, 0};
  for (auto& w : workers) out.losses += w->losses;
  return out;
}

TEST_CASE("contenders hold the lock one at a time, in the order of their entries") {
  for (std::uint32_t seed = 1; seed <= 50; ++seed) CHECK(run_workers(seed, never, 0, fault::answers_lost).losses == 0);
}

TEST_CASE("whatever befalls a contender at any step, two never hold, and no entry stays behind") {
  int expiries = 0;
  for (auto what : all_faults)
    for (std::uint32_t seed = 1; seed <= 4; ++seed) {
      auto steps = run_workers(seed, never, 0, what).steps;
      for (std::size_t at = 0; at < steps; ++at) expiries += run_workers(seed, at, at + seed, what).losses;
    }
  CHECK(expiries > 0);
}

TEST_CASE("a holder without a connection gives the lock up before its session can have expired") {
  fake_ensemble e(1);
  struct holder final : contender::port {
    void held(zxid_t, const std::string&) override { holds = true; }
    void lost() override { holds = false, lost_at = ensemble->now_ms; }
    void left() override {}
    void refused(std::int32_t) override {}
    fake_ensemble* ensemble = nullptr;
    bool holds = false;
    std::int64_t lost_at = 0;
  } port;
  port.ensemble = &e;
  fake_client client(e);
  contender line(client, port, {"/lock", "me", std::chrono::milliseconds(700)});
  client.on_session = [&](auto& event) { line.on_session(event); };
  line.enter();
  REQUIRE(e.run([&] { return port.holds; }, 100, never, 0, fault::answers_lost));
  auto cut = e.now_ms;
  client.suffer(fault::session_expired);
  REQUIRE(e.run([&] { return !port.holds; }, 100, never, 0, fault::answers_lost));
  CHECK(port.lost_at == cut + 700);
}

TEST_CASE("a holder whose entry somebody deletes has lost the lock") {
  fake_ensemble e(1);
  stage here;
  worker one(e, here, 1);
  REQUIRE(e.run([&] { return one.line.holding(); }, 100, never, 0, fault::answers_lost));
  e.execute(1, client::remove{"/locks/a/" + e.children_of("/locks/a").front(), -1});
  REQUIRE(e.run([&] { return one.losses == 1; }, 100, never, 0, fault::answers_lost));
}

TEST_CASE("a holder whose subscription the node refuses to go on with holds on, and still hears when its entry goes") {
  fake_ensemble e(1);
  stage here;
  worker one(e, here, 1);
  REQUIRE(e.run([&] { return one.line.holding(); }, 100, never, 0, fault::answers_lost));
  auto entry = "/locks/a/" + e.children_of("/locks/a").front();
  one.client.end_subscriptions(static_cast<std::int32_t>(zk::err::system_error));
  SUBCASE("before it has looked again") {}
  SUBCASE("after that") {
    auto later = e.now_ms + 200;
    bool passed = false;
    one.client.after(std::chrono::milliseconds(200), [&] { passed = true; });
    REQUIRE(e.run([&] { return passed; }, 100, never, 0, fault::answers_lost));
    REQUIRE(e.now_ms >= later);
  }
  CHECK(one.line.holding());
  CHECK(one.losses == 0);
  e.execute(1, client::remove{entry, -1});
  auto deleted = e.now_ms;
  REQUIRE(e.run([&] { return one.losses == 1; }, 100, never, 0, fault::answers_lost));
  CHECK(e.now_ms <= deleted + retry_pause.count());
}

TEST_CASE("who is refused may enter again while it is told so, and is told again, or holds") {
  fake_ensemble e(1);
  struct persistent final : contender::port {
    explicit persistent(fake_client& c) : line(c, *this, {"/locks/a", "me"}) {}
    void held(zxid_t, const std::string&) override { ++holds; }
    void lost() override { FAIL("lost"); }
    void left() override {}
    void refused(std::int32_t code) override {
      CHECK(code == no_auth);
      ++refusals;
      line.enter();
    }
    contender line;
    int holds = 0, refusals = 0;
  };
  fake_client client(e);
  persistent p(client);
  client.on_session = [&](auto& event) { p.line.on_session(event); };
  e.refuses = [&](const client_request& r) {
    return p.refusals < 3 && std::holds_alternative<client::create>(r) ? no_auth : 0;
  };
  p.line.enter();
  while (e.step()) {
  }
  CHECK(p.refusals == 3);
  CHECK(p.holds == 1);
  CHECK(e.children_of("/locks/a").size() == 1);
}

TEST_CASE("who goes wakes only the one behind it") {
  fake_ensemble e(3);
  stage here;
  std::vector<std::unique_ptr<worker>> workers;
  for (int i = 0; i < 5; ++i) workers.push_back(std::make_unique<worker>(e, here, 1));
  auto all_stand = [&] { return e.children_of("/locks/a").size() == 5; };
  REQUIRE(e.run(all_stand, 500, never, 0, fault::answers_lost));
  auto line = line_of(e.children_of("/locks/a"));
  CHECK(std::is_sorted(line.begin(), line.end(),
                       [](auto& a, auto& b) { return a.substr(a.size() - 10) < b.substr(b.size() - 10); }));
}

TEST_CASE("the line is kazoo's: its locks, its read and its write locks, by their numbers") {
  CHECK(line_of({"b__lock__0000000002", "a__lock__0000000003", "z__rlock__0000000001", "note", "c__lock__1"}) ==
        std::vector<std::string>{"z__rlock__0000000001", "b__lock__0000000002", "a__lock__0000000003"});
}

}  // namespace
}  // namespace troupe::recipes_test

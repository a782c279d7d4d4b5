#include "actors/recipes/queueing.hpp"

#include <doctest/doctest.h>

#include <map>
#include <memory>

#include "tests/actors/recipes/fake_ensemble.hpp"

namespace troupe::recipes_test {
namespace {

using namespace recipes;

constexpr int items = 4;

struct user {
  user(fake_ensemble& e, std::string name) : client(e), queue(client, "/q", std::move(name)) {}
  fake_client client;
  queueing queue;
};

std::size_t run_queue(std::uint32_t seed, std::size_t at, std::size_t whom, fault what) {
  CAPTURE(seed);
  CAPTURE(at);
  CAPTURE(whom);
  CAPTURE(static_cast<int>(what));
  fake_ensemble e(seed);
  std::vector<std::unique_ptr<user>> users;
  std::map<std::string, int> taken;
  std::size_t ended = 0, got = 0;
  for (int i = 0; i < 2; ++i) {
    auto& putter = users.emplace_back(std::make_unique<user>(e, ""));
    for (int k = 0; k < items; ++k)
      putter->queue.put(std::to_string(i) + ":" + std::to_string(k), [](std::int32_t code) { CHECK(code == 0); });
    putter->queue.end([&] { ++ended; });
    auto& taker = users.emplace_back(std::make_unique<user>(e, "taker-" + std::to_string(i)));
    for (int k = 0; k < 2 * items; ++k)  // more than there will be
      taker->queue.take([&](std::int32_t code, const queue_item& item) {
        if (code) return;
        ++taken[item.data], ++got;
        CHECK(!item.again);
      });
  }
  bool all = e.run([&] { return got == 2 * items && ended == 2; }, 6'000, at, whom, what);
  REQUIRE(all);
  for (std::size_t i = 1; i < users.size(); i += 2) users[i]->queue.end([&] { ++ended; });
  while (e.step()) {
  }
  CHECK(ended == 4);
  CHECK(taken.size() == 2 * items);
  for (auto& [data, times] : taken) CHECK(times == 1);
  CHECK(e.children_of("/q/items").empty());
  CHECK(e.children_of("/q/clients").empty());
  return e.steps;
}

TEST_CASE("every item comes to one taker, once, whatever befalls a client at any step") {
  for (auto what : all_faults)
    for (std::uint32_t seed = 1; seed <= 2; ++seed) {
      auto steps = run_queue(seed, never, 0, what);
      for (std::size_t at = 0; at < steps; ++at) run_queue(seed, at, at + seed, what);
    }
}

TEST_CASE("the oldest item is taken first") {
  fake_ensemble e(1);
  user one(e, "");
  std::string order;
  for (auto* text : {"a", "b", "c"}) one.queue.put(text, [](std::int32_t) {});
  for (int i = 0; i < 3; ++i) one.queue.take([&](std::int32_t, const queue_item& item) { order += item.data; });
  while (e.step()) {
  }
  CHECK(order == "abc");
}

TEST_CASE("takers who race for the same items soon reach for different ones") {
  constexpr int many = 90;
  fake_ensemble e(1);
  user putter(e, "");
  int taken = 0;
  for (int i = 0; i < many; ++i) putter.queue.put("x", [](std::int32_t) {});
  while (e.step()) {
  }
  std::vector<std::unique_ptr<user>> takers;
  for (int i = 0; i < 3; ++i) {
    auto& t = takers.emplace_back(std::make_unique<user>(e, "taker-" + std::to_string(i)));
    for (int k = 0; k < many; ++k) t->queue.take([&](std::int32_t code, const queue_item&) { taken += !code; });
  }
  auto before = e.multis;
  while (e.step()) {
  }
  CHECK(taken == many);
  // Each item takes one multi; of those beyond it each is a race that somebody has lost.
  CHECK(e.multis - before < many + many / 2);
}

TEST_CASE("a take that waits can be given up, and a later item is not lost by it") {
  fake_ensemble e(1);
  user one(e, "");
  std::int32_t code = 0;
  std::string got;
  auto number = one.queue.take([&](std::int32_t c, const queue_item&) { code = c; });
  while (e.step()) {
  }
  one.queue.give_up(number);
  CHECK(code == client::code::deadline_passed);
  one.queue.put("x", [](std::int32_t) {});
  one.queue.take([&](std::int32_t, const queue_item& item) { got = item.data; });
  while (e.step()) {
  }
  CHECK(got == "x");
}

TEST_CASE("what a taker had taken when its process died comes first to its next life, marked") {
  fake_ensemble e(1);
  user one(e, "");
  one.queue.put("x\ny", [](std::int32_t) {});
  auto former = std::make_unique<user>(e, "worker");
  bool took = false;
  former->queue.take([&](std::int32_t, const queue_item&) { took = true; });
  while (!took) REQUIRE(e.step());
  // It is not told to end: the process is gone.
  user next(e, "worker");
  queue_item got;
  next.queue.take([&](std::int32_t code, const queue_item& item) { got = code ? queue_item{} : item; });
  while (e.step()) {
  }
  CHECK(got.data == "x\ny");
  CHECK(got.again);
}

TEST_CASE("two takers of one name disturb each other, and are told so") {
  fake_ensemble e(1);
  user one(e, "same"), other(e, "same");
  std::vector<std::int32_t> codes;
  auto note = [&](std::int32_t c) { codes.push_back(c); };
  one.queue.put("a", note);
  while (e.step()) {
  }
  other.queue.put("b", note);
  while (e.step()) {
  }
  one.queue.put("c", note);
  other.queue.put("d", note);
  while (e.step()) {
  }
  REQUIRE(codes.size() == 4);
  CHECK(std::count(codes.begin(), codes.end(), exactly_once::interference) >= 1);
}

}  // namespace
}  // namespace troupe::recipes_test

#include "actors/recipes/counting.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <set>

#include "tests/actors/recipes/fake_ensemble.hpp"

namespace troupe::recipes_test {
namespace {

using namespace recipes;

constexpr int each = 4;

std::size_t run_adders(std::uint32_t seed, std::size_t at, std::size_t whom, fault what) {
  CAPTURE(seed);
  CAPTURE(at);
  CAPTURE(whom);
  CAPTURE(static_cast<int>(what));
  fake_ensemble e(seed);
  struct adder {
    explicit adder(fake_ensemble& e) : client(e), counter(client, "/n/visits") {}
    fake_client client;
    counting counter;
  };
  std::vector<std::unique_ptr<adder>> adders;
  std::multiset<std::int64_t> values;
  std::size_t ended = 0;
  for (int i = 0; i < 3; ++i) {
    auto& a = adders.emplace_back(std::make_unique<adder>(e));
    for (int k = 0; k < each; ++k)
      a->counter.add(1, [&](std::int32_t code, std::int64_t value) {
        CHECK(code == 0);
        values.insert(value);
      });
    a->counter.end([&] { ++ended; });
  }
  bool all = e.run([&] { return ended == adders.size(); }, 5'000, at, whom, what);
  REQUIRE(all);
  while (e.step()) {
  }  // what was late
  CHECK(e.tree.at("/n/visits").data == std::to_string(3 * each));
  // Each value was told once.
  std::int64_t next = 1;
  for (auto v : values) CHECK(v == next++);
  CHECK(next == 3 * each + 1);
  CHECK(e.children_of("/n/visits/clients").empty());
  return e.steps;
}

TEST_CASE("every addition counts once and is told its own value, whatever befalls a client at any step") {
  for (auto what : all_faults)
    for (std::uint32_t seed = 1; seed <= 3; ++seed) {
      auto steps = run_adders(seed, never, 0, what);
      for (std::size_t at = 0; at < steps; ++at) run_adders(seed, at, at + seed, what);
    }
}

TEST_CASE("what is no number is left alone, and so is what would pass its bounds") {
  fake_ensemble e(1);
  fake_client client(e);
  e.tree["/n"] = {"many", 0, 0, 0, 0, 0};
  counting counter(client, "/n");
  std::int32_t code = 0;
  auto note = [&](std::int32_t c, std::int64_t) { code = c; };
  counter.add(1, note);
  while (e.step()) {
  }
  CHECK(code == static_cast<std::int32_t>(zk::err::marshalling_error));
  e.tree["/n"].data = "9223372036854775807";
  counter.add(1, note);
  while (e.step()) {
  }
  CHECK(code == static_cast<std::int32_t>(zk::err::bad_arguments));
  CHECK(e.tree["/n"].data == "9223372036854775807");
}

TEST_CASE("a counter nobody has added to is 0") {
  fake_ensemble e(1);
  fake_client client(e);
  counting counter(client, "/n");
  std::int64_t value = -1;
  counter.read([&](std::int32_t, std::int64_t v) { value = v; });
  while (e.step()) {
  }
  CHECK(value == 0);
}

}  // namespace
}  // namespace troupe::recipes_test

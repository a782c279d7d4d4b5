#include <doctest/doctest.h>

#include <map>
#include <set>
#include <stdexcept>

#include "tests/history/check.hpp"
#include "tests/history/test/mutations.hpp"

namespace troupe::history::test {

TEST_CASE("every mutation of a right history is rejected by the rule it breaks, that rule alone") {
  constexpr std::size_t wanted = 25;  // of each kind
  constexpr std::uint64_t most_seeds = 3000;
  std::size_t total = 0;
  std::uint64_t first = 1;  // every kind has right histories of its own to begin with
  std::set<std::string_view> covered;
  for (auto& m : mutations()) {
    options only;
    only.max_breaches = 1000;
    for (auto& r : rules())
      if (r.name != m.rule) only.disabled.emplace(r.name);
    covered.insert(m.rule);
    std::size_t done = 0;
    for (auto seed = first; seed < first + most_seeds && done < wanted; ++seed) {
      auto h = make({.seed = seed});
      const auto right = h;
      dice d(seed);
      if (!m.apply(h, d)) continue;
      ++done;
      REQUIRE(check(right).empty());
      auto found = check(h, only);
      INFO(m.name);
      CAPTURE(seed);
      CHECK_FALSE(found.empty());
      for (auto& b : found) CHECK(b.rule == m.rule);
    }
    INFO(m.name);
    CHECK(done == wanted);
    total += done;
    first += most_seeds;
  }
  MESSAGE(total << " mutants of " << mutations().size() << " kinds");
  CHECK(total >= 1000);
  for (auto& r : rules()) CHECK_MESSAGE(covered.contains(r.name), "no mutation breaks ", std::string(r.name));
}

TEST_CASE("an unknown rule can't be switched off") {
  CHECK_THROWS_AS(check({}, {.disabled = {"watchs"}}), std::invalid_argument);
}

TEST_CASE("a breach is described with its entries and transactions") {
  auto h = make({.seed = 5});
  dice d(5);
  for (auto& m : mutations()) {
    if (m.rule != "results" || !m.apply(h, d)) continue;
    auto found = check(h);
    REQUIRE_FALSE(found.empty());
    auto text = describe(h, found.front());
    CHECK(text.find("proves: not so, that") != text.npos);
    CHECK(text.find("  > ") != text.npos);
    return;
  }
  FAIL("no mutation fits");
}

}  // namespace troupe::history::test

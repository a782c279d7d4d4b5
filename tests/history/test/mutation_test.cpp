#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>

#include "tests/history/check.hpp"
#include "tests/history/test/mutations.hpp"

namespace troupe::history::test {

TEST_CASE("every mutation of a right history is rejected by the rule it breaks, that rule alone") {
  constexpr std::size_t wanted = 28;  // of each kind
  constexpr std::size_t of_each = 2;  // right history, so that a thousand of them are mutated
  constexpr std::uint64_t most_seeds = 5000;
  struct kind {
    const mutation* what;
    std::size_t done = 0;
  };
  std::vector<kind> kinds;
  for (auto& m : mutations()) kinds.push_back({&m});
  std::size_t total = 0, histories = 0;
  for (std::uint64_t seed = 1; seed <= most_seeds && total < wanted * kinds.size(); ++seed) {
    const auto right = make({.seed = seed});
    REQUIRE(check(right).empty());
    std::size_t mutants = 0;
    std::stable_sort(kinds.begin(), kinds.end(),
                     [](auto& a, auto& b) { return a.done < b.done; });  // those that seldom fit first
    for (auto& k : kinds) {
      if (mutants == of_each || k.done == wanted) break;
      auto h = right;
      dice d(seed);
      if (!k.what->apply(h, d)) continue;
      ++k.done, ++mutants;
      options only;
      only.max_breaches = 1000;
      for (auto& r : rules())
        if (r.name != k.what->rule) only.disabled.emplace(r.name);
      auto found = check(h, only);
      INFO(k.what->name);
      CAPTURE(seed);
      CHECK_FALSE(found.empty());
      for (auto& b : found) CHECK(b.rule == k.what->rule);
    }
    total += mutants;
    histories += mutants > 0;
  }
  std::set<std::string_view> covered;
  for (auto& k : kinds) {
    INFO(k.what->name);
    CHECK(k.done == wanted);
    covered.insert(k.what->rule);
  }
  MESSAGE(total << " mutants of " << kinds.size() << " kinds, of " << histories << " histories");
  CHECK(histories >= 1000);
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

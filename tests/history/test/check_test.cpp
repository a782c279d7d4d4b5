#include <doctest/doctest.h>

#include "tests/history/check.hpp"
#include "tests/history/test/reference.hpp"

namespace troupe::history::test {

TEST_CASE("the checker accepts what a right ensemble did, 400 times") {
  std::size_t calls = 0, events = 0, transactions = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    auto h = make({.seed = seed});
    for (auto& e : h.entries) calls += e.what == entry::kind::call, events += e.what == entry::kind::event;
    transactions += h.log.size();
    auto found = check(h);
    std::string text;
    if (!found.empty()) text = describe(h, found.front());
    CAPTURE(seed);
    REQUIRE_MESSAGE(found.empty(), text);
  }
  MESSAGE(calls << " calls, " << transactions << " transactions, " << events << " events");
  CHECK(calls > 40'000);
  CHECK(transactions > 8'000);
  CHECK(events > 1'500);
}

}  // namespace troupe::history::test

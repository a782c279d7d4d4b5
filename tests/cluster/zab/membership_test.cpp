#include <doctest/doctest.h>

#include "cluster/zab/membership.hpp"

using namespace troupe::zab;

TEST_CASE("a quorum is more than half of all weight") {
  membership m{{{1}, {2}, {3}, {4}}};
  CHECK_FALSE(m.quorum({1, 2}));
  CHECK(m.quorum({1, 2, 4}));
  CHECK_FALSE(m.quorum({}));
  CHECK_FALSE(m.quorum({1, 1, 1, 1}));  // an id counts once
}

TEST_CASE("observers, weight 0 and strangers add nothing to a quorum") {
  membership m{{{1}, {2}, {3}, {4, true}, {5, false, 0}}};
  CHECK(m.voters() == 3);
  CHECK_FALSE(m.quorum({1, 4, 5, 77}));
  CHECK(m.quorum({1, 3}));
  CHECK_FALSE(m.votes(4));
  CHECK_FALSE(m.votes(5));
  CHECK_FALSE(m.votes(77));
  CHECK(m.find(4)->observer);
  CHECK(m.find(77) == nullptr);
}

TEST_CASE("a heavy voter outweighs the others") {
  membership m{{{1, false, 5}, {2}, {3}}};
  CHECK(m.quorum({1}));
  CHECK_FALSE(m.quorum({2, 3}));
}

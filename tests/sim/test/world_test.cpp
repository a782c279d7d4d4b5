#include "tests/sim/world.hpp"

#include <doctest/doctest.h>

using namespace troupe::sim;

TEST_CASE("a breach has the name of a check that is listed, and can be switched off by it") {
  auto o = random_options(1);
  world on(o);
  CHECK_THROWS_AS(on.breach("total_ordre", "a slip of the pen"), std::logic_error);
  CHECK_FALSE(on.broken());
  CHECK_THROWS_AS(on.breach("total_order", "broken"), violation);
  CHECK(on.broken()->check == "total_order");
  for (auto& c : checks()) o.disabled_checks.insert(c.name);
  world off(o);
  for (auto& c : checks()) CHECK_NOTHROW(off.breach(c.name, "broken"));
  CHECK_THROWS_AS(off.breach("total_ordre", "a slip of the pen"), std::logic_error);
}

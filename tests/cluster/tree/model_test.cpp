#include "tests/cluster/tree/model.hpp"

using namespace troupe;
using namespace troupe::tree;
using namespace troupe::tree::test;

TEST_CASE("the database agrees with a simple model after any of 100,000 random transactions") {
  database db;
  model m;
  applier apply(db);
  random_steps random(m, 1);
  for (zxid_t z = 1; z <= 100000; ++z) {
    const auto steps = random.next(z, 1000 + z);
    const auto& out = apply(z, 1000 + z, steps);
    REQUIRE(out.size() == steps.size());
    if (z % 1000 == 0) check_equal(db, m);
  }
  CHECK(m.nodes.size() > 300);
}

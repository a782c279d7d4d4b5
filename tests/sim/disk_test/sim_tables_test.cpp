#include "tests/sim/disk/sim_tables.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

using namespace troupe::sim;

namespace {

sim_tables two_tables() {
  sim_tables t;
  t.create(2);
  t.put(0, 1, "one");
  t.put(0, 2, "two");
  t.put(1, 9, "nine");
  t.commit();
  return t;
}

}  // namespace

TEST_CASE("a transaction that is rolled back leaves tables and sizes as they were") {
  auto t = two_tables();
  auto rows_before = t.table(0);
  auto bytes = t.used_bytes();
  t.put(0, 1, "changed");
  t.put(0, 3, "new");
  t.erase(0, 2);
  t.put(0, 1, "again");
  CHECK(t.changed());
  t.clear(0);
  t.put(0, 1, "after the clearing");
  t.put(0, 7, "seven");
  t.erase(0, 7);
  t.clear(0);
  t.put(0, 2, "x");
  t.erase(1, 9);
  t.rollback();
  CHECK(t.table(0) == rows_before);
  CHECK(t.table(1) == rows{{9, "nine"}});
  CHECK(t.used_bytes() == bytes);
  CHECK(!t.changed());
}

TEST_CASE("tables go one commit back, once") {
  auto t = two_tables();
  auto first = t.table(0);
  t.clear(0);
  t.put(0, 5, "five");
  t.commit();
  auto second = t.table(0);
  t.put(0, 5, "5");
  t.erase(1, 9);
  t.commit();
  CHECK(t.back());
  CHECK(t.table(0) == second);
  CHECK(t.table(1).size() == 1);
  CHECK(!t.back());
  t.clear(0);
  t.commit();
  CHECK(t.back());
  CHECK(t.table(0) == second);
}

TEST_CASE("what the newest commit changed can go back row by row, also of a table that it emptied") {
  auto t = two_tables();
  auto bytes = t.used_bytes();
  t.put(0, 1, "once");
  t.put(0, 1, "twice");
  t.put(0, 2, "two");
  t.put(0, 3, "three");
  t.clear(1);
  t.put(1, 8, "eight");
  t.commit();
  auto rows_of = t.outdated();
  REQUIRE(rows_of.size() == 4);  // but not (0, 2), which is what it was
  for (auto& r : rows_of) t.set_back(r);
  CHECK(t.table(0) == rows{{1, "one"}, {2, "two"}});
  CHECK(t.table(1) == rows{{9, "nine"}});
  CHECK(t.used_bytes() == bytes);
  CHECK(t.outdated().empty());
}

TEST_CASE("a reader beside a writer sees what was committed of a table that the writer emptied") {
  auto t = two_tables();
  t.put(0, 1, "changed");
  CHECK_THROWS_AS(t.committed(0), std::logic_error);
  t.clear(0);
  t.put(0, 4, "four");
  CHECK(t.committed(0) == rows{{1, "one"}, {2, "two"}});
  CHECK(t.table(0) == rows{{4, "four"}});
  CHECK(&t.committed(1) == &t.table(1));
  t.commit();
  CHECK(t.committed(0) == rows{{4, "four"}});
}

TEST_CASE("a file of tables grows with what a transaction touches, and never shrinks") {
  auto t = two_tables();
  auto before = t.file_bytes();
  t.put(0, 1, std::string(5000, 'x'));
  CHECK(t.grown_bytes() > before + 5000);
  CHECK(t.file_bytes() == before);
  t.commit();
  auto grown = t.file_bytes();
  t.put(0, 1, "x");
  t.commit();
  CHECK(t.used_bytes() < grown);
  CHECK(t.file_bytes() == grown);
}

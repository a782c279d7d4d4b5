#include <doctest/doctest.h>

#include "tests/history/test/reference.hpp"
#include "tests/history/wgl.hpp"

namespace troupe::history::test {

namespace {

using op_kind = operation::kind;

operation op(std::size_t begin, std::size_t end, op_kind what, std::int32_t value = 0, zk::err error = zk::err::ok) {
  operation o;
  o.begin = o.entry = begin, o.end = end, o.what = what, o.value = value, o.error = error;
  return o;
}

}  // namespace

TEST_CASE("a read that overlaps a write may see the value before or after it") {
  for (std::int32_t seen : {1, 2}) {
    auto verdict =
        linearizable({op(0, 1, op_kind::create, 1), op(2, 5, op_kind::set, 2), op(3, 4, op_kind::read, seen)});
    CHECK(verdict == linearizability::yes);
  }
}

TEST_CASE("a read after a write that was answered may not see the value before it") {
  CHECK(linearizable({op(0, 1, op_kind::create, 1), op(2, 3, op_kind::set, 2), op(4, 5, op_kind::read, 1)}) ==
        linearizability::no);
}

TEST_CASE("a multi that begins with a check is a write: a read that overlaps it may see the value before or after it") {
  // The chaos rig, seed 10031. A check reads, and what only reads may happen as soon as it can; the set behind it may not.
  for (std::int32_t seen : {1, 2}) {
    auto checked = op(2, 5, op_kind::read, -1);
    checked.version = 0, checked.more = {op(2, 5, op_kind::set, 2)};
    CHECK(linearizable({op(0, 1, op_kind::create, 1), checked, op(3, 4, op_kind::read, seen)}) == linearizability::yes);
  }
}

TEST_CASE("two reads may not see two overlapping writes in opposite orders") {
  CHECK(linearizable({op(0, 1, op_kind::create, 1), op(2, 9, op_kind::set, 2), op(3, 4, op_kind::read, 2),
                      op(5, 6, op_kind::read, 1)}) == linearizability::no);
}

TEST_CASE("a write whose outcome is unknown may take effect late, or never, but once") {
  auto lost = op(2, operation::never, op_kind::set, 2);
  auto created = op(0, 1, op_kind::create, 1);
  CHECK(linearizable({created, lost, op(3, 4, op_kind::read, 1), op(5, 6, op_kind::read, 2)}) == linearizability::yes);
  CHECK(linearizable({created, lost, op(3, 4, op_kind::read, 1), op(5, 6, op_kind::read, 1)}) == linearizability::yes);
  CHECK(linearizable({created, lost, op(3, 4, op_kind::read, 2), op(5, 6, op_kind::set, 3),
                      op(7, 8, op_kind::read, 2)}) == linearizability::no);
}

TEST_CASE("a lock has one holder until it is released or the holder's session ends") {
  auto first = op(0, 1, op_kind::create), second = op(2, 3, op_kind::create);
  first.session = 1, second.session = 2;
  auto end = op(0, operation::never, op_kind::end_session);
  end.session = 1;
  CHECK(linearizable({first, second}) == linearizability::no);
  CHECK(linearizable({first, second, end}) == linearizability::yes);
  auto refused = second;
  refused.error = zk::err::node_exists;
  CHECK(linearizable({first, refused}) == linearizability::yes);
  CHECK(linearizable({first, op(2, 3, op_kind::remove), op(4, 5, op_kind::create)}) == linearizability::yes);
}

TEST_CASE("versions are compared and counted") {
  auto set = op(2, 3, op_kind::set, 2);
  set.asked = 0, set.version = 1;
  auto created = op(0, 1, op_kind::create, 1);
  CHECK(linearizable({created, set}) == linearizability::yes);
  set.version = 2;
  CHECK(linearizable({created, set}) == linearizability::no);
  set.version = -1, set.asked = 1;
  CHECK(linearizable({created, set}) == linearizability::no);
  set.error = zk::err::bad_version;
  CHECK(linearizable({created, set}) == linearizability::yes);
}

TEST_CASE("the search says unknown when its bound is reached") {
  std::vector<operation> many;
  for (std::size_t i = 0; i < 8; ++i) many.push_back(op(i, 100 + i, op_kind::set, static_cast<std::int32_t>(i)));
  many.push_back(op(0, 50, op_kind::create));
  many.push_back(op(200, 201, op_kind::read, 77));
  CHECK(linearizable(many, {.max_steps = 20}) == linearizability::unknown);
  CHECK(linearizable(many) == linearizability::no);
}

TEST_CASE("operations that change nothing cost no search") {
  std::vector<operation> many;
  for (std::size_t i = 0; i < 1000; ++i) many.push_back(op(i, 2000 + i, op_kind::set, 1, zk::err::no_node));
  many.push_back(op(5000, 5001, op_kind::read, 7));
  CHECK(linearizable(many, {.max_steps = 10'000}) == linearizability::no);
}

TEST_CASE("registers and locks of a right ensemble are linearizable, 300 times") {
  std::size_t operations = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    auto found = check_linearizable(make({.seed = seed, .entries = 200, .registers_only = true}));
    operations += found.operations;
    CAPTURE(seed);
    CAPTURE(found.path);
    REQUIRE(found.verdict == linearizability::yes);
  }
  CHECK(operations > 10'000);
}

TEST_CASE("whatever else clients do, each znode of a right ensemble is linearizable") {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    auto found = check_linearizable(make({.seed = seed}));
    CAPTURE(seed);
    CAPTURE(found.path);
    REQUIRE(found.verdict == linearizability::yes);
  }
}

}  // namespace troupe::history::test

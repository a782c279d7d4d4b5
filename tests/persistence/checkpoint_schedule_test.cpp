#include "persistence/checkpoint_schedule.hpp"

#include "fixture.hpp"

using namespace troupe;
using namespace troupe::persistence;

namespace {

constexpr std::uint64_t applied_bytes = 100;
constexpr std::uint64_t much = 1 << 30;
constexpr checkpoint_limits limits{.transactions = 10, .bytes = 5 * applied_bytes, .entries = 7};

log_records applied(std::size_t n, std::size_t bytes = applied_bytes) {
  return log_records(n, {make_zxid(1, 1), shared_bytes::copy_of(std::string(bytes - 16, 'x'))});
}

}  // namespace

TEST_CASE("a checkpoint begins after so many transactions, so many bytes of log, or so many changed entries") {
  checkpoint_schedule s(limits);
  CHECK_FALSE(s.begins(7, much));  // nothing was applied
  s.applied(applied(9, 20));
  CHECK_FALSE(s.begins(6, much));
  s.applied(applied(1, 20));
  CHECK(s.begins(6, much));
  s.written();
  s.applied(applied(4));
  CHECK_FALSE(s.begins(6, much));
  s.applied(applied(1));
  CHECK(s.begins(6, much));
  s.written();
  s.applied(applied(1, 20));
  CHECK(s.begins(7, much));
}

TEST_CASE("a checkpoint begins when the former one is written, and counts what came meanwhile") {
  checkpoint_schedule s(limits);
  s.applied(applied(5));
  REQUIRE(s.begins(0, much));
  s.applied(applied(5));
  CHECK_FALSE(s.begins(0, much));
  s.written();
  CHECK(s.begins(0, much));
  s.written();
  CHECK_FALSE(s.begins(0, much));
}

TEST_CASE("when another database takes the place of ours, nothing of it is left to be written") {
  checkpoint_schedule s(limits);
  s.applied(applied(5));
  REQUIRE(s.begins(0, much));
  s.applied(applied(5));
  s.replaced();
  CHECK_FALSE(s.begins(0, much));
  s.applied(applied(5));
  CHECK(s.begins(0, much));
}

TEST_CASE("on a low disk each word of it gives one checkpoint at once, if there is something to write") {
  checkpoint_schedule s(limits);
  s.on_space(true, 1 << 20);
  CHECK_FALSE(s.begins(1, much));
  s.applied(applied(1));
  CHECK(s.begins(1, much));
  s.written();
  s.applied(applied(1));
  CHECK_FALSE(s.begins(1, much));
  s.on_space(true, 1 << 20);
  CHECK(s.begins(1, much));
  s.applied(applied(1));
  s.on_space(true, 1 << 20);
  CHECK_FALSE(s.begins(1, much));  // one is under way
  s.written();
  CHECK(s.begins(1, much));
  s.written();
  s.applied(applied(1));
  s.on_space(true, 1 << 20);
  s.on_space(false, 1 << 20);
  CHECK_FALSE(s.begins(1, much));
}

TEST_CASE("on a low disk no checkpoint begins that might not fit") {
  checkpoint_schedule s(limits);
  s.applied(applied(2));
  s.on_space(true, 4 * applied_bytes - 1);
  CHECK_FALSE(s.begins(1, much));
  s.on_space(true, 4 * applied_bytes);
  CHECK(s.begins(1, much));
}

TEST_CASE("on a low disk a value that was set again and again counts once") {
  checkpoint_schedule s({.transactions = 100, .bytes = 1 << 20, .entries = 7});
  s.applied(applied(9, 10'000));
  s.on_space(true, 30'000);
  CHECK_FALSE(s.begins(1, much));
  CHECK(s.begins(1, 10'000));
}

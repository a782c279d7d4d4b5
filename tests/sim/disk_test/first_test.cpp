#include <doctest/doctest.h>

#include <random>

#include "tests/sim/disk/disk.hpp"

using namespace troupe;
using namespace troupe::sim;

TEST_CASE("a disk keeps what was written") {
  std::mt19937_64 r(1);
  disk d([&] { return r(); });
  for (int round = 0; round < 3; ++round) {
    auto s = open_storage(d, small_storage(1));
    if (round == 0) s.log->write(std::vector<zab::persist_op>{zab::set_accepted_epoch{1}, zab::set_current_epoch{1}});
    zab::append_records a;
    auto z = make_zxid(1, round + 1);
    a.records.push_back({z, shared_bytes::copy_of("hello")});
    s.log->write(std::vector<zab::persist_op>{a});
    CHECK(d.durable().find(z) == "hello");
    CHECK(d.durable().state().last == z);
    d.power_cut();
  }
  auto s = open_storage(d, small_storage(1));
  CHECK(s.log->state().last == make_zxid(1, 3));
}

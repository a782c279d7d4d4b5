#include "torture.hpp"

#include "fixture.hpp"

using namespace troupe::sim;

TEST_CASE("hundreds of nodes on bad disks never have anything else than what was acknowledged") {
  std::map<std::string, std::uint64_t> fired;
  std::uint64_t writes = 0, restarts = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    CAPTURE(seed);
    auto r = torture(seed, 120);
    writes += r.writes, restarts += r.restarts;
    for (auto& [kind, n] : r.fired) fired[kind] += n;
  }
  CHECK(writes > 20000);
  CHECK(restarts > 1000);
  for (auto kind : {"power cut", "process crash", "sector lost", "sector kept", "sector of an older write",
                    "write error", "sync error", "disk full", "commit cut off, whole", "commit cut off, lost"}) {
    CAPTURE(kind);
    CHECK(fired[kind] > 10);
  }
}

TEST_CASE("the same seed does the same, another one does something else") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    auto a = torture(seed, 120), b = torture(seed, 120);
    CHECK(a.trace == b.trace);
    CHECK(a.fired == b.fired);
    CHECK(a.trace != torture(seed + 1000, 120).trace);
  }
}

#include <doctest/doctest.h>

#include <cstdlib>

#include "sim_ensemble.hpp"

using namespace troupe::zab;

/// ZAB_SEED=n traces one seed; ZAB_SEEDS=from:count runs others than those of the merge.
TEST_CASE("an ensemble under random faults keeps ZAB's promises and converges when they end") {
  std::uint64_t from = 1, count = 300;
  if (auto* one = std::getenv("ZAB_SEED")) from = std::strtoull(one, nullptr, 10), count = 1;
  if (auto* some = std::getenv("ZAB_SEEDS")) {
    char* rest = nullptr;
    from = std::strtoull(some, &rest, 10);
    count = *rest ? std::strtoull(rest + 1, nullptr, 10) : 1;
  }
  for (auto seed = from; seed < from + count; ++seed) {
    std::string failure;
    try {
      auto o = sim::random_options(seed);
      o.trace = std::getenv("ZAB_SEED") != nullptr;
      sim::ensemble e(o);
      e.run(4000);
      e.converge();
      if (e.committed().empty()) failure = "nothing was committed";
    } catch (const std::exception& e) {
      failure = e.what();
    }
    INFO("seed ", seed);
    CHECK(failure == "");
  }
}

TEST_CASE("a seed fixes everything: the same run twice leaves the same trace") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    std::uint64_t hash[2];
    for (auto& h : hash) {
      sim::ensemble e(sim::random_options(seed));
      e.run(2000);
      h = e.trace_hash();
    }
    CHECK(hash[0] == hash[1]);
  }
}

#include "cluster/watch/u32_set.hpp"

#include <doctest/doctest.h>

#include <random>
#include <set>

using troupe::watch::u32_set;

namespace {

std::set<std::uint32_t> all(const u32_set& s) {
  std::set<std::uint32_t> out;
  s.for_each([&](std::uint32_t v) { CHECK(out.insert(v).second); });
  return out;
}

}  // namespace

TEST_CASE("a small set does what std::set does, at every size and on the way back") {
  std::mt19937 random(7);
  u32_set s;
  std::set<std::uint32_t> model;
  for (std::uint32_t range : {2u, 5u, 20u, 40u, 1000u, 5000u, 40u, 3u}) {
    for (int n = 0; n < 5000; ++n) {
      auto v = random() % range;
      if (random() % 2)
        CHECK(s.insert(v) == model.insert(v).second);
      else
        CHECK(s.erase(v) == (model.erase(v) == 1));
      CHECK(s.contains(v) == model.contains(v));
      CHECK(s.size() == model.size());
    }
    CHECK(all(s) == model);
    for (auto v : std::set<std::uint32_t>(model))
      if (v >= 3 && model.erase(v)) CHECK(s.erase(v));
    CHECK(all(s) == model);
  }
}

TEST_CASE("a small set keeps numbers that differ only in a few bits apart") {
  u32_set s;
  for (std::uint32_t i = 0; i < 100; ++i) {
    CHECK(s.insert(i << 20 | 1));
    CHECK(s.insert(0xfffffffeu - i));
  }
  for (std::uint32_t i = 0; i < 100; ++i) {
    CHECK(s.contains(i << 20 | 1));
    CHECK(s.contains(0xfffffffeu - i));
  }
  CHECK(s.size() == 200);
}

TEST_CASE("a moved-from set is empty and usable") {
  for (std::uint32_t n : {1u, 2u, 10u, 100u}) {
    u32_set a;
    for (std::uint32_t i = 0; i < n; ++i) a.insert(i);
    u32_set b(std::move(a));
    CHECK(a.empty());  // NOLINT(bugprone-use-after-move): what this is about
    CHECK(b.size() == n);
    CHECK(a.insert(3));
    a = std::move(b);
    CHECK(a.size() == n);
    CHECK(b.empty());  // NOLINT(bugprone-use-after-move)
  }
}

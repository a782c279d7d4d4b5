#include <algorithm>

#include "tests/bugs/bank.hpp"

namespace troupe::bugs {

namespace {

struct limit {
  planted_bug bug;
  std::uint64_t seeds;
};

/// Those that take more than a few seeds.
constexpr limit rare[] = {
    {planted_bug::zk_4643, 700},
    {planted_bug::zk_4925, 2000},
    {planted_bug::zk_3642, 2000},
    {planted_bug::zk_1154, 2000},
    {planted_bug::zk_1156, 700},
    {planted_bug::zk_3127, 2000},
    {planted_bug::zk_1489, 700},
    {planted_bug::zk_3701, 2000},
    {planted_bug::rot_as_torn, 2000},
    {planted_bug::zk_1653, 1500},
    {planted_bug::high_water_ignored, 2000},
    {planted_bug::unconfirmed_sync, 2000},
    {planted_bug::zk_2872, 700},
    {planted_bug::zk_2959, 700},
    {planted_bug::zk_3231, 900},
    {planted_bug::zk_1624, 600},
};

constexpr std::uint64_t others = 200;

}  // namespace

std::uint64_t limit_of(planted_bug b) {
  auto at = std::find_if(std::begin(rare), std::end(rare), [&](auto& l) { return l.bug == b; });
  return at == std::end(rare) ? others : at->seeds;
}

}  // namespace troupe::bugs

#pragma once
/// A random node on a random disk: writes of all kinds, crashes, errors, a full disk, restarts; checked after each.

#include <cstdint>
#include <map>
#include <string>

namespace troupe::sim {

struct torture_report {
  std::string trace;  ///< all that could be seen: equal for equal seeds
  std::map<std::string, std::uint64_t> fired;
  std::uint64_t writes = 0, restarts = 0;
};

/// Fails the running test where the disk has anything else than what was acknowledged, with the write under way as a
/// whole or not at all.
torture_report torture(std::uint64_t seed, int steps);

}  // namespace troupe::sim

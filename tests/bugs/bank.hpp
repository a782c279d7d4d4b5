#pragma once
/// Runs seeds of the simulator with a bug planted, until one of them fails.

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "cluster/planted_bug.hpp"
#include "tests/sim/stage.hpp"

namespace troupe::bugs {

struct search {
  planted_bug bug = planted_bug::none;
  std::uint64_t from = 1, limit = 1000;  ///< seeds from .. from + limit - 1
  std::set<std::uint64_t> skip;    ///< seeds that fail without any bug: for while the simulator is being worked on
  bool trace = false;              ///< to stderr, step by step
  std::set<std::string> disabled;  ///< checks of the simulator, and rules of the history without their prefix
};

struct finding {
  std::uint64_t seeds = 0;  ///< that were run; the last of them failed, if any
  std::uint64_t seed = 0;   ///< the one that failed; 0: none did
  std::string check, what;
  double seconds = 0;
  bool found() const { return seed != 0; }
};

finding look_for(sim::stage&, const search&);

/// How many seeds are allowed for a bug to be found: about ten times of what it took, so that a change of the simulator
/// may move it, but not lose it.
std::uint64_t limit_of(planted_bug);

}  // namespace troupe::bugs

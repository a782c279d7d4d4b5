#pragma once
/// One seed, from the first start to the verdict.

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "tests/history/history.hpp"
#include "tests/sim/options.hpp"
#include "tests/sim/stage.hpp"

namespace troupe::sim {

struct outcome {
  bool good = true;
  std::string check;  ///< the invariant, or the rule of the history, that was broken
  std::string what;
  std::uint64_t trace_hash = 0, steps = 0;
  std::int64_t virtual_ms = 0;
  std::map<std::string, std::uint64_t> counts;  ///< what happened how often
  std::deque<std::string> trace;                ///< if it was kept: the last lines before the end
  history::history seen;                        ///< if it was kept
};

enum class keep { nothing, trace };

outcome run(stage&, const options&, keep = keep::nothing);

}  // namespace troupe::sim

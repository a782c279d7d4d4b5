#pragma once
/// Many seeds, on several processes, and what they found. A failing seed is cut down to the faults it needs and printed
/// with the command that replays it.

#include <cstdint>
#include <iosfwd>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/simulation.hpp"

namespace troupe::sim {

struct campaign {
  std::uint64_t first = 1, last = 1;  ///< seeds, both included
  int jobs = 1;                       ///< processes
  double minutes = 0;                 ///< takes no new seed after so long; 0: no limit
  std::vector<std::string> without;   ///< kinds of faults
  std::set<std::string> disabled;     ///< checks and rules of the history
  bool twice = false;                 ///< each seed is run twice: its trace must be the same
  bool stop_at_first = false;
  bool trace = false;     ///< to stderr, as it happens
  bool progress = false;  ///< a line on stderr that is written over
};

struct finding {
  std::uint64_t seed = 0;
  std::string check, what;
};

struct report {
  std::uint64_t seeds = 0, steps = 0;
  std::int64_t virtual_ms = 0;
  double seconds = 0;
  std::map<std::string, std::uint64_t> counts;
  std::vector<finding> findings;
};

/// Throws std::runtime_error if a worker process dies.
report run(const campaign&);

/// The numbers, and what happened how often.
void print(std::ostream&, const campaign&, const report&);
/// What broke, the end of the shortest trace that shows it, and how to replay it.
void explain(std::ostream&, const campaign&, const finding&);

/// "a..b" or "a".
bool parse_seeds(const std::string& text, std::uint64_t& first, std::uint64_t& last);

}  // namespace troupe::sim

#pragma once
/// Many seeds, on several processes, and what they found. A failing seed is cut down to the faults it needs and printed
/// with the command that replays it.

#include <chrono>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/simulation.hpp"

namespace troupe::sim {

/// On stderr, while it runs; failing seeds are told at once.
enum class progress {
  none,
  lines,  ///< one a minute
  bar,    ///< written over, for a terminal
};

struct campaign {
  std::uint64_t first = 1, last = 1;  ///< seeds, both included
  int jobs = 0;                       ///< processes; 0: in this one
  double minutes = 0;                 ///< takes no new seed after so long; 0: no limit
  std::vector<std::string> without;   ///< kinds of faults
  std::set<std::string> disabled;     ///< checks and rules of the history
  bool twice = false;                 ///< each seed is run twice: its trace must be the same
  bool trace = false;                 ///< to stderr, as it happens
  sim::progress progress = sim::progress::none;
  std::chrono::seconds patience{300};  ///< with one seed, which takes milliseconds; then its process is ended
};

// What a finding has for a check that is no invariant:
constexpr auto process_check = "process";        ///< the seed ended its process, or had to be ended with it
constexpr auto same_trace_check = "same_trace";  ///< run twice, it went two ways

struct finding {
  std::uint64_t seed = 0;
  std::string check, what;
};

struct report {
  std::uint64_t seeds = 0, steps = 0;
  std::int64_t virtual_ms = 0;
  double seconds = 0;
  std::uint64_t trace_hash = 0;  ///< of all seeds: the same on every machine, whatever the number of processes
  std::map<std::string, std::uint64_t> counts;
  std::vector<finding> findings;
};

using one_run = std::function<outcome(stage&, const options&)>;

/// A seed that ends its process is a finding, unless it runs in this one (jobs = 0).
/// Throws std::runtime_error if a process cannot be started.
report run(
    const campaign&, const one_run& = [](stage& st, const options& o) { return run(st, o); });

/// The numbers, and what happened how often.
void print(std::ostream&, const campaign&, const report&);
/// What broke, the end of the shortest trace that shows it, and how to replay it.
void explain(std::ostream&, const campaign&, const finding&);

/// "a..b" or "a".
bool parse_seeds(const std::string& text, std::uint64_t& first, std::uint64_t& last);

}  // namespace troupe::sim

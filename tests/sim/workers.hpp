#pragma once
/// The seeds of a campaign on several processes. What a seed did is told when it is over. A process that dies, or does not
/// get on with its seed, is a finding like any other: its seed is named, and another process goes on with the next.

#include <chrono>
#include <functional>

#include "tests/sim/campaign.hpp"

namespace troupe::sim {

struct division {
  std::uint64_t first = 1, last = 1;                                                           ///< seeds, both included
  int jobs = 1;                                                                                ///< processes
  std::chrono::steady_clock::time_point until = std::chrono::steady_clock::time_point::max();  ///< no new seed after
  std::chrono::seconds patience{300};  ///< with one seed, before its process is ended
};

/// What one seed did, as a report of one.
using seed_runner = std::function<report(std::uint64_t)>;

/// `make` is called once in each process. `tell` is called in this one, for each seed, in the order in which they end.
/// `idle` is called at least twice in a second.
/// Throws std::runtime_error if a process cannot be started, or dies without a seed.
void run_on_processes(const division&, const std::function<seed_runner()>& make,
                      const std::function<void(const report&)>& tell, const std::function<void()>& idle);

}  // namespace troupe::sim

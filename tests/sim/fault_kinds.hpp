#pragma once
/// The kinds of faults by name, for the command line and for cutting a failing seed down to what it needs.

#include <string>
#include <vector>

#include "tests/sim/options.hpp"

namespace troupe::sim {

/// Those that `o` uses.
std::vector<std::string> fault_kinds(const options& o);
const std::vector<std::string>& all_fault_kinds();
/// Switches one off. Throws std::invalid_argument for a name that is none.
void switch_off(options&, const std::string& kind);

}  // namespace troupe::sim

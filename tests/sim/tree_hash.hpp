#pragma once
/// One number for all that a database holds: znodes with data, Stat and ACL, sessions with their timeouts.

#include <cstdint>

#include "cluster/tree/database.hpp"

namespace troupe::sim {

std::uint64_t tree_hash(const tree::database&);

}  // namespace troupe::sim

#pragma once
/// One node of an ensemble: opens its data, spawns and wires its actors, runs its I/O thread in the calling thread.

#include <caf/actor_system_config.hpp>

#include "actors/node/configuration.hpp"

namespace troupe {

/// Runs until SIGTERM or SIGINT (returns 0) or until the node must not go on (returns 1; the log says why). Throws
/// persistence::storage_error or std::system_error, in one clear line, when it cannot start.
int run_node(const node_config&, caf::actor_system_config&);

}  // namespace troupe

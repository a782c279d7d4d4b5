#pragma once
/// What a node is extended by: the request types that ship and those of its plug-ins, with the limits of its
/// configuration; the types of in-node actors.

#include <memory>

#include "actors/extension/node_actor_types.hpp"
#include "actors/node/configuration.hpp"
#include "cluster/extension/executor.hpp"

namespace troupe {

struct node_types {
  std::shared_ptr<extension::request_types> requests;
  node_actor_types actors;
};

/// Loads the plug-ins. Throws std::runtime_error with one line that says what is wrong, also for an actor in the
/// configuration whose type is unknown.
node_types open_node_types(const node_config&);

}  // namespace troupe

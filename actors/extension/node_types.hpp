#pragma once
/// The request types of a node: those that ship, those of its plug-ins, with the limits of its configuration.

#include <memory>

#include "actors/node/configuration.hpp"
#include "cluster/extension/executor.hpp"

namespace troupe {

/// Loads the plug-ins. Throws std::runtime_error with one line that says what is wrong.
std::shared_ptr<extension::request_types> open_request_types(const node_config&);

}  // namespace troupe

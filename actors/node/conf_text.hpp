#pragma once
/// The answer to the four-letter word `conf`, in the names that ZooKeeper's operators know.

#include <string>

#include "actors/node/configuration.hpp"

namespace troupe::actors {

std::string conf_text(const node_config&);

}  // namespace troupe::actors

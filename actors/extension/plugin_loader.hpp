#pragma once
/// Loads plug-ins. Before the actor system, while there is one thread only.

#include <filesystem>

#include "actors/extension/registry.hpp"

namespace troupe {

/// Throws std::runtime_error with one line that says which plug-in is not as it must be, and how. What was loaded stays
/// loaded: there is no telling what it left behind.
void load_plugin(const std::filesystem::path&, plugin_registry&);

}  // namespace troupe

/// A plug-in whose registration fails.

#include <stdexcept>

#include "actors/extension/plugin.hpp"

extern "C" void troupe_plugin(troupe::plugin_registry&) { throw std::runtime_error("it has no licence"); }

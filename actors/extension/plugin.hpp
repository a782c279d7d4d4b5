#pragma once
/// For plug-ins: shared objects that a node loads at its start (`plugins` in its configuration). Include this in one
/// source file of yours, and define there
///
///     extern "C" void troupe_plugin(troupe::plugin_registry& registry) {
///       registry.add(std::make_shared<my_type>());
///     }
///
/// It is called once, before the node does anything else, in its only thread. An exception from it ends the node with a
/// message. A plug-in shares the node's memory and its fate: a crash of the one is a crash of the other. The node loads
/// only what was built by the same compiler against the headers of its own version; this header leaves in the plug-in
/// what the node compares.

#include "actors/extension/abi.hpp"
#include "actors/extension/registry.hpp"

extern "C" {
__attribute__((visibility("default"))) void troupe_plugin(troupe::plugin_registry&);
__attribute__((visibility("default"))) extern const char troupe_plugin_abi[];
const char troupe_plugin_abi[] = TROUPE_PLUGIN_ABI;
}

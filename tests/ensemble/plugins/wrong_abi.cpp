/// A plug-in as an older version of the project would have built it.

#include "actors/extension/registry.hpp"

extern "C" {
extern const char troupe_plugin_abi[];
const char troupe_plugin_abi[] = "troupe 0.0.1 revision 1, compiler 1.0, C++ 199711L";
void troupe_plugin(troupe::plugin_registry&) { __builtin_trap(); }
}

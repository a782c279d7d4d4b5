#pragma once
/// What must be equal in a node and its plug-ins, as text: classes with virtual members and of the standard library pass
/// between them.

#include "schema/version.hpp"

#define TROUPE_PLUGIN_ABI_TEXT_OF(x) #x
#define TROUPE_PLUGIN_ABI_TEXT(x) TROUPE_PLUGIN_ABI_TEXT_OF(x)
/// Raised whenever a header that plug-ins see changes within one version of the project.
#define TROUPE_PLUGIN_ABI_REVISION 1

#define TROUPE_PLUGIN_ABI                                                                   \
  "troupe " TROUPE_VERSION_TEXT                                                             \
  " revision " TROUPE_PLUGIN_ABI_TEXT(TROUPE_PLUGIN_ABI_REVISION) ", compiler " __VERSION__ \
                                                                  ", C++ " TROUPE_PLUGIN_ABI_TEXT(__cplusplus)

/// For the server with planted bugs (cluster/planted_bug.hpp) that shows what the rig finds: TROUPE_PLANTED_BUG in the
/// environment names the one that is active.

#include <cstdio>
#include <cstdlib>

#include "cluster/planted_bug.hpp"

namespace troupe {
namespace {

[[maybe_unused]] const bool chosen = [] {
  const char* name = std::getenv("TROUPE_PLANTED_BUG");
  if (name == nullptr) return false;
  for (auto& one : planted_bugs)
    if (one.name == name) return active_planted_bug = one.bug, true;
  std::fprintf(stderr, "no planted bug %s\n", name);
  std::exit(2);
}();

}  // namespace
}  // namespace troupe

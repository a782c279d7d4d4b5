#pragma once
/// The in-node actor type `troupe.change-feed`: writes what is committed to a file (audit_file.hpp), from the beginning of
/// the log on, and after a restart from where it was.
///
/// Options: file (required; relative to the configuration's directory; one for each node); sync = "batch" (what was read
/// at a time is on disk before more is asked for; the default) or "never" (left to the kernel).

#include "actors/extension/node_actor.hpp"

namespace troupe {

node_actor spawn_change_feed(caf::actor_system&, const node_actor_setup&);

}  // namespace troupe

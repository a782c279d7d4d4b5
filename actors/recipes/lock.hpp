#pragma once
/// A distributed lock.
///
///     auto lock = recipes::spawn_lock(system, client, {.path = "/locks/printer", .data = "worker 7"});
///     self->request(lock, caf::infinite, recipes::acquire{}).then([](const recipes::lock_held& h) { ... h.fencing ... });
///     self->send(lock, recipes::release{});
///
/// One lock actor is one contender: who wants the lock several times at once spawns several. The line is kazoo's
/// (contender.hpp): its Lock and this one exclude each other.
///
/// Promises     First come, first served. Who asked is told once: lock_held, or an error. The holder is told `lock_lost`
///              when the session has expired, when somebody has deleted the entry, and when there was no connection for
///              `patience`; then it must stop what it does. Killed nodes make nobody lose a lock as long as another node
///              takes the client within `patience`.
/// Safety       The session's timeout begins at the ensemble, and `patience` here: a process that was stopped, or a node
///              that was cut off, may hear too late that others hold the lock. So give `fencing` with everything that you
///              do to the resource, and let it refuse smaller numbers than it has seen: they are the zxids at which the
///              holders' entries were made, and grow from holder to holder.
/// The end      A holder (the actor that asked) that ends releases the lock, as do `stop` and the end of the client.

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/allowed_unsafe_message_type.hpp>

#include "actors/recipes/contender.hpp"
#include "actors/recipes/recipe_actor.hpp"

namespace troupe::recipes {

using lock_options = contender::settings;

struct lock_held {
  zxid_t fencing = 0;
  std::string entry;  ///< the name of its znode
};
struct acquire {
  std::chrono::milliseconds wait{0};  ///< then it is answered by deadline_passed; 0: for ever
};                                    ///< answered by lock_held
struct release {};                    ///< or gives up waiting. Answered by client::done, when the entry is gone
struct lock_lost {};                  ///< to whoever acquired

caf::actor spawn_lock(caf::actor_system&, const caf::actor& client, lock_options);

}  // namespace troupe::recipes

namespace caf {
template <>
struct allowed_unsafe_message_type<troupe::recipes::acquire> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::recipes::lock_held> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::recipes::release> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::recipes::lock_lost> : std::true_type {};
}  // namespace caf

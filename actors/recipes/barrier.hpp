#pragma once
/// A double barrier: N participants begin a piece of work together, and end it together.
///
///     auto barrier = recipes::spawn_barrier(system, client, {.path = "/jobs/42", .size = 5});
///     self->request(barrier, caf::infinite, recipes::enter{}).then([](const client::done&) { work(); });
///     self->request(barrier, caf::infinite, recipes::depart{}).then([](const client::done&) { all_are_done(); });
///
/// Promises     `enter` is answered when N were in at once: never before, and of everybody who was in then, by everybody
///              whose session lived until it was told. `depart` is answered when each of the others has departed, or its
///              session has expired. Rounds follow each other: who enters while others still depart waits for them.
///              More than N may use a barrier: who comes too late for a round waits for the next one.
///              Connections and nodes may go in between; a participant whose session expires while it waits to enter comes
///              in again, as a new one. Who is answered by an error does not take part.
/// PATH/ready   stays when all have gone (gathering.hpp says why); whoever deletes it while somebody is in mixes the rounds.

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/allowed_unsafe_message_type.hpp>

#include "actors/recipes/recipe_actor.hpp"

namespace troupe::recipes {

struct barrier_options {
  std::string path{};
  std::size_t size = 2;
};

struct enter {};   ///< answered by client::done
struct depart {};  ///< answered by client::done; also gives up an `enter` that waits

caf::actor spawn_barrier(caf::actor_system&, const caf::actor& client, barrier_options);

}  // namespace troupe::recipes

namespace caf {
template <>
struct allowed_unsafe_message_type<troupe::recipes::enter> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::recipes::depart> : std::true_type {};
}  // namespace caf

#pragma once
/// A number that many add to.
///
///     auto counter = recipes::spawn_counter(system, client, {.path = "/visits"});
///     self->request(counter, caf::infinite, recipes::add{1}).then([](const recipes::count& c) { use(c.value); });
///
/// Promises     An `add` that is answered with a count was done exactly once, and no two of them with a delta other than 0
///              in the same direction get the same value; one that is answered with an error was not done (unless the
///              client was closed meanwhile). An outcome that is lost with a connection, or a session, is found out by the
///              version of a znode that the counter writes in the same transaction (counting.hpp), not guessed.
///
/// The znode holds decimal text, as kazoo's Counter; if it is missing, it is made, and counts from 0. For speed under
/// many writers there is the request type troupe.counter (schema/request_types.capnp), which leaves an outcome that was
/// lost unknown.

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/allowed_unsafe_message_type.hpp>

#include "actors/recipes/recipe_actor.hpp"

namespace troupe::recipes {

struct counter_options {
  std::string path{};
};

struct add {
  std::int64_t delta = 1;
};                    ///< answered by `count`: the number after it
struct ask_count {};  ///< answered by `count`: not older than what anybody was told before
struct count {
  std::int64_t value = 0;
};

caf::actor spawn_counter(caf::actor_system&, const caf::actor& client, counter_options);

}  // namespace troupe::recipes

namespace caf {
template <>
struct allowed_unsafe_message_type<troupe::recipes::add> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::recipes::ask_count> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::recipes::count> : std::true_type {};
}  // namespace caf

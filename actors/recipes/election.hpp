#pragma once
/// Leader election: candidates stand in line, and the first one leads.
///
///     recipes::spawn_candidate(system, client, {.line = {.path = "/leader", .data = "host:port"}, .who = self});
///
/// `who` is told `elected`, later perhaps `resigned`, then `elected` again, and so on. The candidate stands for election
/// as long as it lives; one that has resigned stands at the end of the line.
///
/// Promises     Each `elected` has the zxid of the candidate's entry: it grows from leader to leader, no two have the same,
///              and whoever commands others by it is refused once they have seen a later one. `resigned` is told at once
///              when the session has expired, when the entry was deleted, and when there was no connection for `patience`
///              (below a third of the session's timeout: then nobody else is elected before, unless this process, or its
///              node, was stopped: lock.hpp says why fencing is needed all the same). Nothing is lost by killed nodes as
///              long as another one takes the client within `patience`.

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/allowed_unsafe_message_type.hpp>

#include "actors/recipes/contender.hpp"
#include "actors/recipes/recipe_actor.hpp"

namespace troupe::recipes {

struct candidate_options {
  contender::settings line{};  ///< `data`: what others are to know of the leader
  caf::actor who{};
};

// ---- to `who`
struct elected {
  zxid_t fencing = 0;
};
struct resigned {};
struct not_eligible {
  std::int32_t code = 0;
};  ///< the candidate has ended: no right, or no client any more

// ---- to a candidate
/// Gives the leadership to the next one, and stands again behind the others. Answered by client::done.
struct step_down {};
/// Who leads, as far as the node we are connected to knows. Answered by `leader`.
struct ask_leader {};
struct leader {
  std::string data;
  zxid_t fencing = 0;  ///< 0: nobody
};

caf::actor spawn_candidate(caf::actor_system&, const caf::actor& client, candidate_options);

}  // namespace troupe::recipes

namespace caf {
template <>
struct allowed_unsafe_message_type<troupe::recipes::elected> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::recipes::resigned> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::recipes::not_eligible> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::recipes::step_down> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::recipes::ask_leader> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::recipes::leader> : std::true_type {};
}  // namespace caf

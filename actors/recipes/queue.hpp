#pragma once
/// A queue between processes: each item to exactly one taker, oldest first; where several takers race for the same items, each
/// gets one of the 16 oldest, so that more takers take faster.
///
///     auto queue = recipes::spawn_queue(system, client, {.path = "/queues/mail"});
///     self->request(queue, caf::infinite, recipes::put{"item"}).then([](const client::done&) {});
///     self->request(queue, caf::infinite, recipes::take{}).then([](const recipes::queue_item& i) { ... });
///
/// Promises     A `put` that is answered is one item in the queue, neither lost nor doubled; a `take` that is answered with
///              an item is the only one that ever gets it. Broken connections, killed nodes and expired sessions do not
///              change that: an outcome that is not known is found out, never guessed, since whoever takes an item leaves
///              a note of it in the same transaction (queueing.hpp); meanwhile the answer waits.
/// The rest     If the process itself dies between taking an item and answering, nothing can tell whether it worked on it.
///              The note stays: a queue spawned with the same `taker` name gives that item out first, marked `again`. One
///              process at a time for a name. Without a name the note stays where it is, PATH/clients/<token>, for
///              people. `stop` takes the note away: what was taken before has been seen to.

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/allowed_unsafe_message_type.hpp>

#include "actors/recipes/queueing.hpp"
#include "actors/recipes/recipe_actor.hpp"

namespace troupe::recipes {

struct queue_options {
  std::string path{};
  std::string taker{};  ///< a name that this process has in all its lives; empty: none
};

struct put {
  std::string data;
};  ///< answered by client::done
struct take {
  std::chrono::milliseconds wait{0};  ///< then it is answered by deadline_passed; 0: for ever
};                                    ///< answered by queue_item

caf::actor spawn_queue(caf::actor_system&, const caf::actor& client, queue_options);

}  // namespace troupe::recipes

namespace caf {
template <>
struct allowed_unsafe_message_type<troupe::recipes::queue_item> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::recipes::put> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::recipes::take> : std::true_type {};
}  // namespace caf

#pragma once
/// A configuration cache: a local mirror of a znode and everything below it, always as the tree was at one zxid.
///
///     auto cache = recipes::spawn_cache(system, client, {.path = "/config", .who = self});
///     self->request(cache, caf::infinite, recipes::ask_entry{"/config/limit"}).then([](const recipes::entry& e) { ... });
///
/// `who` is told `cache_changed` after each transaction below the path: its zxid, and the paths that came, went or
/// changed. The first one stands for the state at the beginning.
///
/// Promises     Answers are from memory, and from one state: a transaction is seen whole or not at all, `snapshot` is the
///              tree at its zxid. Nothing is skipped over reconnections, killed nodes and expired sessions; without a
///              connection the cache answers on, from the state it had. (After an absence that the nodes' logs do not
///              reach back over, one `cache_changed` stands for all that was missed.) What its client may not read is
///              not in it.

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <memory>
#include <optional>

#include "actors/recipes/mirror.hpp"
#include "actors/recipes/recipe_actor.hpp"

namespace troupe::recipes {

struct cache_options {
  std::string path{};
  caf::actor who{};
};

struct cache_changed {
  zxid_t zxid = 0;
  std::vector<std::string> paths;  ///< sorted
};

// ---- each is answered once there is a state
struct ask_entry {
  std::string path{};
};  ///< answered by `entry`
struct entry {
  zxid_t zxid = 0;               ///< of the state that it is from
  std::optional<mirrored> node;  ///< nothing: no such znode
};
struct ask_snapshot {};  ///< answered by `snapshot`
struct snapshot {
  zxid_t zxid = 0;
  mirror::contents nodes;  ///< by path
};

caf::actor spawn_cache(caf::actor_system&, const caf::actor& client, cache_options);

}  // namespace troupe::recipes

namespace caf {
template <>
struct allowed_unsafe_message_type<troupe::recipes::cache_changed> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::recipes::ask_entry> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::recipes::entry> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::recipes::ask_snapshot> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::recipes::snapshot> : std::true_type {};
}  // namespace caf

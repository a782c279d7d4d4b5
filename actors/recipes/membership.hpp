#pragma once
/// Group membership: who is there, each with some data.
///
///     auto group = recipes::spawn_membership(system, client, {.path = "/services/mail", .who = self});
///     self->request(group, caf::infinite, recipes::join_group{"host-7", "10.0.0.7:25"}).then([](const recipes::joined&) {...});
///
/// `who` is told `member_list`, the whole list, at first and after every transaction that changed it, none left out, in
/// order, over all reconnections. (Only if a client was away for longer than the nodes' logs reach back, or a node did not
/// go on with its subscription, for its bound on watches, say, does a list stand for several transactions.)
///
/// Promises     A member is in the list from when it has joined until it leaves or its session ends; a process that dies
///              goes after the session's timeout, one that loses its node stays. If the session expires, it joins again by
///              itself, under the same name, and `who` is told `joined` again. A name is one member's: who joins under a
///              name that is taken waits until it is free, also if another membership of the same client has it
///              (belonging.hpp says what remains if two of one client ask at once). A membership is one member: who joins
///              again changes its data; under another name, it has left under the former when it is told `joined`. A join
///              that is answered by an error is none, and does not happen later.

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/allowed_unsafe_message_type.hpp>

#include "actors/recipes/belonging.hpp"
#include "actors/recipes/recipe_actor.hpp"

namespace troupe::recipes {

struct membership_options {
  std::string path{};
  caf::actor who{};  ///< gets member_list, and `joined` when it has joined again
};

struct join_group {
  std::string name{}, data{};
};  ///< answered by `joined`
struct joined {
  zxid_t since = 0;  ///< the czxid of its znode
};
struct leave_group {};  ///< answered by client::done: its znode is gone
struct ask_members {};  ///< answered by member_list, once there is one

caf::actor spawn_membership(caf::actor_system&, const caf::actor& client, membership_options);

}  // namespace troupe::recipes

namespace caf {
template <>
struct allowed_unsafe_message_type<troupe::recipes::member_list> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::recipes::join_group> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::recipes::joined> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::recipes::leave_group> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::recipes::ask_members> : std::true_type {};
}  // namespace caf

#pragma once
/// Actors of one's own inside a node: what a user writes to add one, and what it gets.
///
/// The configuration names them,
///
///     actors = [{name = "audit", type = "troupe.change-feed", file = "audit.jsonl"}]
///
/// a type comes with Troupe or from a plug-in (registry.hpp). The node spawns each, and again, after a pause that grows
/// from 100 ms to 30 s, when it has ended with an error; what an actor does never ends the node, unless it destroys
/// memory or ends the process. One that ends without an error stays away. An actor that blocks (files, sockets) is
/// spawned detached; the others run on CAF's workers.
///
/// What has happened it gets from the feed, by asking: `feed::next` is answered when there is something, so an actor that is
/// slow gets more at a time, and holds nobody up. It keeps for itself how far it has come, and goes on from there.
///
/// Actor clients may ask it (client.capnp, Ask), if it says so: it gets `asked` and responds with `answered`, or with an
/// error, whose text the client gets.

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cluster/tree/acl.hpp"
#include "schema/ids.hpp"
#include "schema/zookeeper.hpp"

namespace troupe {

// ---- what it may ask the feed

namespace feed {

/// -> feed. Answered by `batch`, once there is something.
struct next {
  zxid_t after = 0;        ///< what is committed behind this; 0: from the beginning of the log
  std::size_t max = 1000;  ///< transactions, at most
};
struct change {
  enum class kind : std::uint8_t { created, deleted, data_changed, acl_changed, session_opened, session_closed };
  kind what = kind::created;
  std::string path, data;          ///< data: created, data_changed
  std::int32_t version = 0;        ///< after it: of the data; acl_changed: of the ACL
  session_id ephemeral_owner = 0;  ///< created
  session_id session = 0;          ///< session_opened, session_closed
  std::int32_t timeout_ms = 0;     ///< session_opened
};
struct transaction {
  zxid_t zxid = 0;
  std::int64_t time_ms = 0;     ///< the leader's wall clock
  session_id session = 0;       ///< on whose behalf; 0: the ensemble's own
  std::vector<change> changes;  ///< may be empty: a transaction that only checked something
};
struct batch {
  std::vector<transaction> list;  ///< in zxid order, without a hole from `next::after` on
  /// The log does not reach back to `after` any more: the list is empty, and what is left begins behind `first`.
  bool too_old = false;
  zxid_t first = 0;
};

}  // namespace feed

// ---- what it may be asked

struct asked {
  session_id session = 0;
  std::shared_ptr<const tree::credentials> who;  ///< the client's identities
  std::string bytes;
};
struct answered {
  std::string bytes;
};

// ---- how it comes to be

struct node_actor_setup {
  std::string name;
  node_id node = 0;
  std::map<std::string, std::string> options;  ///< what the configuration says beside name and type, as text
  std::filesystem::path directory;             ///< what relative paths are relative to: the configuration's directory
  caf::actor feed;  ///< drop it in on_exit: the feed may hold the actor for an answer that is still to come

  /// Throws std::invalid_argument, which says what is missing.
  const std::string& required(const std::string& key) const;
  std::string option(const std::string& key, const std::string& otherwise) const;
};
struct node_actor {
  caf::actor handle;
  bool may_be_asked = false;
};
/// Called on a thread of CAF's workers, again for every new life of the actor. May throw: the actor then counts as ended
/// with that error. It must not use the system's `spawn` of other actors that outlive `handle`: the node ends when those
/// that it knows have ended.
using node_actor_factory = std::function<node_actor(caf::actor_system&, const node_actor_setup&)>;

}  // namespace troupe

namespace caf {
template <>
struct allowed_unsafe_message_type<troupe::feed::next> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::feed::batch> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::asked> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::answered> : std::true_type {};
}  // namespace caf

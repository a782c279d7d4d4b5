#pragma once
/// What a program's actors and a client actor say to each other. Requests are answered by the reply that stands under
/// them, or by a caf::error of category "zookeeper" whose code is a zk::err (`code_of`), or of CAF's own (a request's
/// timeout, the client actor's end). All are plain values and are handed over within the process.
///
///     self->request(client, 5s, client::create{"/a", "data"})
///         .then([](const client::created& c) { use(c.path); }, [](const caf::error& e) { ... client::code_of(e) ... });
///
/// Requests of one sender are carried out and answered in the order in which they were sent. A connection that breaks
/// leaves the outcome of writes that were on their way unknown: they are answered with CONNECTIONLOSS (-4); reads that
/// were on their way are asked again on the next connection. What comes while there is no connection waits for the next
/// one, up to the client's bounds, or until its deadline.

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/error.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "schema/ids.hpp"
#include "schema/zookeeper.hpp"

namespace troupe::client {

enum class create_mode : std::int32_t {
  persistent = 0,
  ephemeral = 1,
  persistent_sequential = 2,
  ephemeral_sequential = 3
};

// ---- writes
struct create {
  std::string path, data;
  create_mode mode = create_mode::persistent;
  zk::acl_list acl;  ///< empty: world:anyone with all permissions
};
struct created {
  std::string path;
  zk::stat stat;
  zxid_t zxid = 0;
};

struct set_data {
  std::string path, data;
  std::int32_t version = -1;
};
struct set_acl {
  std::string path;
  zk::acl_list acl;
  std::int32_t version = -1;
};
struct changed {
  zk::stat stat;
  zxid_t zxid = 0;
};  ///< to set_data, set_acl

struct remove {
  std::string path;
  std::int32_t version = -1;
};
struct done {
  zxid_t zxid = 0;
};  ///< to remove, sync, add_auth, unsubscribe, close

struct check {
  std::string path;
  std::int32_t version = -1;
};
/// All or nothing.
struct multi {
  using operation = std::variant<create, set_data, remove, check>;
  std::vector<operation> operations;
};
struct multi_result {
  struct one {
    zk::err error = zk::err::ok;
    std::string path;  ///< create
    zk::stat stat;     ///< create, set_data
  };
  bool committed = false;  ///< false: nothing was done, and `results` says which operation failed
  std::vector<one> results;
  zxid_t zxid = 0;
};

// ---- reads
struct get_data {
  std::string path;
};
struct data {
  std::string bytes;
  bool null = false;  ///< jute tells null from empty
  zk::stat stat;
  zxid_t zxid = 0;
};
struct exists {
  std::string path;
};
struct existing {
  std::optional<zk::stat> stat;
  zxid_t zxid = 0;
};
struct get_children {
  std::string path;
};
struct children {
  std::vector<std::string> names;  ///< sorted
  zk::stat stat;
  zxid_t zxid = 0;
};
struct get_acl {
  std::string path;
};
struct acl_of {
  zk::acl_list acl;
  zk::stat stat;
  zxid_t zxid = 0;
};
/// Whatever any client was told before is visible to the requests that follow.
struct sync {
  std::string path = "/";
};

// ---- the session
struct add_auth {
  std::string scheme, auth;  ///< "digest", "user:password"; kept, and said again on every connection
};
/// Ends the session: its ephemerals go. The client actor ends after it has answered.
struct close {};

enum class session_state : std::uint8_t {
  connected,     ///< a new session, or the same on another connection
  disconnected,  ///< nothing is known of the ensemble; the session may be alive
  expired,       ///< its ephemerals are gone; a new session follows, with `connected`
  closed,        ///< for good: by `close`, or because no node takes us (the reason is in the log)
};
struct session_event {
  session_state state = session_state::disconnected;
  session_id session = 0;
};
/// `who` gets session_event: the present state at once, then every change. A subscriber that ends is forgotten.
struct watch_session {
  caf::actor who;
};  ///< answered by session_event

// ---- subscriptions: watches that lose nothing (schema/client.capnp, Subscribe)
enum class scope : std::uint16_t { node = 0, children = 1, subtree = 2 };
struct subscribe {
  std::string path;
  scope where = scope::subtree;
  zxid_t since = -1;  ///< > 0: everything after it; 0: the current state, then everything; -1: from now on
  bool with_data = true;
  caf::actor who;  ///< gets `changes`, `state`, `subscription_ended`. One that ends takes its subscriptions with it
};
struct subscribed {
  std::int64_t subscription = 0;
  zxid_t zxid = 0;
};
struct unsubscribe {
  std::int64_t subscription = 0;
};

/// One transaction, once, in zxid order, over all reconnects of the session and over new sessions too.
struct changes {
  struct one {
    zk::event type = zk::event::node_created;
    std::string path, data;
    std::int32_t version = 0;
    session_id ephemeral_owner = 0;
  };
  std::int64_t subscription = 0;
  zxid_t zxid = 0;
  std::int64_t time_ms = 0;
  std::vector<one> list;
};
/// The whole state of what is subscribed to, as of `zxid`: whatever was known before is void.
struct state {
  struct one {
    std::string path, data;
    zxid_t czxid = 0, mzxid = 0;
    std::int32_t version = 0;
    session_id ephemeral_owner = 0;
  };
  std::int64_t subscription = 0;
  zxid_t zxid = 0;
  bool too_old = false;   ///< no node's log reached back to what was told last: changes in between were not told
  std::vector<one> list;  ///< parents before their children
};
struct subscription_ended {
  std::int64_t subscription = 0;
  std::string why;
};

// ---- request types of one's own, and actors inside a node
struct call {
  std::string type;
  std::string request;        ///< a flat Cap'n Proto message, or JSON text
  std::uint16_t version = 0;  ///< 0: the newest
  /// False: it is a write for which a broken connection leaves the outcome unknown. True: ask again on the next one.
  bool repeatable = false;
};
struct ask {
  std::string actor, message;
};
struct reply {
  std::string bytes;
  zxid_t zxid = 0;
};  ///< to call, ask

/// What ZooKeeper's own clients call CONNECTIONLOSS: the request was on its way when the connection broke.
inline constexpr std::int32_t connection_loss = -4;

/// The zk::err (or connection_loss) of an error of ours; 0 if it is not one.
std::int32_t code_of(const caf::error&);
caf::error make_error(std::int32_t code, std::string why = {});

}  // namespace troupe::client

namespace caf {
template <>
struct allowed_unsafe_message_type<troupe::client::create> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::created> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::set_data> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::set_acl> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::changed> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::remove> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::done> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::check> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::multi> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::multi_result> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::get_data> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::data> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::exists> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::existing> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::get_children> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::children> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::get_acl> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::acl_of> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::sync> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::add_auth> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::close> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::session_event> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::watch_session> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::subscribe> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::subscribed> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::unsubscribe> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::changes> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::state> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::subscription_ended> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::call> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::ask> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::reply> : std::true_type {};
}  // namespace caf

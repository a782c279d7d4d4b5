#pragma once
/// What clients ask and are answered, as plain values: no actor in them. messages.hpp says how they are used.

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
  std::string path{}, data{};
  create_mode mode = create_mode::persistent;
  zk::acl_list acl{};  ///< empty: world:anyone with all permissions
};
struct created {
  std::string path{};
  zk::stat stat{};
  zxid_t zxid = 0;
};

struct set_data {
  std::string path{}, data{};
  std::int32_t version = -1;
};
struct set_acl {
  std::string path{};
  zk::acl_list acl{};
  std::int32_t version = -1;
};
struct changed {
  zk::stat stat{};
  zxid_t zxid = 0;
};  ///< to set_data, set_acl

struct remove {
  std::string path{};
  std::int32_t version = -1;
};
struct done {
  zxid_t zxid = 0;
};  ///< to remove, sync, add_auth, unsubscribe, close

struct check {
  std::string path{};
  std::int32_t version = -1;
};
/// All or nothing.
struct multi {
  using operation = std::variant<create, set_data, remove, check>;
  std::vector<operation> operations{};
};
struct multi_result {
  struct one {
    zk::err error = zk::err::ok;
    std::string path{};  ///< create
    zk::stat stat{};     ///< create, set_data
  };
  bool committed = false;  ///< false: nothing was done, and `results` says which operation failed
  std::vector<one> results{};
  zxid_t zxid = 0;
};

// ---- reads
struct get_data {
  std::string path{};
};
struct data {
  std::string bytes{};
  bool null = false;  ///< jute tells null from empty
  zk::stat stat{};
  zxid_t zxid = 0;
};
struct exists {
  std::string path{};
};
struct existing {
  std::optional<zk::stat> stat{};
  zxid_t zxid = 0;
};
struct get_children {
  std::string path{};
};
struct children {
  std::vector<std::string> names{};  ///< sorted
  zk::stat stat{};
  zxid_t zxid = 0;
};
struct get_acl {
  std::string path{};
};
struct acl_of {
  zk::acl_list acl{};
  zk::stat stat{};
  zxid_t zxid = 0;
};
/// Whatever any client was told before is visible to the requests that follow.
struct sync {
  std::string path = "/";
};

// ---- the session
struct add_auth {
  std::string scheme{}, auth{};  ///< "digest", "user:password"; kept, and said again on every connection
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

// ---- subscriptions: watches that lose nothing (schema/client.capnp, Subscribe)
enum class scope : std::uint16_t { node = 0, children = 1, subtree = 2 };
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
    std::string path{}, data{};
    std::int32_t version = 0;
    session_id ephemeral_owner = 0;
  };
  std::int64_t subscription = 0;
  zxid_t zxid = 0;
  std::int64_t time_ms = 0;
  std::vector<one> list{};
};
/// The whole state of what is subscribed to, as of `zxid`: whatever was known before is void.
struct state {
  struct one {
    std::string path{}, data{};
    zxid_t czxid = 0, mzxid = 0;
    std::int32_t version = 0;
    session_id ephemeral_owner = 0;
  };
  std::int64_t subscription = 0;
  zxid_t zxid = 0;
  bool too_old = false;     ///< no node's log reached back to what was told last: changes in between were not told
  std::vector<one> list{};  ///< parents before their children
};
struct subscription_ended {
  std::int64_t subscription = 0;
  std::string why{};
};

// ---- request types of one's own, and actors inside a node
struct call {
  std::string type{};
  std::string request{};      ///< a flat Cap'n Proto message, or JSON text
  std::uint16_t version = 0;  ///< 0: the newest
  /// False: it is a write for which a broken connection leaves the outcome unknown. True: ask again on the next one.
  bool repeatable = false;
};
struct ask {
  std::string actor{}, message{};
};
struct reply {
  std::string bytes{};
  zxid_t zxid = 0;
};  ///< to call, ask

// ---- many requests in one message
/// Each is carried out as if it had been sent alone, in this order; other clients' may come in between (all or nothing is
/// `multi`). Answered by one batch_result when the last has its result: for programs that ask for much at once, to whom two
/// messages for each request cost more than the request.
struct batch {
  using request =
      std::variant<get_data, set_data, create, exists, get_children, remove, multi, call, ask, sync, get_acl, set_acl>;
  std::vector<request> requests{};
};
struct batch_result {
  struct failed {
    std::int32_t code = 0;  ///< a zk::err or a client::code
    std::string why{};
  };
  using one = std::variant<failed, data, changed, created, existing, children, done, multi_result, reply, acl_of>;
  std::vector<one> results{};  ///< one for each request, in their order
};

// ---- limits of one request
/// Any request R (of a batch: each in it), with a deadline of its own and a tag by which its sender may cancel it:
///     self->request(client, caf::infinite, client::limited<client::create>{{"/a", "data"}, 2s})
template <class R>
struct limited {
  R request;
  std::chrono::milliseconds deadline{0};  ///< from now; 0: the client's default
  std::uint64_t tag = 0;
};
/// The sender's requests with this tag that have not gone out yet do not go out. They are answered with `cancelled`.
struct cancel {
  std::uint64_t tag = 0;
};
struct cancelled {
  std::size_t requests = 0;
};  ///< to cancel: how many

/// Codes beside those of zk::err that errors of a client have. "May have been done": a write whose outcome nobody knows.
namespace code {
inline constexpr std::int32_t connection_loss =
    -4;  ///< it was on its way when the connection broke: may have been done
inline constexpr std::int32_t deadline_passed = -7;  ///< nothing was done
inline constexpr std::int32_t closed = -9;           ///< the client is closed, or ends: nothing was done
inline constexpr std::int32_t cancelled = -126;      ///< nothing was done
inline constexpr std::int32_t too_many = -127;       ///< more waits than the client's bounds allow: nothing was done
}  // namespace code
inline constexpr std::int32_t connection_loss = code::connection_loss;

}  // namespace troupe::client

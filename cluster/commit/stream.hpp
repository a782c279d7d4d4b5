#pragma once
/// What flows through a node, in batches: requests from the gateway to the commit processor, one ordered stream from
/// there to the watch notifier, deliveries from there to the gateway.
///
/// The one stream is what keeps ZooKeeper's promise that a client sees a watch event before any reply that shows the
/// change: replies, watch registrations and changes stand in it in the order in which they happened.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/tree/acl.hpp"
#include "schema/bytes.hpp"
#include "schema/ids.hpp"
#include "schema/zookeeper.hpp"

namespace troupe {

/// A batch of what connections sent: one for all that a wake-up of the I/O thread brought.
struct request_batch {
  enum class kind : std::uint8_t {
    opened,  ///< bytes: the peer's address as text, without port
    frame,   ///< bytes: one frame without its length. The first one of a connection is its ConnectRequest
    closed,  ///< the connection is gone
  };
  struct item {
    conn_id conn = 0;
    kind what = kind::frame;
    std::uint32_t at = 0, size = 0;  ///< in bytes
  };
  std::string bytes;
  std::vector<item> items;
  std::string_view view(const item& i) const { return {bytes.data() + i.at, i.size}; }
};

enum class watch_table : std::uint8_t { data, child };

/// In order of happening.
struct stream_item {
  enum class kind : std::uint8_t {
    reply,       ///< bytes: one whole frame, length included, for conn
    last_reply,  ///< the same, then close the connection
    close,       ///< close conn; nothing more for it
    watch,       ///< conn leaves a one-shot watch in `table` at path (text)
    event,       ///< an event for conn alone: setWatches found a change. path (text), event, zxid
    change,      ///< a znode changed: path (text), event (created, deleted, data changed), zxid, acl, parent_acl
    identity,    ///< conn's credentials are now creds[index]
    closed,      ///< the gateway lost conn: drop its watches
    // Of subscriptions. Their `index` is into subscriptions (transaction: into transactions), zxid: the position.
    subscribe,    ///< bytes: the reply, which goes to conn behind what the subscription tells up to here
    unsubscribe,  ///< bytes: the reply
    state,        ///< the subscription begins anew with the state that it comes with, or ends
    transaction,  ///< applied, while anybody is subscribed; before what follows from it
  };
  kind what = kind::reply;
  watch_table table = watch_table::data;
  zk::event event = zk::event::node_created;
  std::uint32_t at = 0, size = 0;  ///< in bytes (replies) or text (paths)
  std::uint32_t index = 0;         ///< change: into acls (two entries: node, parent); identity: into creds; or as above
  conn_id conn = 0;
  zxid_t zxid = 0;
};

enum class subscription_scope : std::uint8_t { node, children, subtree };

/// What an actor client subscribed to (client.capnp, Subscribe).
struct subscription {
  std::int64_t number = 0;  ///< the client's own
  std::string path;
  subscription_scope scope = subscription_scope::subtree;
  zxid_t since = -1;
  bool with_data = true;
  std::uint64_t serial = 0;         ///< the node's own, never used twice: numbers are
  std::vector<shared_bytes> state;  ///< since == 0, or of an item `state`: flat Notifications, in order
  bool ended = false;               ///< of an item `state`: it ends with them
};

struct applied_transaction {
  zxid_t before = 0;     ///< the one in front of it
  shared_bytes payload;  ///< records.capnp Transaction, flat
};

struct stream_batch {
  std::string bytes;  ///< reply frames
  std::string text;   ///< paths
  std::vector<stream_item> items;
  std::vector<tree::acl_ref> acls;
  std::vector<std::shared_ptr<const tree::credentials>> creds;
  std::vector<subscription> subscriptions;
  std::vector<applied_transaction> transactions;
  std::size_t state_bytes = 0;  ///< of all subscriptions
  std::string_view path(const stream_item& i) const { return {text.data() + i.at, i.size}; }
};

/// What the gateway writes: pieces of `bytes`, in order.
struct delivery_batch {
  struct item {
    conn_id conn = 0;
    std::uint32_t at = 0, size = 0;
    bool is_reply = false;  ///< answers a request (an event does not)
    bool close = false;     ///< close the connection after this piece
    bool paced = false;     ///< say msg::drained to who sent this, once the connection has taken most of it
  };
  std::string bytes;
  std::vector<item> items;
};

}  // namespace troupe

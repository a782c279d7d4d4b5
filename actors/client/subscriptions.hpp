#pragma once
/// The subscriptions of a client and how far each has been told: what makes them lose nothing over reconnects
/// (schema/client.capnp, Notification).
///
/// Invariants: `notified` only grows, so nothing is told twice; `told` never passes what the node has said everything
/// of, so nothing is left out.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "actors/client/values.hpp"
#include "schema/client.capnp.h"

namespace troupe::client {

struct subscription {
  std::string path;
  scope where = scope::subtree;
  bool with_data = true;
  zxid_t told = -1;               ///< `since` of the next Subscribe: as there, 0 and -1 included
  zxid_t notified = 0;            ///< of the last notification
  bool confirmed = false;         ///< the node has taken it once: whoever asked has been answered
  bool on_connection = false;     ///< taken on this connection: later responses tell of it
  std::optional<state> building;  ///< parts that have come
};

/// What a subscriber is to hear.
class subscriber_port {
 public:
  virtual void tell(changes&&) = 0;
  virtual void tell(state&&) = 0;
  virtual void tell(subscription_ended&&) = 0;

 protected:
  ~subscriber_port() = default;
};

class subscriptions {
 public:
  std::int64_t add(std::string path, scope, bool with_data, zxid_t since);
  void remove(std::int64_t id) { list_.erase(id); }
  bool has(std::int64_t id) const { return list_.contains(id); }
  std::size_t size() const { return list_.size(); }

  /// The body of Subscribe (flat), from where this subscription stands.
  std::string request_for(std::int64_t id) const;
  static std::string end_request_for(std::int64_t id);
  /// Those that a node took before: to be asked for again on a new connection.
  std::vector<std::int64_t> confirmed() const;

  void on_taken(std::int64_t id, zxid_t);
  /// A response, or alive: everything up to here has been told, to subscriptions that were taken before it.
  void on_told(zxid_t z) {
    if (z > told_) told_ = z;
  }
  /// False: no notification.
  bool on_notification(wire::Notification::Reader, subscriber_port&);
  void on_lost();

 private:
  void settle(subscription&);
  bool take_changes(std::int64_t id, subscription&, wire::Notification::Reader, subscriber_port&);
  void take_part(std::int64_t id, subscription&, wire::Notification::Reader, subscriber_port&);

  std::map<std::int64_t, subscription> list_;
  std::int64_t last_ = 0;
  zxid_t told_ = 0;  ///< by responses on this connection
};

}  // namespace troupe::client

#pragma once
/// Subscriptions of actor clients: watches that lose nothing (client.capnp, Subscribe).
///
/// Every transaction is told once and whole, in zxid order, to each subscription that it concerns, as far as the
/// connection may READ. Live and from the log it is told out of the same record, so both tell the same.
///
/// A connection whose subscriptions all know everything flows: notifications and whatever else the stream has for it go
/// right out. A subscription that begins in the past (or with a state) holds its connection: what is told up to the
/// position of the subscribe goes first, then its reply, then everything behind it. Every reply that a connection gets
/// is therefore a promise: each of its subscriptions was told of everything up to the state that the reply shows. (A
/// client goes on from there after a reconnect.) While it is held, live transactions are not queued for it: it finds
/// them among the recent ones, or reads the log again.
///
/// Memory: bounded by subscription_limits and the limits of cluster/commit/subscription_limits.hpp. A held connection
/// gets pace_bytes at a time.

#include <cstdint>
#include <deque>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cluster/watch/history.hpp"
#include "cluster/watch/subscriber.hpp"
#include "cluster/watch/subscription_limits.hpp"
#include "cluster/watch/subscription_table.hpp"
#include "cluster/watch/transaction_changes.hpp"

namespace troupe::watch {

class subscriptions {
 public:
  explicit subscriptions(subscription_limits l) : limits_(l) {}

  // ---- what the stream brings. Frames go to the end of `out`
  /// `reply`: the frame that answers it, in out.bytes. False: too much waits; the connection is closed.
  bool subscribe(conn_id, std::shared_ptr<const tree::credentials>, subscription&&, zxid_t position,
                 delivery_batch::item reply, delivery_batch& out);
  void unsubscribe(conn_id, std::int64_t number, delivery_batch::item reply, delivery_batch& out);
  void state(conn_id, subscription&&, zxid_t position, delivery_batch& out);
  void transaction(zxid_t, const applied_transaction&, delivery_batch& out);
  void identify(conn_id, const std::shared_ptr<const tree::credentials>&);
  void drop(conn_id);  ///< the connection is gone, or is to get nothing more

  bool any_held() const { return held_ > 0; }
  /// What the stream has for the connection must go by `hold`.
  bool holds(conn_id) const;
  /// False: too much waits; the connection must be closed, and is dropped here.
  bool hold(conn_id, std::string_view frame, bool is_reply);

  // ---- catching up
  void on_history(history&&, delivery_batch& out);
  /// The gateway has passed on what the connection got. Harmless for one that is not there any more.
  void on_drained(conn_id, delivery_batch& out);
  /// The next turn of whoever had to stop for others.
  void take_turns(delivery_batch& out);
  /// What is to be asked now. One read of the log at a time, for each line in its turn.
  struct wants {
    std::vector<history_wanted> reads;
    std::vector<state_wanted> states;
    bool turn = false;  ///< call take_turns soon, after what waits already. Said once
  };
  wants take_wants();

  std::size_t count() const { return table_.size(); }
  std::size_t held_connections() const { return held_; }
  std::size_t held_bytes() const { return held_bytes_; }
  std::size_t recent_bytes() const { return recent_bytes_; }

 private:
  struct built {  ///< the frame built last, of the transaction at hand
    std::vector<std::uint32_t> visible;
    bool with_data = false;
    std::int64_t number = 0;
    std::size_t at = 0, size = 0;
  };
  struct recent {
    zxid_t zxid;
    shared_bytes payload;
  };

  line* find(conn_id);
  void begin(line&, subscription&&, zxid_t position);
  void remove(line&, std::map<std::int64_t, std::unique_ptr<subscriber>>::iterator);
  void erase(line&);
  /// From now on it is behind: told of everything up to `told` and of nothing more.
  void hold_from(line&, zxid_t told);
  void fall_behind(line&, zxid_t before, zxid_t zxid);
  void recount(line&);
  void keep(line&, line::entry);
  void go_to(zxid_t position);
  void remember(zxid_t, const applied_transaction&);

  void tell(subscriber&, const transaction_changes&, const std::vector<std::uint32_t>& hits, built&, delivery_batch&);
  void replay(line&, zxid_t, const shared_bytes& payload, delivery_batch&);
  /// As far as it goes now.
  void pump(line&, delivery_batch&);
  void read_log(line&);
  void queue_turn(line&);

  subscription_limits limits_;
  std::unordered_map<conn_id, std::unique_ptr<line>> lines_;
  subscription_table table_;
  zxid_t position_ = 0;        ///< of the stream
  std::deque<recent> recent_;  ///< everything after recent_after_, up to position_
  zxid_t recent_after_ = 0;
  std::size_t recent_bytes_ = 0, held_ = 0, held_bytes_ = 0;

  std::deque<conn_id> readers_, turns_;
  bool read_in_flight_ = false, turn_wanted_ = false;
  std::uint64_t last_serial_ = 0;
  std::vector<state_wanted> states_;
  std::vector<subscriber_group*> touched_;
};

}  // namespace troupe::watch

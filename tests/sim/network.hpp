#pragma once
/// The links between nodes, as actors/peer makes them over TCP: one for each pair, each direction in order, and a state
/// (`link_state`) that either side learns in its own time. What a link carries is delayed, held up, or lost together with
/// the link; it never overtakes what was sent before it on the same link, but what comes over other links does.

#include <deque>
#include <functional>
#include <map>
#include <utility>

#include "actors/messages.hpp"
#include "tests/sim/world.hpp"

namespace troupe::sim {

class network {
 public:
  /// How a node hears of it. Called only for nodes that are up.
  struct receiver {
    std::function<void(node_id to, node_id from, msg::channel, const shared_bytes&)> frame;
    std::function<void(node_id to, node_id from, bool up)> link;
    std::function<bool(node_id)> up, paused;
  };
  network(world&, std::vector<node_id> nodes, receiver);

  void send(node_id from, node_id to, msg::channel, const shared_bytes& body);
  void drop_link(node_id by, node_id peer);  ///< `by` closes it

  void node_started(node_id);
  void node_ended(node_id);
  void node_paused(node_id);  ///< its peers give it up after a while

  // ---- faults; false: it was so already, or there was nothing to hit
  bool break_link(node_id, node_id);
  bool cut(node_id, node_id);                    ///< no link between these two, until `heal`
  bool hold(node_id from, node_id to, bool on);  ///< one direction delivers nothing; in the end the link breaks
  void heal();
  /// Lets go of one direction that is held, whichever.
  bool release_one();
  bool held(node_id from, node_id to) const { return ways_.at({from, to}).held; }

 private:
  using pair = std::pair<node_id, node_id>;
  struct connection {
    std::uint64_t incarnation = 0;
    bool connected = false, cut = false, attempting = false;
  };
  struct frame {
    std::uint64_t incarnation;
    msg::channel what;
    shared_bytes body;
  };
  struct way {
    std::deque<frame> queue;
    std::size_t arrived = 0;  ///< of the queue, so many have come through
    std::int64_t last_due_us = 0;
    bool held = false;
    std::uint64_t view = 0;  ///< of the node `first` to its link with `second`: incarnation, 0 = down
  };

  static pair key(node_id a, node_id b) { return a < b ? pair{a, b} : pair{b, a}; }
  std::int64_t delay();
  void attempt_later(pair);
  void attempt(pair);
  void disconnect(pair);
  void side_down(node_id at, node_id peer, std::uint64_t incarnation);
  void flush(pair way_key);

  world& world_;
  std::vector<node_id> nodes_;
  receiver to_;
  std::map<pair, connection> links_;
  std::map<pair, way> ways_;
};

}  // namespace troupe::sim

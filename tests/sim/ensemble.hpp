#pragma once
/// The nodes of one seed: their starts and ends, and whose turn it is. Each turn is one message of one actor.

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "tests/history/history.hpp"
#include "tests/sim/client.hpp"
#include "tests/sim/network.hpp"
#include "tests/sim/node.hpp"
#include "tests/sim/observer.hpp"
#include "tests/sim/ports.hpp"
#include "tests/sim/stage.hpp"

namespace troupe::sim {

/// Wall clocks begin here; so session ids of a run look like those of a real ensemble.
inline constexpr std::int64_t wall_start_ms = 1'700'000'000'000;

class ensemble {
 public:
  ensemble(stage&, world&);
  ~ensemble();
  ensemble(const ensemble&) = delete;

  // ---- the life of nodes
  void start(node_id);
  void stop(node_id);  ///< as by SIGTERM: its stores are closed
  void crash(node_id, bool power);
  /// Its links are read so much later than its clients when it goes on. False: it is down, or stands still already.
  bool pause(node_id, std::int64_t ms, std::int64_t links_late_us = 0);
  bool stall(node_id, std::int64_t ms);         ///< its disk; the same
  bool freeze_clock(node_id, std::int64_t ms);  ///< false: it stands still already
  void wipe(node_id);

  /// One turn of an actor or one event of the world.
  void step();

  std::map<node_id, std::unique_ptr<node>>& nodes() { return nodes_; }
  node& at(node_id id) { return *nodes_.at(id); }
  node_id any_node() { return ids_[world_.draw(ids_.size())]; }
  const std::vector<node_id>& ids() const { return ids_; }
  node_id leader() const;  ///< established, of the highest epoch; 0
  const zab::membership& membership() const { return membership_; }
  bool votes(node_id id) const { return membership_.votes(id); }
  network& links() { return *network_; }
  ports& doors() { return *ports_; }
  std::function<void(node_id)> on_elected;     ///< by the others; it gathers its followers
  std::function<void(node_id)> on_truncating;  ///< it is about to truncate its log
  observer& watch() { return observer_; }
  /// Everyone but the forsaken is up, in one epoch, with all that was committed, and nothing is under way.
  bool converged(std::string* why) const;
  bool without_sessions(std::string* why) const;

 private:
  class observed_log;
  class observed_state;
  class virtual_surroundings;

  node_config config_of(node_id) const;
  void make_actors(node&, persistence::storage);
  void take_down(node&);
  void subscribe_tick(node_id, std::size_t part, std::int64_t period_ms, std::uint64_t boot);
  void from_node(node&, caf::message&);
  /// What comes by one link keeps its order, also over a pause.
  void when_awake(node_id, node_id link, std::function<void()>);
  void wake(node&, node_id link);
  void ready(std::size_t at);
  void run(seat&);
  void gathers(node&);
  void on_fatal(node&, const std::string& why);
  bool fails_to_start(node&, std::uint64_t errors_before, const std::string& why);

  stage& stage_;
  world& world_;
  std::vector<node_id> ids_;
  zab::membership membership_;
  observer observer_;
  std::map<node_id, std::unique_ptr<node>> nodes_;
  std::unique_ptr<network> network_;
  std::unique_ptr<ports> ports_;
  std::vector<seat*> ready_, fresh_;
  std::uint64_t turns_ = 0;  ///< since time passed
};

}  // namespace troupe::sim

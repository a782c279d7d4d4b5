#pragma once
/// What goes wrong, when, drawn from the seed. README.md tells how to add a kind.

#include "tests/sim/client.hpp"
#include "tests/sim/ensemble.hpp"

namespace troupe::sim {

class faults {
 public:
  faults(world&, ensemble&, std::vector<std::unique_ptr<client>>&);
  /// Draws what happens in the next millisecond, and so on until `stop`.
  void start();
  /// Ends all faults: heals the network and the disks, starts who is down; an operator wipes what refuses to start. In
  /// some seeds a minority of the voters stays down until `relent`.
  void stop();
  void relent();

 private:
  void tick();
  void disk_faults();
  void network_faults();
  void node_faults();
  // ---- occasions.cpp
  void occasions();
  void freeze_leader();
  void freeze(node_id leader, int patience_ms);
  void wipe_behind();
  bool move_client();
  void hide(node_id elected);
  void fail_truncation(node_id);
  bool chance(int per_second_thousandths);
  bool fired(const char* what);  ///< counts it; always true
  bool partition(node_id, node_id);
  bool one_way(node_id);
  bool cut_client(node_id);
  void rolling_restart();
  void disturb_recovery(node&);
  void forsake_some();
  void operate();
  void restart_later(node_id);
  void restart_later(node_id, std::int64_t within_ms);
  bool power() { return world_.draw(100) < static_cast<std::uint64_t>(world_.set.power_cut_share); }
  bool may_lose_data(node_id) const;
  void watch_recovery();

  world& world_;
  ensemble& nodes_;
  std::vector<std::unique_ptr<client>>& clients_;
  bool active_ = false;
  node_id recovering_ = 0;  ///< its data were lost; until it has them again, nobody else loses any
};

}  // namespace troupe::sim

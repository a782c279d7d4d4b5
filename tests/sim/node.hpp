#pragma once
/// One simulated node: the actors of actors/node as they are, over a simulated disk. What is left out of a real node is
/// the supervisor, the gateway and the peer links: there its messages leave for the simulated world.

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "actors/node/broadcast_actor.hpp"
#include "actors/node/commit_actor.hpp"
#include "actors/node/context.hpp"
#include "tests/sim/disk/disk.hpp"
#include "tests/sim/stage.hpp"
#include "tests/sim/world.hpp"

namespace troupe::sim {

/// The actors that run; those of the disk take virtual time.
enum part : std::size_t {
  part_commit,
  part_broadcast,
  part_election,
  part_tracker,
  part_notifier,
  part_log,
  part_state
};
inline constexpr std::size_t parts = 7;
const char* name_of(std::size_t part);

struct node {
  node(node_id i, world& w) : id(i), on_disk([&w] { return w.random()(); }) {}
  node(const node&) = delete;

  const node_id id;
  disk on_disk;

  // ---- its life
  bool up = false, paused = false, stalled = false;  ///< stalled: its disk does not answer
  bool refused = false;                              ///< its data are damaged: an operator must wipe them
  bool restart_planned = false;
  bool forsaken = false;   ///< faults are over, and nobody starts it: the others must do without it
  bool copying = false;    ///< its checkpoint is being replaced by a leader's, chunk by chunk
  std::string dying;       ///< it wants to stop, and why
  std::uint64_t boot = 0;  ///< counts starts
  std::map<node_id, std::deque<std::function<void()>>> parked;  ///< what came while it was paused, by link; 0: clients
  bool damaged = false;  ///< rot or a lost commit hit its disk since it was last wiped, whether that was noticed or not

  // ---- its clocks
  std::int64_t clock_offset_us = 0, wall_offset_ms = 0;
  int drift_permille = 0;
  std::optional<std::int64_t> frozen_us;  ///< where its monotonic clock stands still

  // ---- its actors
  actors::context_ptr ctx;
  std::array<seat, parts> seats;
  const zab::zab_peer* zab = nullptr;
  const commit::commit_processor* processor = nullptr;

  commit::role role = commit::role::looking;
  epoch_t epoch = 0;
  std::int64_t elected_us = 0;  ///< when it was last seen to gather followers
};

}  // namespace troupe::sim

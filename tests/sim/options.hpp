#pragma once
/// What one seed stands for: the ensemble, the workload, and which faults come how often.

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace troupe::sim {

/// Chances are per second of virtual time and per ensemble, in thousandths: 1000 is about one a second.
struct options {
  std::uint64_t seed = 1;

  // ---- the ensemble
  int voters = 3, observers = 0, clients = 4;
  std::uint32_t last_weight = 1;  ///< of the last voter
  std::int64_t zab_tick_ms = 20, session_tick_ms = 50;
  std::int64_t tick_ms = 100, ping_interval_ms = 50, sync_timeout_ms = 400, init_timeout_ms = 2000;
  std::int64_t min_session_timeout_ms = 300, max_session_timeout_ms = 4000, link_timeout_ms = 600;
  std::uint64_t snapshot_distance = 40, log_retain = 20;
  std::size_t window_bytes = 4000, chunk_bytes = 1000;
  std::uint32_t max_counter = 0xffffffff;  ///< small: epochs roll over

  // ---- how long, how much
  std::int64_t faults_ms = 6000;     ///< virtual time with faults
  std::int64_t converge_ms = 60000;  ///< then all are healed: it must serve within so much
  int keys = 6;                      ///< paths that clients work on
  std::int64_t think_us = 20000;     ///< a client's mean time between calls
  int depth = 2;                     ///< calls of a client under way at most
  int readers = 0;                   ///< so many clients only sync and read, and do not wait for answers
  std::size_t max_outstanding = 4096, max_outstanding_total = 20'000;  ///< of a connection, of a node: more is not read

  // ---- the network
  std::int64_t delay_us = 300, jitter_us = 500;
  std::int64_t slow_us = 0;  ///< now and then a frame takes up to so much longer, and holds up those behind it
  int break_link = 0, partition = 0, one_way = 0, clog = 0, cut_client = 0, repeat_vote = 0, heal = 300;

  // ---- nodes
  int crash = 0, crash_all = 0, power_cut_share = 50;  ///< of 100 crashes
  int crash_in_write = 0;                              ///< at the n-th operation of the disk
  int pause = 0, stop = 0, rolling_restart = 0;        ///< stop: as by SIGTERM
  std::int64_t down_ms = 1000;                         ///< at most, then restarted
  std::int64_t pause_ms = 800;
  int drift_percent = 0;  ///< of monotonic clocks, at most
  int wall_jump = 0;      ///< jumps of a node's wall clock
  int freeze_clock = 0;   ///< a node's monotonic clock stands still, for pause_ms at most, and goes on from there

  // ---- what waits for its moment (occasions.cpp)
  int freeze_leader = 0;  ///< the leader is paused for so long that the others elect another
  std::int64_t freeze_ms = 2600;
  int move_client = 0;      ///< a client goes elsewhere at once, while its calls are still on their way to the leader
  int wipe_behind = 0;      ///< a voter is wiped while another one lags, and those that have everything are down
  int hide_elected = 0;     ///< of 100: whoever was just elected is hidden from the other voters
  int fail_truncation = 0;  ///< of 100: the disk fails while its log is truncated
  int crash_in_copy = 0;    ///< of 100 ms: a node that copies a checkpoint is killed, or loses its links

  // ---- disks
  std::int64_t sync_us = 200, slow_sync_us = 0;
  int stall = 0, io_error = 0, disk_full = 0, rot = 0, wipe = 0, lost_commit = 0;
  std::int64_t stall_ms = 1000;

  // ---- the observer
  std::set<std::string> disabled_checks;
  bool trace = false;  ///< to stderr, as it happens
};

/// Swarm: half of the seeds switch most fault kinds off, so that what needs one kind often gets it often.
options random_options(std::uint64_t seed);

}  // namespace troupe::sim

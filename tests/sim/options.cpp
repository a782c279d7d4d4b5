#include "tests/sim/options.hpp"

#include <array>
#include <random>

namespace troupe::sim {

options random_options(std::uint64_t seed) {
  std::mt19937_64 r(seed * 0x9e3779b97f4a7c15ull + 0x5bd1e995);
  auto draw = [&](std::uint64_t n) { return static_cast<int>(r() % n); };
  auto between = [&](int low, int high) { return low + draw(static_cast<std::uint64_t>(high - low + 1)); };
  auto one_in = [&](int n) { return draw(static_cast<std::uint64_t>(n)) == 0; };

  options o;
  o.seed = seed;
  o.voters = std::array{3, 3, 3, 3, 3, 4, 5, 5, 1, 2}[static_cast<std::size_t>(draw(10))];
  o.observers = std::array{0, 0, 0, 0, 1, 1, 2}[static_cast<std::size_t>(draw(7))];
  if (o.voters > 2 && one_in(12)) o.last_weight = static_cast<std::uint32_t>(draw(3));
  o.clients = between(3, 6);
  o.zab_tick_ms = between(10, 40);
  o.session_tick_ms = between(20, 80);
  o.snapshot_distance = static_cast<std::uint64_t>(one_in(2) ? between(3, 25) : between(26, 200));
  o.log_retain = static_cast<std::uint64_t>(one_in(2) ? between(0, 10) : between(11, 200));
  o.window_bytes = static_cast<std::size_t>(one_in(2) ? between(300, 2000) : between(2000, 60000));
  o.chunk_bytes = static_cast<std::size_t>(between(200, 4000));
  if (one_in(10)) o.max_counter = static_cast<std::uint32_t>(between(5, 60));
  o.faults_ms = between(2000, 8000);
  o.keys = between(2, 8);
  o.think_us = one_in(2) ? between(2000, 15000) : between(15000, 80000);
  o.depth = between(1, 5);
  o.delay_us = between(50, 3000);
  o.jitter_us = between(50, one_in(3) ? 20000 : 2000);
  o.sync_us = between(50, 3000);
  o.down_ms = between(50, 2500);
  o.pause_ms = between(50, 2500);
  o.stall_ms = between(50, 3000);
  o.power_cut_share = between(0, 100);

  // Each kind is on or off; in half of the seeds most are off.
  const bool few = one_in(2);
  auto some = [&](int most) { return one_in(few ? 5 : 2) ? between(most / 10 + 1, most) : 0; };
  o.break_link = some(1500), o.partition = some(800), o.one_way = some(800), o.clog = some(1500);
  o.cut_client = some(1500), o.repeat_vote = some(3000), o.heal = between(100, 1500);
  o.crash = some(1200), o.crash_all = some(200), o.crash_in_write = some(1200);
  o.stop = some(500), o.rolling_restart = some(200);
  o.pause = some(800);
  o.drift_percent = one_in(3) ? between(1, 10) : 0;
  o.wall_jump = some(500);
  o.slow_us = one_in(3) ? between(1000, 200000) : 0;
  o.slow_sync_us = one_in(3) ? between(1000, 300000) : 0;
  o.stall = some(500), o.io_error = some(400), o.disk_full = some(200);
  o.rot = some(300), o.wipe = some(150), o.lost_commit = some(200);
  o.readers = one_in(2) ? between(1, 2) : 0;
  o.freeze_leader = some(400), o.move_client = some(3000), o.hide_elected = some(60), o.crash_in_copy = some(20);
  o.wipe_behind = some(300), o.fail_truncation = some(100);
  o.freeze_clock = some(400);
  if (one_in(4)) o.max_outstanding = static_cast<std::size_t>(between(1, 4));
  if (one_in(6)) o.max_outstanding_total = static_cast<std::size_t>(between(1, 8));
  if (o.voters < 3) o.wipe_behind = 0;
  if (o.voters < 3) o.rot = o.wipe = o.lost_commit = 0;  // what one disk loses, the others must have
  return o;
}

}  // namespace troupe::sim

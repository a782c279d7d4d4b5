#pragma once
/// ZAB after the election: discovery, synchronisation, broadcast, for leader and learner. It owns the history's order:
/// zxids, acknowledgements, the commit decision. The phases are in files of their own (discovery, synchronization,
/// broadcast); this class is the surface that the broadcast actor and the simulator drive.
///
/// Promises (ZAB 1.0; reliability.md section 4): at most one established leader in an epoch; history, then epoch, then
/// ack; an ack leaves only when its records are on disk; commits in zxid order without a hole; nothing delivered that
/// is not committed and on our own disk.

#include <cstdint>
#include <memory>
#include <vector>

#include "cluster/zab/effects.hpp"
#include "cluster/zab/membership.hpp"

namespace troupe::zab {

struct zab_settings {
  node_id self = 1;
  membership ensemble;
  std::int64_t ping_ms = 500;  ///< the leader pings each learner so often
  std::int64_t init_timeout_ms =
      20000;  ///< discovery and synchronisation of one learner may take so long without progress (initLimit)
  std::int64_t sync_timeout_ms = 5000;     ///< silence after which a peer is given up (syncLimit)
  std::size_t window_bytes = 8u << 20;     ///< recent records kept in memory for learners that come back
  std::size_t chunk_bytes = 1u << 20;      ///< of one frame of records; a frame exceeds it by one record at most
  std::uint32_t max_counter = 0xffffffff;  ///< last zxid counter of an epoch; smaller only in tests of its end
  std::int64_t answer_timeout_ms =
      300;  ///< a learner whose FollowerInfo brings no sign of life for so long looks again (and waits twice as long for the next one)
  std::int64_t gather_timeout_ms =
      1000;  ///< an elected leader to whom no quorum of FollowerInfo comes for so long looks again (the same)
};

class zab_peer {
 public:
  /// `applied`: zxid of the checkpoint that the commit processor starts from.
  zab_peer(zab_settings, log_state, zxid_t applied);
  ~zab_peer();

  // ---- what the election decided
  void lead(std::int64_t now_ms, effects&);
  void follow(node_id leader, std::int64_t now_ms, effects&);

  // ---- from peers
  void on_message(node_id from, message, std::int64_t now_ms, effects&);
  void on_link(node_id peer, bool up, std::int64_t now_ms, effects&);

  // ---- from our own disk
  void on_durable(std::uint64_t token, std::int64_t now_ms, effects&);
  /// `position`: largest zxid <= read.after that is in the log (or its base); -1 if read.after is below the base.
  struct log_read_result {
    zxid_t position = 0;
    log_records records;
    bool at_end = false;
  };
  void on_log_read(const read_log&, log_read_result, std::int64_t now_ms, effects&);
  void on_snapshot_chunk(node_id learner, snap_chunk, std::int64_t now_ms, effects&);
  void on_chunk_installed(std::uint32_t index, std::int64_t now_ms, effects&);
  /// The checkpoint is our state now (the commit processor has it).
  void on_installed(zxid_t, std::int64_t now_ms, effects&);

  // ---- from the commit processor
  void submit(std::vector<commit::prepared>, std::int64_t now_ms, effects&);            ///< leading
  void forward(std::vector<commit::forwarded_request>, std::int64_t now_ms, effects&);  ///< following
  void touched(std::vector<session_id>);  ///< following: for the next pong

  void tick(std::int64_t now_ms, effects&);

  // ---- for election, status and invariants
  zxid_t last_logged() const;
  zxid_t committed() const;
  zxid_t delivered() const;
  epoch_t accepted_epoch() const;
  epoch_t current_epoch() const;
  commit::role role() const;
  node_id leader() const;
  std::size_t learners() const;          ///< leading: connected
  std::size_t synced_followers() const;  ///< leading
  std::size_t pending() const;           ///< leading: proposed, not committed

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace troupe::zab

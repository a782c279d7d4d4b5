#pragma once
/// The leader's side: from the election's decision to the end of its leadership. The three phases are in discovery.cpp,
/// synchronization.cpp and broadcast.cpp; what concerns its whole life in leader.cpp.

#include <deque>
#include <map>
#include <vector>

#include "cluster/zab/context.hpp"

namespace troupe::zab {

class leader {
 public:
  leader(context&, std::int64_t now_ms);

  void start(const std::map<node_id, follower_info>& early, std::int64_t now_ms, effects&);
  void on_message(node_id from, message, std::int64_t now_ms, effects&);
  void on_link_down(node_id, std::int64_t now_ms, effects&);
  void on_durable(std::int64_t now_ms, effects&);
  void on_log_read(const read_log&, zab_peer::log_read_result, std::int64_t now_ms, effects&);
  void on_snapshot_chunk(node_id, snap_chunk, std::int64_t now_ms, effects&);
  void submit(std::vector<commit::prepared>, std::int64_t now_ms, effects&);
  void tick(std::int64_t now_ms, effects&);
  /// After whatever delivered: serves once the whole initial history is delivered.
  void maybe_serve(std::int64_t now_ms, effects&);
  /// The conversation is over: readers are closed, links dropped.
  void close(effects&);

  std::size_t learners() const { return learners_.size(); }
  std::size_t synced_followers() const;
  std::size_t pending() const;

 private:
  enum class phase { gathering, persisting_epoch, collecting_acks, synchronizing, serving };
  enum class stage {
    informed,
    epoch_sent,
    epoch_acked,
    reading,
    truncating,
    snapshotting,
    streaming,
    new_leader_sent,
    synced
  };
  struct learner {
    node_id id = 0;
    bool voter = false;
    stage at = stage::informed;
    epoch_t accepted = 0, current = 0;
    bool counted = false;  ///< its AckEpoch counts for the quorum
    zxid_t last = 0;       ///< of its log, as it told
    zxid_t sent = 0, acked = 0;
    std::deque<std::pair<zxid_t, std::size_t>> in_flight;  ///< chunks of the DIFF not yet on its disk, with their bytes
    std::size_t in_flight_bytes = 0;
    std::uint64_t reading = 0;  ///< serial of the log read for it; 0 = none
    bool snapshot_open = false, snapshot_reading = false;
    std::uint32_t snapshot_index = 0;
    bool snapshot_last = false;
    zxid_t snapshot_zxid = 0;
    bool up_to_date = false;
    std::uint64_t ponged = 0;
    std::uint64_t answered = 0;  ///< last ping that it answered since its AckEpoch
    bool witnessed = false;      ///< it may be synchronised though it never was before: see witness()
    std::uint64_t witness = 0;   ///< the ping that every other voter must answer for that; 0: not asked yet
    std::int64_t heard_ms = 0, progress_ms = 0;
  };
  struct unconfirmed {
    std::uint64_t serial;
    node_id origin;
    commit::reply_only reply;
  };

  // ---- leader.cpp
  learner* find(node_id);
  void drop(node_id, const std::string& why, std::int64_t now_ms, effects&);
  /// The same, because it sent what no honest learner sends.
  void accuse(node_id, const std::string& what, std::int64_t now_ms, effects&);
  void forget(node_id, effects&);
  void check_quorum();
  void close_snapshot(learner&, effects&);
  template <class Pick>
  bool quorum_of(Pick) const;
  void send_pings(std::int64_t now_ms, effects&);
  std::int64_t last_progress_ms() const;

  // ---- discovery.cpp
  void on_info(node_id, const follower_info&, std::int64_t now_ms, effects&);
  void try_gather(std::int64_t now_ms, effects&);
  void announce_epoch(effects&);
  void on_ack_epoch(learner&, const ack_epoch&, std::int64_t now_ms, effects&);
  void check_ack_epochs(std::int64_t now_ms, effects&);

  // ---- synchronization.cpp
  void start_sync(learner&, std::int64_t now_ms, effects&);
  void place(learner&, zxid_t position, std::int64_t now_ms, effects&);
  void pump(learner&, std::int64_t now_ms, effects&);
  void send_chunk(learner&, log_records, effects&);
  bool needs_witness(const learner&) const;
  void ask_for_witness(learner&, std::int64_t now_ms, effects&);
  void witness(std::int64_t now_ms, effects&);
  void on_snap_ack(learner&, std::uint32_t index, std::int64_t now_ms, effects&);
  void check_established(effects&);

  // ---- broadcast.cpp
  void propose(log_records, std::int64_t now_ms, effects&);
  void on_ack(learner&, zxid_t, std::int64_t now_ms, effects&);
  void maybe_commit(effects&);
  void answer_origin(node_id origin, commit::reply_only, effects&);
  void release_confirmed(effects&);
  void release_overtaken(effects&);

  context& ctx_;
  phase phase_ = phase::gathering;
  epoch_t epoch_ = 0;
  bool announced_ = false;  ///< epoch_ is on our disk as accepted
  bool established_ = false;
  bool said_blank_ = false;  ///< that it waits for voters beside those that were never synchronised
  std::uint64_t accepted_token_ = 0, current_token_ = 0;
  zxid_t history_last_ = 0;  ///< end of the initial history
  zxid_t assigned_ = 0;      ///< last zxid given out
  std::map<node_id, learner> learners_;
  std::deque<unconfirmed> unconfirmed_;
  std::uint64_t ping_serial_ = 0;
  std::int64_t started_ms_, pinged_ms_;
};

}  // namespace troupe::zab

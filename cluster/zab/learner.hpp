#pragma once
/// The learner's side: from the election's decision to the end of its conversation with that leader. The phases are in
/// discovery.cpp, synchronization.cpp and broadcast.cpp; what concerns its whole life in learner.cpp.

#include <vector>

#include "cluster/zab/context.hpp"

namespace troupe::zab {

class learner {
 public:
  /// Sessions that are remembered between two pings; more than that are told with the next ones.
  static constexpr std::size_t max_touched = 1u << 16;

  learner(context&, node_id leader, std::int64_t now_ms);

  void start(std::int64_t now_ms, effects&);
  void on_message(message, std::int64_t now_ms, effects&);
  void on_link_up(std::int64_t now_ms, effects&);
  void on_link_down();
  void on_durable(std::int64_t now_ms, effects&);
  void on_log_read(const read_log&, const zab_peer::log_read_result&, std::int64_t now_ms, effects&);
  void on_chunk_installed(std::uint32_t index, effects&);
  void on_installed(effects&);  ///< and the log starts after it, on disk
  void forward(std::vector<commit::forwarded_request>, effects&);
  void touched(std::vector<session_id>);
  void tick(std::int64_t now_ms, effects&);
  /// After whatever delivered: serves once everything up to UpToDate's commit is delivered.
  void maybe_serve(effects&);
  void close(std::int64_t now_ms, effects&);

  node_id leader_id() const { return leader_; }

 private:
  enum class stage {
    waiting_for_link,
    informed,
    accepting,
    synchronizing,
    truncating,
    installing,
    new_leader,
    acked,
    following
  };

  void leave(const std::string& why, effects&);
  void refuse(const std::string& why, effects&);  ///< the same, because of what no honest leader sends
  // ---- discovery.cpp
  void on_leader_info(epoch_t, std::int64_t now_ms, effects&);
  // ---- synchronization.cpp
  void on_trunc(zxid_t to, std::int64_t now_ms, effects&);
  void truncate(zxid_t to, zxid_t position, std::int64_t now_ms, effects&);
  void on_snap_chunk(snap_chunk, std::int64_t now_ms, effects&);
  void on_new_leader(zxid_t last, std::int64_t now_ms, effects&);
  void on_up_to_date(zxid_t commit, std::int64_t now_ms, effects&);
  // ---- broadcast.cpp
  void on_proposals(proposals, std::int64_t now_ms, effects&);
  void on_commit(zxid_t, effects&);
  void on_ping(const ping&, epoch_t, effects&);
  void send_ack(effects&);

  context& ctx_;
  node_id leader_;
  stage at_ = stage::waiting_for_link;
  epoch_t epoch_ = 0;
  bool answered_ = false;  ///< a sign of life came
  bool repeated_ = false;
  std::uint64_t accepted_token_ = 0, new_leader_token_ = 0;
  zxid_t new_leader_last_ = 0;  ///< where NewLeader said that our log ends
  std::uint64_t reading_ = 0;   ///< serial of the read that places a Trunc
  zxid_t trunc_to_ = 0;
  bool in_order_ = false;  ///< our log is a prefix of the leader's: acks make sense
  zxid_t acked_ = 0;
  zxid_t up_to_date_ = 0;
  bool up_to_date_known_ = false;
  std::vector<session_id> touched_;
  std::int64_t started_ms_, heard_ms_;
};

}  // namespace troupe::zab

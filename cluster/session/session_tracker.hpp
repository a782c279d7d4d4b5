#pragma once
/// Deadlines of sessions (ZooKeeper's SessionTrackerImpl / ExpiryQueue), as pure logic.
///
/// Every node knows which sessions exist and which were heard of since the last report; only the leader expires.
/// Deadlines are rounded up to buckets of one tick: a session expires between its timeout and timeout + tick after it
/// was last heard of, never earlier. When a node starts to lead, every deadline starts anew.

#include <cstdint>
#include <map>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "schema/ids.hpp"

namespace troupe::session {

class session_tracker {
 public:
  explicit session_tracker(std::int64_t tick_ms);  ///< above 0

  void opened(session_id, std::int32_t timeout_ms, std::int64_t now_ms);
  void closed(session_id);
  /// Forgets everything (a new database takes its place).
  void clear();

  /// From now on expiries are ours: all deadlines restart.
  void start_leading(std::int64_t now_ms);
  void stop_leading();

  /// Sessions heard of by this node's own gateway, or by a follower that reported them. Unknown ones are ignored, and
  /// so are those whose expiry was reported.
  void touch(const std::vector<session_id>&, std::int64_t now_ms);

  /// Not leading: sessions touched since the last call, for the report to the leader. Each once.
  std::vector<session_id> take_touched();

  /// Leader: sessions whose deadline has passed, earliest first. Each is reported once: a touch that comes later does
  /// not revive it, and it stays known until it is closed. A new leader (also this node, leading anew) gives it a new
  /// deadline.
  std::vector<session_id> expired(std::int64_t now_ms);

  std::size_t size() const { return sessions_.size(); }

 private:
  struct entry {
    std::int32_t timeout_ms = 0;
    std::int64_t bucket = 0;  ///< deadline; 0 = in no bucket
  };
  void schedule(session_id, entry&, std::int64_t now_ms);
  void unschedule(session_id, entry&);

  std::int64_t tick_ms_;
  bool leading_ = false;
  std::unordered_map<session_id, entry> sessions_;
  std::map<std::int64_t, std::unordered_set<session_id>> buckets_;
  std::unordered_set<session_id> touched_;
};

}  // namespace troupe::session

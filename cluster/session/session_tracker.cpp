#include "cluster/session/session_tracker.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "cluster/planted_bug.hpp"

namespace troupe::session {

session_tracker::session_tracker(std::int64_t tick_ms) : tick_ms_(tick_ms) {
  if (tick_ms <= 0) throw std::logic_error("a tick of " + std::to_string(tick_ms) + " ms");
}

/// Puts the session into the bucket of its deadline, from whichever it was in (ExpiryQueue.update).
void session_tracker::schedule(session_id id, entry& e, std::int64_t now_ms) {
  auto bucket = ((now_ms + e.timeout_ms) / tick_ms_ + 1) * tick_ms_;
  if (bucket == e.bucket) return;
  unschedule(id, e);
  buckets_[bucket].insert(id);
  e.bucket = bucket;
}

void session_tracker::unschedule(session_id id, entry& e) {
  if (e.bucket == 0) return;
  auto b = buckets_.find(e.bucket);
  b->second.erase(id);
  if (b->second.empty()) buckets_.erase(b);
  e.bucket = 0;
}

void session_tracker::opened(session_id id, std::int32_t timeout_ms, std::int64_t now_ms) {
  auto& e = sessions_[id];
  e.timeout_ms = std::max(timeout_ms, 0);
  if (leading_) schedule(id, e, now_ms);
}

void session_tracker::closed(session_id id) {
  auto i = sessions_.find(id);
  if (i == sessions_.end()) return;
  unschedule(id, i->second);
  touched_.erase(id);
  sessions_.erase(i);
}

void session_tracker::clear() {
  sessions_.clear();
  buckets_.clear();
  touched_.clear();
}

void session_tracker::start_leading(std::int64_t now_ms) {
  leading_ = true;
  touched_.clear();
  if (planted(planted_bug::zk_1367)) return;
  for (auto& [id, e] : sessions_) schedule(id, e, now_ms);
}

void session_tracker::stop_leading() {
  leading_ = false;
  buckets_.clear();
  for (auto& [id, e] : sessions_) e.bucket = 0;
}

void session_tracker::touch(const std::vector<session_id>& ids, std::int64_t now_ms) {
  for (auto id : ids) {
    auto i = sessions_.find(id);
    if (i == sessions_.end()) continue;
    if (!leading_)
      touched_.insert(id);
    else if (i->second.bucket != 0)  // an expiry that was reported is on its way, and cannot be called back
      schedule(id, i->second, now_ms);
  }
}

std::vector<session_id> session_tracker::take_touched() {
  std::vector<session_id> out(touched_.begin(), touched_.end());
  touched_.clear();
  return out;
}

std::vector<session_id> session_tracker::expired(std::int64_t now_ms) {
  std::vector<session_id> out;
  while (!buckets_.empty() && buckets_.begin()->first <= now_ms) {
    auto from = out.size();
    for (auto id : buckets_.begin()->second) {
      sessions_.at(id).bucket = 0;
      out.push_back(id);
    }
    // A fixed order, so that a run can be repeated: that of a hash table depends on its history.
    std::sort(out.begin() + static_cast<std::ptrdiff_t>(from), out.end());
    buckets_.erase(buckets_.begin());
  }
  return out;
}

}  // namespace troupe::session

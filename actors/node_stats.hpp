#pragma once
/// The numbers of a node that operators ask for. Every actor updates its own; readers (four-letter words, the exporter)
/// may see them a moment apart from each other. Relaxed: nothing is ever decided by them.

#include <atomic>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>

namespace troupe {

template <class T>
struct relaxed : std::atomic<T> {
  relaxed(T v = T{}) : std::atomic<T>(v) {}
  T operator=(T v) {
    this->store(v, std::memory_order_relaxed);
    return v;
  }
  operator T() const { return this->load(std::memory_order_relaxed); }
  T operator+=(T n) { return this->fetch_add(n, std::memory_order_relaxed) + n; }
  T operator-=(T n) { return this->fetch_sub(n, std::memory_order_relaxed) - n; }
  T operator++() { return *this += 1; }
  T operator--() { return *this -= 1; }
  /// For a value that only one thread writes.
  void raise(T v) {
    if (v > *this) *this = v;
  }
};

/// Of one request type of one's own, all its versions together.
struct request_type_stats {
  explicit request_type_stats(std::string n) : name(std::move(n)) {}
  const std::string name;
  relaxed<std::uint64_t> calls, failures, timeouts;  ///< as run by this node; timeouts are failures, too
  relaxed<std::uint64_t> total_us, max_us;           ///< that everything else waited for them
};

struct node_stats {
  enum class role_is : std::uint8_t { looking, following, leading };

  // ---- gateway
  relaxed<role_is> role{role_is::looking};
  relaxed<std::uint64_t> epoch, leader;
  relaxed<std::uint64_t> packets_received, packets_sent, bytes_received, bytes_sent;
  relaxed<std::uint64_t> connections, connections_refused, connections_dropped;  ///< dropped: by a bound or a bad frame
  relaxed<std::uint64_t> outstanding;                                            ///< requests without a reply yet
  /// Request's last byte read until its reply is handed to the socket's buffer, microseconds. min is ~0 before the
  /// first.
  relaxed<std::uint64_t> latency_min_us{~0ull}, latency_max_us, latency_sum_us, latency_count;
  // ---- commit
  relaxed<std::int64_t> zxid;
  relaxed<std::uint64_t> node_count, ephemerals_count, data_size, sessions;
  // ---- notifier
  relaxed<std::uint64_t> watch_count, watched_paths, watching_connections;
  // ---- broadcast
  relaxed<std::uint64_t> learners, synced_followers, synced_observers, pending_syncs;
  relaxed<std::uint64_t> proposal_count, commit_count, snap_count, diff_count, trunc_count;
  relaxed<std::int64_t> proposal_size_last{-1}, proposal_size_min{-1}, proposal_size_max{-1};  ///< bytes; -1: none yet
  relaxed<std::uint64_t> accusations;  ///< of peers that sent what no honest peer of this version sends
  // ---- election
  relaxed<std::uint64_t> elections, last_election_ms;
  // ---- peer links
  relaxed<std::uint64_t> links_up, link_bytes_received, link_bytes_sent, links_refused;
  // ---- disk
  relaxed<std::uint64_t> log_commits, log_records, fsync_last_us, fsync_max_us, fsync_sum_us;
  relaxed<std::int64_t> checkpoint_zxid;
  relaxed<std::int64_t> log_base;                            ///< records up to it are gone, durably
  relaxed<std::uint64_t> checkpoints, log_size, state_size;  ///< sizes in bytes
  // ---- request types: the list is filled by the wiring
  std::deque<request_type_stats> request_types;
  // ---- wiring: monotonic ms at start, wall clock ms at start
  relaxed<std::int64_t> started_ms, started_wall_ms;

  void on_latency(std::uint64_t us) {
    if (us < latency_min_us) latency_min_us = us;
    latency_max_us.raise(us);
    latency_sum_us = latency_sum_us + us, latency_count = latency_count + 1;
  }
  /// Four-letter word srst.
  void reset() {
    packets_received = 0, packets_sent = 0;
    latency_min_us = ~0ull, latency_max_us = 0, latency_sum_us = 0, latency_count = 0;
  }
};

}  // namespace troupe

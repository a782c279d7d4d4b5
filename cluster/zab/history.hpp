#pragma once
/// A node's view of its own log: what is appended, what of it is on disk, committed and delivered, and a bounded window
/// of recent records in memory. Shared by both sides of the conversation; outlives each conversation, since what was
/// appended stays in the log.

#include <cstdint>
#include <deque>
#include <optional>

#include "cluster/zab/effects.hpp"
#include "cluster/zab/zab_peer.hpp"

namespace troupe::zab {

class history {
 public:
  history(node_id self, const log_state&, zxid_t applied, std::size_t window_bytes, std::size_t chunk_bytes);

  zxid_t last() const { return last_; }        ///< appended, perhaps not yet on disk
  zxid_t durable() const { return durable_; }  ///< on disk, as a prefix of the log as it stands now
  zxid_t committed() const { return committed_; }
  zxid_t delivered() const { return delivered_; }

  /// Queues an operation; returns the token that confirms it.
  std::uint64_t persist(persist_op, std::int64_t now_ms, effects&);
  std::uint64_t append(const log_records&, std::int64_t now_ms, effects&);
  /// `to` as in truncate_after; `position` is the record that becomes the last.
  void truncate(zxid_t to, zxid_t position, std::int64_t now_ms, effects&);
  /// A checkpoint took the place of state and log.
  std::uint64_t reset(zxid_t base, std::int64_t now_ms, effects&);

  void on_durable(std::uint64_t token);
  std::uint64_t issued() const { return issued_; }        ///< token of the last operation queued
  std::uint64_t confirmed() const { return confirmed_; }  ///< the largest token known to be on disk
  /// When the oldest operation that is not yet on disk was queued; nothing if all are.
  std::optional<std::int64_t> oldest_pending_ms() const;

  void commit(zxid_t z) { committed_ = std::max(committed_, z); }
  /// Emits what is committed and on our own disk; reads it back first if it left the window.
  void deliver(effects&);
  /// False: not a read of ours that still matters.
  bool on_log_read(const read_log&, zab_peer::log_read_result, effects&);

  bool in_memory(zxid_t after) const { return after >= window_after_; }  ///< all records above it are in the window
  /// Largest zxid <= z that is in the log; only for z with in_memory(z).
  zxid_t position(zxid_t z) const;
  /// Records above `after`, at least one if there is any, about `max_bytes`; only with in_memory(after).
  log_records slice(zxid_t after, std::size_t max_bytes) const;
  // ---- what only planted bugs do (cluster/planted_bug.hpp)
  /// Hands to the disk what was held back, and holds back what is appended from now on, if `more`. Its bytes count as
  /// durable with whatever is written next.
  void hold_back(bool more, std::int64_t now_ms, effects&);
  void forget_after(zxid_t);                   ///< in memory only
  void leave_out(zxid_t z) { left_out_ = z; }  ///< of slices

  /// A number for a log read that no other has.
  std::uint64_t new_serial() { return ++serial_; }

 private:
  struct pending {
    std::uint64_t token;
    zxid_t last;
    std::int64_t since_ms;
  };
  std::deque<log_record>::const_iterator above(zxid_t) const;
  void emit(log_record, effects&);
  void cut(zxid_t position);
  void cut_window(zxid_t position);

  node_id self_;
  std::size_t window_bytes_, chunk_bytes_;
  zxid_t last_, durable_, committed_, delivered_;
  std::uint64_t issued_ = 0, confirmed_ = 0;
  bool holds_back_ = false;  ///< a planted bug is at work
  log_records held_back_;
  zxid_t left_out_ = 0;
  std::deque<pending> pending_;
  std::deque<log_record> window_;
  zxid_t window_after_;
  std::size_t window_size_ = 0;  ///< bytes
  std::uint64_t serial_ = 0;
  std::uint64_t reading_ = 0;  ///< serial of our read in flight; 0 = none
};

}  // namespace troupe::zab

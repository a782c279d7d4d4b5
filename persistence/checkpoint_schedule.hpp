#pragma once
/// When a checkpoint of the tree is to begin: one at a time, and only if something was applied since the last one began.

#include <algorithm>
#include <cstdint>

#include "persistence/log_store.hpp"

namespace troupe::persistence {

/// It is due when any of these has been reached. Without a bound in bytes a few large values, set again and again, would
/// fill a disk with log that nothing may trim yet.
struct checkpoint_limits {
  std::uint64_t transactions = 100'000;
  std::uint64_t bytes = std::uint64_t{64} << 20;  ///< of log
  std::size_t entries = 20'000;                   ///< that changed
};

class checkpoint_schedule {
 public:
  explicit checkpoint_schedule(checkpoint_limits l) : limits_(l) {}

  void applied(const log_records& records) {
    transactions_ += records.size();
    for (auto& r : records) bytes_ += stored_bytes(r);
  }
  /// While the disk is low on space this is said again and again, each time for one checkpoint at once: until there is one,
  /// the log may not be trimmed. `free`: what the checkpoint may take.
  void on_space(bool low, std::uint64_t free) { wanted_ = low, free_ = free; }
  void written() { under_way_ = false; }
  /// Another database took the place of the one that was to be written.
  void replaced() { under_way_ = false, transactions_ = bytes_ = 0; }

  /// True: one begins now, and is under way until `written`. `entries`: that have changed; `data_bytes`: of all there are.
  bool begins(std::size_t entries, std::uint64_t data_bytes) {
    if (under_way_ || transactions_ == 0) return false;
    // Values take whole pages, at most twice their size. A checkpoint that does not fit would end the node. However often
    // the same values were set, it holds each once.
    bool at_once = wanted_ && 2 * std::min(bytes_, data_bytes + bytes_around_entry * entries) <= free_;
    if (!at_once && transactions_ < limits_.transactions && bytes_ < limits_.bytes && entries < limits_.entries)
      return false;
    under_way_ = true, wanted_ = false;
    transactions_ = bytes_ = 0;
    return true;
  }

 private:
  static constexpr std::uint64_t bytes_around_entry = 512;
  checkpoint_limits limits_;
  std::uint64_t transactions_ = 0, bytes_ = 0;  ///< applied since the last one began
  bool under_way_ = false, wanted_ = false;
  std::uint64_t free_ = 0;
};

}  // namespace troupe::persistence

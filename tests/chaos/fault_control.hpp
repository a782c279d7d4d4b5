#pragma once
/// What a nemesis tells the disk shim of one node, and what the shim counts: a file of exactly this size that both map.
/// Little-endian 64-bit words; disk.py knows the same order.

#include <atomic>
#include <cstdint>

namespace troupe::chaos {

enum class disk_fault : std::uint64_t {
  none = 0,
  sync_error = 1,   ///< the countdown-th flush fails with EIO, once
  write_error = 2,  ///< the countdown-th write fails with EIO, once
  no_space = 3,     ///< from the countdown-th write on all writes fail with ENOSPC, until the fault is taken back
  sync_stall = 4,   ///< the countdown-th flush takes stall_ms longer, once
  short_write = 5,  ///< the countdown-th write writes half and then the disk fails with EIO: a torn record
};

struct fault_control {
  std::atomic<std::uint64_t> kind;      ///< disk_fault
  std::atomic<std::int64_t> countdown;  ///< 0: the next call of that sort
  std::atomic<std::uint64_t> stall_ms;
  std::atomic<std::uint64_t> fired;  ///< calls that were disturbed since the file was made
  std::atomic<std::uint64_t> syncs;  ///< calls seen, on files below the directory
  std::atomic<std::uint64_t> writes;
  std::atomic<std::uint64_t> taping;   ///< not 0: unsynced.hpp keeps its tape
  std::atomic<std::uint64_t> taped;    ///< writes on the tape so far
  std::atomic<std::int64_t> clock_ms;  ///< added to the wall clock
  std::atomic<std::uint64_t> shifted;  ///< readings of the wall clock that got something added
};
static_assert(sizeof(fault_control) == 80 && std::atomic<std::uint64_t>::is_always_lock_free);

}  // namespace troupe::chaos

#pragma once
/// Disk faults on demand. The test program defines pwrite, write, fdatasync of its own, which the dynamic linker
/// prefers to libc's, also for LMDB: they count, fail when told to, and otherwise do the system call.

#include <cstdint>

namespace troupe::persistence {

struct disk_faults {
  std::uint64_t syncs = 0;       ///< fdatasync calls since reset
  std::uint64_t writes = 0;      ///< pwrite, write and writev calls since reset
  std::int64_t fail_sync = -1;   ///< fail the n-th sync from now (0 = the next), once
  std::int64_t fail_write = -1;  ///< fail the n-th write from now, once
  int error = 5;                 ///< EIO
};

disk_faults& faults();
inline void reset_faults() { faults() = {}; }

}  // namespace troupe::persistence

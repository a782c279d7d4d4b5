#pragma once
/// The tape of what a power failure would undo in the files of one node: each write with what stood there before, each
/// flush with how much it made durable. The writes go through to the files at once (LMDB reads its own by a memory map);
/// power_loss.py takes the tape of a killed node, and puts back what it likes of that which no flush covers.
///
/// A file of entries: the header below, then `size` bytes that stood at `offset` (zeros behind the end of the file), then
/// those of the file's name. It is cut after kill -9 at worst within its last entry, whose write did not happen then.

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstdio>
#include <mutex>
#include <string>

#include "tests/chaos/fault_control.hpp"

namespace troupe::chaos {

class unsynced {
 public:
  unsynced(const char* tape, fault_control& control) : name_(tape), control_(control) {}

  /// Calls `write`, with what it overwrites put on the tape before.
  template <class F>
  ssize_t around(int fd, std::size_t size, off_t offset, F&& write) {
    std::lock_guard guard(mutex_);  // the order on the tape is that of the writes
    put(kind::write, fd, static_cast<std::uint64_t>(offset), size, control_.taped += 1);
    auto done = write();
    if (done > 0 && (::fcntl(fd, F_GETFL) & O_DSYNC) != 0)
      put(kind::durable_range, fd, static_cast<std::uint64_t>(offset), static_cast<std::size_t>(done), control_.taped);
    return done;
  }

  /// Writes that have been carried out.
  std::uint64_t writes() {
    std::lock_guard guard(mutex_);
    return control_.taped;
  }

  /// The first `upto` writes of the tape, as far as they went to this file, are durable.
  void synced(int fd, std::uint64_t upto) {
    std::lock_guard guard(mutex_);
    put(kind::sync, fd, 0, 0, upto);
  }

 private:
  enum class kind : std::uint64_t { write = 1, sync = 2, durable_range = 3 };
  struct header {
    std::uint64_t kind, number, inode, offset, size, file_size, name_size;
  };

  void put(kind k, int fd, std::uint64_t offset, std::size_t size, std::uint64_t number) {
    struct stat st {};
    char link[64], name[4096];
    std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    auto n = ::readlink(link, name, sizeof name);
    if (n < 0 || ::fstat(fd, &st) != 0) return;
    std::string before(k == kind::write ? size : 0, '\0');
    if (int again = before.empty() ? -1 : ::open(link, O_RDONLY | O_CLOEXEC); again >= 0) {
      [[maybe_unused]] auto got = ::pread(again, before.data(), size, static_cast<off_t>(offset));
      ::close(again);
    }
    header h{static_cast<std::uint64_t>(k), number, st.st_ino, offset, size, static_cast<std::uint64_t>(st.st_size),
             static_cast<std::uint64_t>(n)};
    iovec parts[] = {{&h, sizeof h}, {before.data(), before.size()}, {name, static_cast<std::size_t>(n)}};
    // A name at each entry: the tape may have been taken away meanwhile, and is begun again then.
    int tape = ::open(name_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (tape < 0) return;
    [[maybe_unused]] auto put = ::syscall(SYS_writev, tape, parts, 3);
    ::close(tape);
  }

  std::string name_;
  fault_control& control_;
  std::mutex mutex_;
};

}  // namespace troupe::chaos

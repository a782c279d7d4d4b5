/// Disk faults in a real node: a library for LD_PRELOAD whose calls the dynamic linker prefers to libc's, also for LMDB.
///
///   CHAOS_DISK_DIRECTORY   only files below it are disturbed: not sockets, not standard error
///   CHAOS_DISK_CONTROL     a fault_control (fault_control.hpp); without it nothing is disturbed
///
/// A fault of a write to a descriptor opened with O_DSYNC (LMDB's meta page) counts as a write, as the kernel sees it.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/chaos/fault_control.hpp"

namespace {

using troupe::chaos::disk_fault;
using troupe::chaos::fault_control;

struct shim {
  fault_control* control = nullptr;
  const char* directory = nullptr;
  std::size_t directory_size = 0;

  shim() {
    const char* file = std::getenv("CHAOS_DISK_CONTROL");
    directory = std::getenv("CHAOS_DISK_DIRECTORY");
    if (file == nullptr || directory == nullptr) return;
    directory_size = std::strlen(directory);
    int fd = ::open(file, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    void* at = ::mmap(nullptr, sizeof(fault_control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ::close(fd);
    if (at != MAP_FAILED) control = static_cast<fault_control*>(at);
  }

  bool ours(int fd) const {
    char link[64], name[4096];
    std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    auto n = ::readlink(link, name, sizeof name);
    return n > static_cast<ssize_t>(directory_size) && std::memcmp(name, directory, directory_size) == 0;
  }
};

// Made at the first call, since the linker orders constructors of libraries as it likes.
shim& here() {
  static shim s;
  return s;
}

/// True if this call is the one: counts the countdown down to it. Once only, but for `lasts`.
bool strikes(fault_control& c, bool lasts = false) {
  if (c.countdown.fetch_sub(1) > 0) return false;
  if (lasts)
    c.countdown = 0;
  else
    c.kind = static_cast<std::uint64_t>(disk_fault::none);
  ++c.fired;
  return true;
}

/// 0, or the error with which a flush fails.
int sync_fault(int fd) {
  auto& s = here();
  if (s.control == nullptr || !s.ours(fd)) return 0;
  auto& c = *s.control;
  ++c.syncs;
  auto kind = static_cast<disk_fault>(c.kind.load());
  if (kind == disk_fault::sync_error && strikes(c)) return EIO;
  if (kind == disk_fault::sync_stall && strikes(c)) {
    auto ms = c.stall_ms.load();
    timespec t{static_cast<time_t>(ms / 1000), static_cast<long>(ms % 1000 * 1'000'000)};
    while (::nanosleep(&t, &t) != 0 && errno == EINTR) {
    }
  }
  return 0;
}

struct write_verdict {
  int error = 0;
  bool half = false;
};
write_verdict write_fault(int fd) {
  auto& s = here();
  if (s.control == nullptr || !s.ours(fd)) return {};
  auto& c = *s.control;
  ++c.writes;
  auto kind = static_cast<disk_fault>(c.kind.load());
  if (kind == disk_fault::write_error && strikes(c)) return {EIO, false};
  if (kind == disk_fault::no_space && strikes(c, true)) return {ENOSPC, false};
  if (kind == disk_fault::short_write && strikes(c)) return {EIO, true};
  return {};
}

ssize_t failed(int error) { return errno = error, -1; }

}  // namespace

extern "C" {

int fdatasync(int fd) {
  if (int e = sync_fault(fd)) return static_cast<int>(failed(e));
  return static_cast<int>(syscall(SYS_fdatasync, fd));
}
int fsync(int fd) {
  if (int e = sync_fault(fd)) return static_cast<int>(failed(e));
  return static_cast<int>(syscall(SYS_fsync, fd));
}

ssize_t pwrite(int fd, const void* p, size_t n, off_t at) {
  if (auto v = write_fault(fd); v.error != 0) {
    if (v.half) syscall(SYS_pwrite64, fd, p, n / 2, at);
    return failed(v.error);
  }
  return syscall(SYS_pwrite64, fd, p, n, at);
}
ssize_t pwrite64(int fd, const void* p, size_t n, off_t at) { return pwrite(fd, p, n, at); }

ssize_t write(int fd, const void* p, size_t n) {
  if (auto v = write_fault(fd); v.error != 0) {
    if (v.half) syscall(SYS_write, fd, p, n / 2);
    return failed(v.error);
  }
  return syscall(SYS_write, fd, p, n);
}

// A vector that tears: its first part only.
ssize_t writev(int fd, const iovec* v, int n) {
  if (auto f = write_fault(fd); f.error != 0) {
    if (f.half && n > 1) syscall(SYS_writev, fd, v, n / 2);
    return failed(f.error);
  }
  return syscall(SYS_writev, fd, v, n);
}
ssize_t pwritev(int fd, const iovec* v, int n, off_t at) {
  if (auto f = write_fault(fd); f.error != 0) {
    if (f.half && n > 1) syscall(SYS_pwritev, fd, v, n / 2, at, 0);
    return failed(f.error);
  }
  return syscall(SYS_pwritev, fd, v, n, at, 0);
}
ssize_t pwritev64(int fd, const iovec* v, int n, off_t at) { return pwritev(fd, v, n, at); }

}  // extern "C"

/// Disk and clock faults in a real node: a library for LD_PRELOAD whose calls the dynamic linker prefers to libc's, also for LMDB.
///
///   CHAOS_DISK_DIRECTORY   only files below it are disturbed: not sockets, not standard error
///   CHAOS_DISK_CONTROL     a fault_control (fault_control.hpp); without it nothing is disturbed
///   CHAOS_DISK_TAPE        where what a power failure would undo is kept (unsynced.hpp)
///
/// A fault of a write to a descriptor opened with O_DSYNC (LMDB's meta page) counts as a write, as the kernel sees it.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/chaos/fault_control.hpp"
#include "tests/chaos/unsynced.hpp"

namespace {

using troupe::chaos::disk_fault;
using troupe::chaos::fault_control;
using troupe::chaos::unsynced;

struct shim {
  fault_control* control = nullptr;
  const char* directory = nullptr;
  std::size_t directory_size = 0;
  unsynced* tape = nullptr;

  shim() {
    const char* file = std::getenv("CHAOS_DISK_CONTROL");
    directory = std::getenv("CHAOS_DISK_DIRECTORY");
    if (file == nullptr || directory == nullptr) return;
    directory_size = std::strlen(directory);
    int fd = ::open(file, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    void* at = ::mmap(nullptr, sizeof(fault_control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ::close(fd);
    if (at == MAP_FAILED) return;
    control = static_cast<fault_control*>(at);
    if (const char* name = std::getenv("CHAOS_DISK_TAPE")) tape = new unsynced(name, *control);  // lives for ever
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

/// The flush itself, with the tape told.
int flush(int fd, long number) {
  if (int e = sync_fault(fd)) return static_cast<int>(failed(e));
  auto& s = here();
  const bool taped = s.tape != nullptr && s.control->taping != 0 && s.ours(fd);
  const auto before = taped ? s.tape->writes() : 0;
  auto done = static_cast<int>(syscall(number, fd));
  if (taped && done == 0) s.tape->synced(fd, before);
  return done;
}

/// A write of `n` bytes at `at`, or where the descriptor stands if that is below 0, done by `write`.
template <class F>
ssize_t taped(int fd, std::size_t n, off_t at, F&& write) {
  auto& s = here();
  if (s.tape == nullptr || s.control->taping == 0 || !s.ours(fd)) return write();
  return s.tape->around(fd, n, at >= 0 ? at : ::lseek(fd, 0, SEEK_CUR), std::forward<F>(write));
}

std::size_t size_of(const iovec* v, int n) {
  std::size_t out = 0;
  for (int i = 0; i < n; ++i) out += v[i].iov_len;
  return out;
}

bool wall(clockid_t c) { return c == CLOCK_REALTIME || c == CLOCK_REALTIME_COARSE; }

void shift(timespec& t, std::int64_t ms) {
  t.tv_sec += ms / 1000, t.tv_nsec += ms % 1000 * 1'000'000;
  if (t.tv_nsec < 0) t.tv_nsec += 1'000'000'000, --t.tv_sec;
  if (t.tv_nsec >= 1'000'000'000) t.tv_nsec -= 1'000'000'000, ++t.tv_sec;
}

}  // namespace

extern "C" {

int fdatasync(int fd) { return flush(fd, SYS_fdatasync); }
int fsync(int fd) { return flush(fd, SYS_fsync); }

ssize_t pwrite(int fd, const void* p, size_t n, off_t at) {
  auto v = write_fault(fd);
  if (v.error == 0) return taped(fd, n, at, [&] { return syscall(SYS_pwrite64, fd, p, n, at); });
  if (v.half) taped(fd, n / 2, at, [&] { return syscall(SYS_pwrite64, fd, p, n / 2, at); });
  return failed(v.error);
}
ssize_t pwrite64(int fd, const void* p, size_t n, off_t at) { return pwrite(fd, p, n, at); }

ssize_t write(int fd, const void* p, size_t n) {
  auto v = write_fault(fd);
  if (v.error == 0) return taped(fd, n, -1, [&] { return syscall(SYS_write, fd, p, n); });
  if (v.half) taped(fd, n / 2, -1, [&] { return syscall(SYS_write, fd, p, n / 2); });
  return failed(v.error);
}

// A vector that tears: its first part only.
ssize_t writev(int fd, const iovec* v, int n) {
  auto f = write_fault(fd);
  if (f.error == 0) return taped(fd, size_of(v, n), -1, [&] { return syscall(SYS_writev, fd, v, n); });
  if (f.half && n > 1) taped(fd, size_of(v, n / 2), -1, [&] { return syscall(SYS_writev, fd, v, n / 2); });
  return failed(f.error);
}
ssize_t pwritev2(int fd, const iovec* v, int n, off_t at, int flags) {
  auto write = [&](int parts) {
    return taped(fd, size_of(v, parts), at, [&] { return syscall(SYS_pwritev2, fd, v, parts, at, 0, flags); });
  };
  auto f = write_fault(fd);
  if (f.error == 0) return write(n);
  if (f.half && n > 1) write(n / 2);
  return failed(f.error);
}
ssize_t pwritev64v2(int fd, const iovec* v, int n, off_t at, int flags) { return pwritev2(fd, v, n, at, flags); }
ssize_t pwritev(int fd, const iovec* v, int n, off_t at) { return pwritev2(fd, v, n, at, 0); }
ssize_t pwritev64(int fd, const iovec* v, int n, off_t at) { return pwritev(fd, v, n, at); }

// Clocks that jump. What the kernel itself times (sleeps, deadlines) goes by its own clock.
int clock_gettime(clockid_t clock, timespec* to) noexcept {
  auto done = static_cast<int>(syscall(SYS_clock_gettime, clock, to));
  if (done != 0 || !wall(clock) || here().control == nullptr) return done;
  auto& c = *here().control;
  if (auto ms = c.clock_ms.load(); ms != 0) shift(*to, ms), ++c.shifted;
  return done;
}
int gettimeofday(timeval* to, void*) noexcept {
  timespec t;
  if (clock_gettime(CLOCK_REALTIME, &t) != 0) return -1;
  *to = {t.tv_sec, t.tv_nsec / 1000};
  return 0;
}
time_t time(time_t* to) noexcept {
  timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  if (to != nullptr) *to = t.tv_sec;
  return t.tv_sec;
}

}  // extern "C"

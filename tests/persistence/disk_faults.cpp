#include "disk_faults.hpp"

#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

namespace troupe::persistence {

disk_faults& faults() {
  static disk_faults f;
  return f;
}

namespace {
bool fails(std::int64_t& countdown) { return countdown >= 0 && countdown-- == 0; }
bool write_fails() {
  ++faults().writes;
  if (!fails(faults().fail_write)) return false;
  errno = faults().error;
  return true;
}
}  // namespace

}  // namespace troupe::persistence

using namespace troupe::persistence;

extern "C" {

int fdatasync(int fd) {
  ++faults().syncs;
  if (fails(faults().fail_sync)) return errno = faults().error, -1;
  return static_cast<int>(syscall(SYS_fdatasync, fd));
}

ssize_t pwrite(int fd, const void* p, size_t n, off_t at) {
  if (write_fails()) return -1;
  return syscall(SYS_pwrite64, fd, p, n, at);
}

ssize_t writev(int fd, const iovec* v, int n) {
  if (write_fails()) return -1;
  return syscall(SYS_writev, fd, v, n);
}

}  // extern "C"

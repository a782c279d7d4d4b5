#include "persistence/file_io.hpp"

#include <fcntl.h>
#include <lmdb.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace troupe::persistence {

std::string advice(int error) {
  switch (error) {
    case EIO:  // LMDB reports a short write, which is what a full disk gives, as EIO
      return "the disk fails or is full: see the kernel's log and the free space (removing the file `ballast` of the "
             "data "
             "directory frees 64 MiB), then start the node again";
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return "the disk or a quota is full: free space (removing the file `ballast` of the data directory frees 64 "
             "MiB), "
             "then start the node again";
    case EACCES:
    case EPERM:
    case EROFS:
      return "make it readable and writable for the user that the node runs as";
    case ENOTDIR:
    case EISDIR:
      return "remove what is in the way, or configure another data directory";
    case ENOENT:
      return "check the configured path";
    case EMFILE:
    case ENFILE:
      return "raise the limit of open files";
    case ENOMEM:
      return "raise the limit of address space (ulimit -v), or configure a smaller map";
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_PANIC:
      return "the file is damaged: " + std::string(resynchronise_advice);
    case MDB_MAP_FULL:
      return "configure a larger map";
    default:
      return "see the kernel's log, then start the node again";
  }
}

void fail_file(const std::filesystem::path& file, std::string_view operation, int error_number) {
  throw storage_error(file.string() + ": cannot " + std::string(operation) + ": " + std::strerror(error_number) + "; " +
                      advice(error_number));
}

unique_fd::~unique_fd() {
  if (fd_ >= 0) ::close(fd_);
}

unique_fd open_file(const std::filesystem::path& file, int flags, bool missing_ok) {
  unique_fd fd(::open(file.c_str(), flags | O_CLOEXEC, 0600));
  if (!fd && !(missing_ok && errno == ENOENT)) fail_file(file, flags & O_CREAT ? "create" : "open", errno);
  return fd;
}

void write_at(const unique_fd& fd, const std::filesystem::path& file, std::string_view bytes, std::size_t offset) {
  while (!bytes.empty()) {
    auto n = ::pwrite(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_file(file, "write", errno);
    if (n == 0) fail_file(file, "write", ENOSPC);
    bytes.remove_prefix(static_cast<std::size_t>(n)), offset += static_cast<std::size_t>(n);
  }
}

std::string read_at(const unique_fd& fd, const std::filesystem::path& file, std::size_t size, std::size_t offset) {
  std::string out(size, '\0');
  std::size_t have = 0;
  while (have < size) {
    auto n = ::pread(fd.get(), out.data() + have, size - have, static_cast<off_t>(offset + have));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_file(file, "read", errno);
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  out.resize(have);
  return out;
}

void sync_data(const unique_fd& fd, const std::filesystem::path& file) {
  if (::fdatasync(fd.get()) != 0) fail_file(file, "sync", errno);
}

void sync_directory(const std::filesystem::path& directory) {
  auto fd = open_file(directory, O_RDONLY | O_DIRECTORY);
  if (::fsync(fd.get()) != 0) fail_file(directory, "sync", errno);
}

}  // namespace troupe::persistence

#pragma once
/// Plain files: descriptors that close themselves, whole reads and writes, and errors that name the file.

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "persistence/log_store.hpp"

namespace troupe::persistence {

/// Throws storage_error "FILE: cannot OPERATION: reason; what to do".
[[noreturn]] void fail_file(const std::filesystem::path& file, std::string_view operation, int error_number);

/// What an operator can do about an errno, or about an LMDB code; never empty.
std::string advice(int error);

/// The same in every message about data that cannot be trusted any more.
inline constexpr std::string_view resynchronise_advice =
    "move the data directory away and start the node again: it fetches everything from its ensemble";

class unique_fd {
 public:
  unique_fd() = default;
  explicit unique_fd(int fd) : fd_(fd) {}
  unique_fd(unique_fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  unique_fd& operator=(unique_fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~unique_fd();
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// open(2) with O_CLOEXEC; failures throw. `missing_ok`: a file that does not exist yields an empty descriptor.
unique_fd open_file(const std::filesystem::path& file, int flags, bool missing_ok = false);
void write_at(const unique_fd&, const std::filesystem::path& file, std::string_view bytes, std::size_t offset);
/// Up to `size` bytes from `offset`; less at the end of the file.
std::string read_at(const unique_fd&, const std::filesystem::path& file, std::size_t size, std::size_t offset);
void sync_data(const unique_fd&, const std::filesystem::path& file);
/// Makes the creation of the files in a directory durable.
void sync_directory(const std::filesystem::path& directory);

}  // namespace troupe::persistence

#pragma once
/// Owner of a file descriptor.

#include <unistd.h>

#include <utility>

namespace troupe::io {

class descriptor {
 public:
  descriptor() = default;
  explicit descriptor(int fd) : fd_(fd) {}
  descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  descriptor& operator=(descriptor&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~descriptor() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void reset(int fd = -1) {
    if (fd_ >= 0) ::close(fd_);  // an error here leaves nothing to do: on Linux the descriptor is gone either way
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

}  // namespace troupe::io

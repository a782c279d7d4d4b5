#pragma once
/// What the actors of a node take from the world around it, apart from messages: the time and the room on its disk. The
/// simulator and tests put their own in its place, so that the same actors run on virtual time.

#include <chrono>
#include <cstdint>

#include "persistence/storage.hpp"

namespace troupe::actors {

/// Asked from several threads at once.
class surroundings {
 public:
  virtual ~surroundings() = default;
  virtual std::int64_t monotonic_us() const = 0;  ///< timeouts
  virtual std::int64_t wall_ms() const = 0;       ///< since 1970: ctime and mtime
  virtual std::uint64_t free_bytes() const = 0;   ///< on the disk of the data directory
};

class real_surroundings final : public surroundings {
 public:
  explicit real_surroundings(std::filesystem::path data_dir) : data_dir_(std::move(data_dir)) {}
  std::int64_t monotonic_us() const override {
    using namespace std::chrono;
    return duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count();
  }
  std::int64_t wall_ms() const override {
    using namespace std::chrono;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
  }
  std::uint64_t free_bytes() const override { return persistence::free_bytes(data_dir_); }

 private:
  std::filesystem::path data_dir_;
};

}  // namespace troupe::actors

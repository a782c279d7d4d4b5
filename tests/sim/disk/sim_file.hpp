#pragma once
/// One file of a simulated disk: what the kernel has of it, and what is on the device.

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/disk/disk.hpp"

namespace troupe::sim {

inline constexpr std::size_t sector_bytes = 512, page_bytes = 4096;

/// What became of the un-synced sectors of a file.
struct cut_count {
  std::uint64_t lost = 0, kept = 0, between = 0;  ///< between: an older of several un-synced versions
};

class sim_file {
 public:
  // ---- as the kernel shows it
  std::size_t size() const { return bytes_.size(); }
  std::string read(std::size_t size, std::size_t offset) const;
  void write(std::string_view bytes, std::size_t offset);
  void truncate();  ///< to nothing, by opening
  void sync();
  /// The device refused: each sector is on it or not, and the kernel takes all of them for clean.
  void failed_sync(const disk::draw&);
  void sync_name() { named_ = true; }

  // ---- crash
  /// False: not even the name is left.
  bool power_cut(unsynced, const disk::draw&, cut_count&);

  // ---- the device
  bool durable_name() const { return named_; }
  std::string durable(std::size_t size, std::size_t offset) const;  ///< if the power were cut and all un-synced lost
  std::string durable() const { return durable(SIZE_MAX, 0); }
  /// Both on the device and in the kernel: rot, or a restored backup.
  void replace(std::string bytes);
  void corrupt(std::size_t offset, std::string_view bytes);
  void cut_off(std::size_t size);

 private:
  using bytes_of_sector = std::array<char, sector_bytes>;
  struct unsynced_sector {
    bytes_of_sector durable;
    std::vector<bytes_of_sector> between;  ///< un-synced versions before the one that the kernel has, oldest first
    bool clean = false;                    ///< after a failed sync: never written to the device
  };
  static constexpr std::size_t max_between = 3;

  bytes_of_sector sector(std::size_t index) const;
  void put_sector(std::size_t index, const bytes_of_sector&);

  std::string bytes_;
  std::map<std::size_t, unsynced_sector> unsynced_;  ///< by index
  std::size_t durable_size_ = 0;
  std::optional<std::string> former_;  ///< what is on the device until an emptied file is synced
  bool named_ = false;
};

}  // namespace troupe::sim

#pragma once
/// What a disk is made of: shared by its parts, not by its users.

#include <map>
#include <string>

#include "tests/sim/disk/disk.hpp"
#include "tests/sim/disk/sim_file.hpp"
#include "tests/sim/disk/sim_tables.hpp"

namespace troupe::sim {

struct named_file {
  std::filesystem::path directory;
  sim_file content;
};

/// Files by their name, tables by their directory's ("log", "state"): a disk has one node's data directory.
struct disk_content {
  std::map<std::string, named_file> files;
  std::map<std::string, sim_tables> tables;
};

struct disk::image {
  disk_content content;
};

struct disk::state {
  explicit state(disk::draw);

  // ---- every operation of the device
  enum class op { write, sync, synced_write };
  struct verdict {
    bool crash = false;
    int error = 0;
  };
  verdict next(op);
  /// The armed crash, after what the caller did of the operation.
  [[noreturn]] void crash_now();
  void crash(sim::crash, unsynced);
  void require(std::uint64_t incarnation) const {
    if (incarnation != this->incarnation) throw crashed();
  }
  void require_unused(const char* what) const;
  void count(const char* kind, std::uint64_t n = 1) {
    if (n) fired[kind] += n;
  }
  std::uint64_t below(std::uint64_t n) { return n ? chance() % n : 0; }
  bool coin() { return chance() % 2 == 0; }
  std::uint64_t used() const;
  std::uint64_t free() const { return limit > used() ? limit - used() : 0; }

  disk::draw chance;
  disk_content content;
  std::unique_ptr<persistence::medium> medium;
  std::uint64_t incarnation = 1;  ///< of the node: a crash begins another one
  bool down = false, in_use = false;
  sim::crash down_by = sim::crash::process;

  std::uint64_t crash_in = 0, fail_write_in = 0, fail_sync_in = 0;  ///< operations from now on, 0: never
  sim::crash armed = sim::crash::power;
  unsynced armed_mode = unsynced::random;
  int write_error = EIO, sync_error = EIO;
  std::uint64_t limit = UINT64_MAX;

  std::uint64_t operations = 0, syncs = 0;
  std::map<std::string, std::uint64_t> fired;
  durable_image durable;
};

std::unique_ptr<persistence::medium> make_medium(disk::state&);

}  // namespace troupe::sim

#pragma once
/// Everything that persistence/ asks of the machine below it: files, tables, and a number that nobody else has. The
/// system's own, or the simulator's disk, under the same logic.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/tables.hpp"

namespace troupe::persistence {

/// An open file. Failures throw storage_error, which names the file.
class file {
 public:
  virtual ~file() = default;
  virtual std::size_t size() const = 0;
  /// Up to `size` bytes from `offset`; less at the end of the file.
  virtual std::string read_at(std::size_t size, std::size_t offset) const = 0;
  /// In the kernel on return: it outlives the process, not a power failure.
  virtual void write_at(std::string_view bytes, std::size_t offset) = 0;
  /// Makes what was written durable, and the size. The file's name: sync_directory.
  virtual void sync() = 0;
};

class medium {
 public:
  virtual ~medium() = default;

  enum class mode {
    read,     ///< of a file that exists: nullptr if there is none
    write,    ///< the same, for reading and writing
    create,   ///< for both; made if there is none
    truncate  ///< for both; made, or emptied
  };
  virtual std::unique_ptr<file> open(const std::filesystem::path&, mode) = 0;
  virtual bool exists(const std::filesystem::path&) const = 0;
  /// Makes the creation of the files in a directory durable.
  virtual void sync_directory(const std::filesystem::path&) = 0;
  /// Opens or creates DIRECTORY/data.mdb with these tables, known by their index from now on.
  virtual std::unique_ptr<table_store> open_tables(const std::filesystem::path& directory, std::size_t map_size_bytes,
                                                   const std::vector<const char*>& tables) = 0;
  /// Not 0, and not guessed by anybody.
  virtual std::uint64_t fresh_id() = 0;
};

/// The operating system's files, and LMDB.
medium& system_medium();

}  // namespace troupe::persistence

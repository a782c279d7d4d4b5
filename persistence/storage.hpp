#pragma once
/// A node's data directory: opened once, by one process, and made consistent.
///
///   DIR/lock        held (fcntl) while a process uses the directory; says whose it is
///   DIR/identity    ensemble name and node id, double, with CRC32C: a directory of another node is refused
///   DIR/log/        LMDB: records by zxid, epochs; journal  (journaled_log.hpp)
///   DIR/state/      LMDB: checkpoint of the tree           (state_store.hpp)
///   DIR/ballast     64 MiB that are freed when the disk is full, so that a node can still be repaired

#include <filesystem>
#include <memory>
#include <string>

#include "persistence/log_store.hpp"
#include "persistence/medium.hpp"
#include "persistence/state_store.hpp"
#include "schema/ids.hpp"

namespace troupe::persistence {

struct storage_settings {
  std::filesystem::path directory;
  std::string ensemble = "troupe";
  node_id self = 1;
  std::size_t map_size_bytes = std::size_t{1} << 36;    ///< of each LMDB environment: address space, not disk
  std::size_t journal_bytes = std::size_t{32} << 20;    ///< of the log's journal
  std::size_t flush_bytes = std::size_t{1} << 20;       ///< of the log: waits for LMDB at most
  std::size_t min_free_bytes = std::size_t{256} << 20;  ///< free-space watermark
  bool ballast = true;
};

struct storage {
  std::unique_ptr<log_store> log;
  std::unique_ptr<state_store> state;
  std::unique_ptr<tree::database> database;  ///< loaded from state
  std::string warning;                       ///< for the operator; empty: none
  std::shared_ptr<void> lock;                ///< released last
};

/// Creates what is missing, checks identity, sizes and epochs, finishes or drops an interrupted install, loads the
/// checkpoint. Throws storage_error with one clear line.
storage open_storage(const storage_settings&);

/// The part of it behind the identity, on any medium: opens log and checkpoint, settles an interrupted install, checks
/// that they fit each other, loads the checkpoint.
void open_stores(const storage_settings&, medium&, storage&);

/// Bytes free on the disk of the directory, for the watermark.
std::uint64_t free_bytes(const std::filesystem::path& directory);

}  // namespace troupe::persistence

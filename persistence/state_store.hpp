#pragma once
/// Checkpoints of the database on disk: the state environment. It holds one checkpoint, which each `write` moves
/// forward by what changed since.
///
/// Interface here; LMDB behind it (lmdb_state.hpp). One thread uses it. Every entry carries a CRC32C that is verified
/// when it is read. Failures as in log_store.hpp.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "cluster/log_record.hpp"
#include "cluster/tree/database.hpp"
#include "cluster/zab/messages.hpp"

namespace troupe::persistence {

class state_store {
 public:
  virtual ~state_store() = default;
  virtual zxid_t zxid() const = 0;  ///< what the checkpoint stands for; 0 = there is none
  /// One transaction: all entries and the zxid.
  virtual void write(const tree::state_delta&) = 0;
  /// The whole checkpoint as a new database.
  virtual std::unique_ptr<tree::database> load() = 0;

  /// SNAP, the giving side: piece `index` of about `max_bytes`; pieces are read in order from 0, no `write` in between.
  virtual zab::snap_chunk read_chunk(std::uint32_t index, std::size_t max_bytes) = 0;
  /// SNAP, the taking side: pieces in order from 0; the one marked last replaces the checkpoint, all in one
  /// transaction. A crash before that leaves the former checkpoint untouched. Returns true after the last.
  virtual bool install_chunk(const zab::snap_chunk&) = 0;
  virtual std::size_t size_bytes() const = 0;
};

}  // namespace troupe::persistence

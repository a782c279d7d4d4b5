#pragma once
/// The replicated history on disk, with the epochs: the log environment.
///
/// Interface here; LMDB behind it (lmdb_log.hpp). One thread uses it. Every `write` is one transaction that is on disk when
/// it returns. Any failure throws `storage_error`, after which the object refuses everything: the node stops, since neither
/// LMDB nor the kernel can be trusted after a failed sync.

#include <span>
#include <stdexcept>
#include <string>

#include "cluster/zab/effects.hpp"
#include "cluster/zab/zab_peer.hpp"

namespace troupe::persistence {

/// What happened, to which file, and what to do: one line for the operator.
class storage_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class log_store {
 public:
  virtual ~log_store() = default;
  virtual zab::log_state state() const = 0;
  /// zxid of an unfinished install of a checkpoint (begin_install without reset_log), 0 if none.
  virtual zxid_t unfinished_install() const = 0;
  virtual void write(std::span<const zab::persist_op>) = 0;
  /// Records after `after`, oldest first, at least one if there is any, about `max_bytes`. Verifies each (CRC32C, zxid,
  /// no hole); a rotten record throws storage_error that names it.
  virtual zab::zab_peer::log_read_result read(zxid_t after, std::size_t max_bytes) = 0;
  /// Forgets records up to `upto`, which becomes the base. Cheap, may be folded into the next write.
  virtual void trim(zxid_t upto) = 0;
  virtual std::size_t size_bytes() const = 0;
};

}  // namespace troupe::persistence

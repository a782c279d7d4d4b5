#pragma once
/// The replicated history on disk, with the epochs: the log environment.
///
/// Interface here; LMDB and a journal behind it (journaled_log.hpp). One thread uses it. Every `write` is one
/// transaction that is on disk when it returns. Any failure throws `storage_error`, after which the object refuses
/// everything: the node stops, since neither LMDB nor the kernel can be trusted after a failed sync.

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

/// True if `next` may stand right behind `last` in a log: counters without a gap within an epoch, 1 first in a new one.
constexpr bool follows(zxid_t last, zxid_t next) {
  return epoch_of(next) == epoch_of(last) ? counter_of(next) == std::uint64_t{counter_of(last)} + 1
                                          : epoch_of(next) > epoch_of(last) && counter_of(next) == 1;
}

/// Of one record in the log, about: its payload with what stands in front of it.
inline std::size_t stored_bytes(const log_record& r) { return 16 + r.payload.size(); }

/// As ZooKeeper prints them: 0x hexadecimal.
std::string zxid_text(zxid_t);

class log_store {
 public:
  virtual ~log_store() = default;
  virtual zab::log_state state() const = 0;
  /// zxid of an unfinished install of a checkpoint (begin_install without reset_log), 0 if none.
  virtual zxid_t unfinished_install() const = 0;
  /// In order, all in one transaction. Records must follow on each other and on the last one (`follows`), truncation
  /// and epochs must fit, else std::logic_error. Records that are appended withdraw an unfinished install, since they
  /// build on the old state; so does begin_install of zxid 0. An empty list does what was put off (trim_pending): for
  /// idle moments.
  virtual void write(std::span<const zab::persist_op>) = 0;
  /// Records after `after`, oldest first, at least one if there is any, about `max_bytes`. Verifies each (CRC32C, zxid,
  /// no hole); a rotten record throws storage_error that names it.
  virtual zab::zab_peer::log_read_result read(zxid_t after, std::size_t max_bytes) = 0;
  /// Forgets records up to `upto`, which is one of them and becomes the base at once. Costs nothing: the following
  /// writes erase a slice each. A crash before the next write leaves the former base.
  virtual void trim(zxid_t upto) = 0;
  /// Of the records that are there: the last behind which so many others stand, or others of so many bytes. 0: there are
  /// no more than those.
  virtual zxid_t last_but(std::size_t records, std::size_t bytes) const = 0;
  virtual bool trim_pending() const { return false; }  ///< true: write({}) has something to do, not only a trim
  virtual std::size_t size_bytes() const = 0;
  /// Of those, about: what takes records without more of the disk, since what stood there was trimmed.
  virtual std::size_t reusable_bytes() const { return 0; }
};

}  // namespace troupe::persistence

#pragma once
/// Everything that one simulated node has on disk. It lives outside the node and survives its crashes.
///
/// Under it runs what the server runs: open_storage hands out persistence::journaled_log and lmdb_state themselves, over
/// a medium (persistence/medium.hpp) whose files and tables are those of this disk. What is modelled is therefore the
/// kernel, the device and LMDB's commit, not the log:
///
///   files    (journal, high-water, identity) A write is in the kernel, and durable after the file's next sync. A power
///            cut decides for each 512-byte sector of each un-synced write which of its versions is on the disk.
///   tables   (log/data.mdb, state/data.mdb) A transaction counts as three operations: pages written, pages synced, meta
///            page written. Before the third it never was; a crash in the third leaves all of it or nothing.
///   errors   A failed write may have written a part. After a failed sync the kernel takes the pages for clean (ATC'20,
///            "Can applications recover from fsync failures?"): they can be read, but a power cut loses those that did
///            not get to the disk, whatever is synced later.
///
/// Deterministic: it draws all chance from the generator it was given, in the order of the calls. It throws what the
/// real medium would throw (storage_error), and `crashed`. One thread uses it; it outlives what was opened on it.

#include <cerrno>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "persistence/storage.hpp"

namespace troupe::sim {

/// The node that used the disk is no more: thrown out of the operation in which it died, and by every later use of what
/// it had opened.
class crashed : public std::exception {
 public:
  const char* what() const noexcept override { return "the simulated node has crashed"; }
};

enum class crash {
  power,   ///< what was not synced is lost, kept or torn
  process  ///< kill -9: the kernel keeps what it has
};

/// What a power cut makes of un-synced writes.
enum class unsynced {
  lose,   ///< none of them is on the disk
  keep,   ///< all are
  tear,   ///< each sector for itself: any version since it was last on disk
  random  ///< one of these three, for each file
};

enum class rot_place { journal, log_record, log_epochs, checkpoint, high_water, identity };
enum class rot_kind {
  flip_bit,
  zero_sector,
  truncate,  ///< only while no node uses the disk
  lose_row,  ///< of LMDB, as after a lost page
  old_row    ///< of LMDB: one that the newest commit changed is as it was before, as after a write that never came
};

/// What would be recovered if the power were cut now and everything un-synced were lost. Read from the bytes that are
/// on disk, not from what the log believes. Without regard to rot that a real recovery would refuse.
class durable_image {
 public:
  /// Epochs, base and last record. Epochs O(1).
  const zab::log_state& state() const { return state_; }
  zxid_t checkpoint() const { return checkpoint_; }
  /// The payload of a record, nothing if it is not durable. O(log n). Valid until the disk is used again.
  std::optional<std::string_view> find(zxid_t) const;

 private:
  friend class disk;
  zab::log_state state_;
  zxid_t checkpoint_ = 0;
  const std::map<std::uint64_t, std::string>* home_ = nullptr;  ///< LMDB's records, stored form
  log_records journal_;                                         ///< those in front of LMDB
  std::uint64_t id_ = 0, covered_ = 0, sequence_ = 0;           ///< of the journal that was read so far
  std::size_t position_ = 0;
};

class disk {
 public:
  using draw = std::function<std::uint64_t()>;  ///< uniform over all 64 bits
  struct state;                                 ///< disk_state.hpp

  explicit disk(draw);
  ~disk();
  disk(const disk&) = delete;
  disk& operator=(const disk&) = delete;

  // ---- the end of the node that uses it: afterwards its storage throws `crashed` and can be destroyed without effect
  void power_cut(unsynced = unsynced::random);
  void process_crash();
  /// In the n-th disk operation from now on (1: the next), which throws `crashed`. One at a time; a crash clears it.
  void crash_at(std::uint64_t n, crash, unsynced = unsynced::random);
  /// True from a crash, asked for or armed, until the disk is opened again.
  bool down() const;
  crash down_by() const;  ///< the last one
  bool in_use() const;    ///< some storage that was opened here lives and has not crashed

  // ---- faults that stop the node by a storage_error
  void fail_write(std::uint64_t n, int error = EIO);  ///< the n-th write from now on (1: the next), once; 0: none
  void fail_sync(std::uint64_t n, int error = EIO);   ///< the n-th sync from now on, once; 0: none
  /// Size of the disk: what needs more fails with ENOSPC (EIO in LMDB, which reports a short write so).
  void limit(std::uint64_t bytes);
  std::uint64_t used_bytes() const;
  std::uint64_t free_bytes() const;  ///< for the watermark of a node

  /// Forgets what is armed: crash_at, fail_write, fail_sync, limit.
  void heal();

  // ---- damage to what is on the disk. Each tells what it hit; empty: there was nothing there
  /// Anywhere. Rows are lost or outdated in the checkpoint only, and while no node uses the disk.
  std::string rot();
  std::string rot(rot_place, rot_kind);
  /// The newest meta page is lost: LMDB opens one commit back and does not say so. Twice in a row hits nothing.
  std::string lose_newest_log_commit();
  std::string lose_newest_checkpoint_commit();
  void wipe();  ///< a new, empty disk
  struct image;
  std::shared_ptr<const image> backup() const;  ///< what is durable
  void restore(const std::shared_ptr<const image>&);

  // ---- for who watches
  std::uint64_t operations() const;  ///< writes, syncs and parts of commits so far
  std::uint64_t syncs() const;       ///< how many of them waited for the device: what virtual time may charge
  const std::map<std::string, std::uint64_t>& fired() const;  ///< what went wrong so far, by kind
  std::uint64_t errors() const;  ///< of those: writes and syncs that failed, and a full disk
  const durable_image& durable() const;

  /// For what is tested by itself. open_storage is what nodes use.
  persistence::medium& medium();

 private:
  friend persistence::storage open_storage(disk&, const persistence::storage_settings&);
  std::unique_ptr<state> state_;
};

/// Settings of a simulated node: a journal of 64 KiB and at most 32 KiB that wait for LMDB, so that both are used up
/// often; no watermark, no ballast. The directory is only a name in messages.
persistence::storage_settings small_storage(node_id self);

/// As persistence::open_storage: identity, watermark, journal, LMDB, interrupted install, consistency, checkpoint.
/// Refused while the disk is in use.
persistence::storage open_storage(disk&, const persistence::storage_settings&);

}  // namespace troupe::sim

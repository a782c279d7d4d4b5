#pragma once
/// What the log had acknowledged, written down a second time: (last zxid, current and accepted epoch) in
/// DIR/log/high-water.
///
/// Why: when the newest meta page of an LMDB file is lost, LMDB opens one commit back without a word, and an
/// acknowledged transaction is gone, or the promise to follow no leader of a lower epoch: an epoch could be given out
/// twice. A log that ends below its high-water mark is refused. (A truncation that is lost in this way comes back: it
/// was not acknowledged before the epoch that was written behind it.)
///
/// The mark must never be ahead of the log by honest means. So it is raised after a commit, and lowered, durably,
/// before a commit that shortens the log. Raising is a write without a sync: it costs a microsecond instead of a flush
/// of the disk, outlives the process at once and a power failure after the kernel's write-back (30 s); until then the
/// mark is merely low: one of its two copies is as it was when it was last made durable.

#include <filesystem>

#include "persistence/slot_file.hpp"
#include "schema/ids.hpp"

namespace troupe::persistence {

class high_water {
 public:
  struct mark {
    zxid_t last = 0;
    epoch_t current_epoch = 0;
    epoch_t accepted_epoch = 0;  ///< 0 in files written before there was one
    bool operator==(const mark&) const = default;
  };

  explicit high_water(const std::filesystem::path& directory, medium& = system_medium());
  bool exists() const { return slots_.value().has_value(); }
  const mark& value() const { return mark_; }

  void raise(mark);
  void lower(mark);

 private:
  void write(mark, bool durable);
  slot_file slots_;
  mark mark_;
};

}  // namespace troupe::persistence

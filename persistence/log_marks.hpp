#pragma once
/// What may be trimmed of a log: places where it ended once, with how much was appended until then.

#include <cstdint>
#include <deque>

#include "persistence/log_store.hpp"

namespace troupe::persistence {

/// What a log keeps behind the checkpoint, for nodes that lag: the lesser of the two.
struct log_retention {
  std::uint64_t records = 100'000;
  std::uint64_t bytes = std::uint64_t{1} << 30;
  std::uint64_t step = 256;  ///< records: the log keeps at most so many more, or a 64th of the bytes
};

class log_marks {
 public:
  /// What former lives have left counts too: a node that is started anew before it has written as much as is retained would
  /// never trim.
  log_marks(log_retention, const log_store&);

  /// One write: these records are on disk.
  void appended(const log_records&);
  void truncated(zxid_t last);
  void cleared() { marks_.clear(); }

  /// The record up to which the log may be trimmed now, never past the checkpoint; 0: none. `all`: nothing is retained.
  zxid_t trim(zxid_t checkpoint, bool all);

  std::int64_t records() const { return records_; }  ///< appended in this life
  std::int64_t bytes() const { return bytes_; }

 private:
  struct mark {
    std::int64_t records, bytes;  ///< appended in this life until then; below 0: in a former one
    zxid_t zxid;
  };
  std::int64_t retained_records_, retained_bytes_, step_records_, step_bytes_;
  std::deque<mark> marks_;
  std::int64_t records_ = 0, bytes_ = 0;
};

}  // namespace troupe::persistence

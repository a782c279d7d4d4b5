#pragma once
/// One write of the log: what each persist_op does, within one transaction.

#include "persistence/lmdb_log.hpp"

namespace troupe::persistence {

inline constexpr std::size_t table_records = 0, table_epochs = 1;
inline constexpr std::uint64_t key_epochs = 0, key_journal = 1;
inline constexpr std::size_t record_header_bytes = 16, epochs_bytes = 32, journal_mark_bytes = 32;

/// A write erases so many trimmed records and four times what it appends, but no more than trim_slice_max (a large one:
/// twice what it appends), so that the file stays flat however fast it is written, and no write has to wait for the
/// removal of a whole log. One in an idle moment erases as much as is done in some milliseconds: a full disk waits for it.
inline constexpr std::size_t trim_slice = 64, trim_slice_max = 8192, trim_idle_bytes = std::size_t{64} << 20;

class lmdb_log::writer {
 public:
  writer(table_txn& txn, const std::filesystem::path& file, position& at) : txn_(txn), file_(file), at_(at) {}

  void operator()(const zab::append_records&);
  void operator()(const zab::truncate_after&);
  void operator()(const zab::set_accepted_epoch&);
  void operator()(const zab::set_current_epoch&);
  void operator()(const zab::begin_install&);
  void operator()(const zab::reset_log&);

  /// Erases so many trimmed records, and no more than about so many bytes.
  void trim_slice_of(std::size_t records, std::size_t bytes = SIZE_MAX);
  void store_epochs();
  void store_journal_mark(const journal_mark&);
  std::size_t appended() const { return appended_; }

 private:
  table_txn& txn_;
  const std::filesystem::path& file_;
  position& at_;
  std::size_t appended_ = 0;
};

}  // namespace troupe::persistence

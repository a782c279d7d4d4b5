#pragma once
/// The log of a node: LMDB, with a journal in front of it that makes most writes durable in half the time.
///
/// LMDB is the home of the log and of the epochs. The journal holds only records that LMDB does not have yet; they are
/// in memory too, and go to LMDB in one transaction. A write that
///
///   - only appends records, and fits: one block of the journal;
///   - does anything else, or takes what waits above `flush_bytes`, or does not fit into the journal: one transaction
///   of
///     LMDB with everything that waits in front of it. No write does both.
///
/// So epochs, truncations and installs are never in the journal, and cannot overtake records. What waits also goes to
/// LMDB in an idle moment (write({}), which trim_pending() asks for), before a read, before a trim that reaches into it
/// and when the object goes. Recovery: journal.hpp.

#include "persistence/journal.hpp"
#include "persistence/lmdb_log.hpp"

namespace troupe::persistence {

struct journaled_log_settings {
  std::filesystem::path directory;  ///< exists; the journal is DIRECTORY/journal
  std::size_t map_size_bytes = std::size_t{1} << 36;
  /// Of the journal. Another size than before makes it anew, at open.
  std::size_t journal_bytes = std::size_t{32} << 20;
  /// Payload and headers that wait for LMDB at most: bounds the memory, and how long one transaction takes.
  std::size_t flush_bytes = std::size_t{1} << 20;
};

class journaled_log : public log_store {
 public:
  explicit journaled_log(journaled_log_settings, medium& = system_medium());
  ~journaled_log() override;

  zab::log_state state() const override;
  zxid_t unfinished_install() const override;
  void write(std::span<const zab::persist_op>) override;
  zab::zab_peer::log_read_result read(zxid_t after, std::size_t max_bytes) override;
  void trim(zxid_t upto) override;
  zxid_t last_but(std::size_t records, std::size_t bytes) const override;
  bool trim_pending() const override;
  std::size_t size_bytes() const override;
  std::size_t reusable_bytes() const override;

 private:
  void recover();
  bool to_journal(std::span<const zab::persist_op>);
  void to_lmdb(std::span<const zab::persist_op>);

  journaled_log_settings settings_;
  medium& medium_;
  std::filesystem::path file_;
  lmdb_log lmdb_;
  std::unique_ptr<journal> journal_;
  log_records waiting_;  ///< in the journal, not in LMDB
  std::size_t waiting_bytes_ = 0;
  fail_stop guarded_;
};

}  // namespace troupe::persistence

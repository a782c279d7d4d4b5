#pragma once
/// The log in LMDB. DIR/log/data.mdb has two tables:
///
///   records   zxid -> u32 crc32c of the rest, u32 payload length, u64 zxid, payload
///   epochs    0 -> u32 crc32c of the rest, u32 accepted epoch, u32 current epoch, u32 zero, i64 base, i64 install
///   marker
///             1 -> u32 crc32c of the rest, u32 zero, u64 id, u64 covered, u64 size: the journal_mark, if there is one
///
/// and DIR/log/high-water stands beside it (high_water.hpp). Little-endian, as Cap'n Proto.
///
/// A crash leaves either all or nothing of a `write`: LMDB's commit. Nothing is ever taken for torn: a record whose
/// checksum is wrong rotted after it was written, and the log says so instead of ending before it.
///
/// Alone it is a whole log. With a journal in front of it (journaled_log.hpp) it may end before what was acknowledged.

#include "persistence/fail_stop.hpp"
#include "persistence/high_water.hpp"
#include "persistence/journal.hpp"
#include "persistence/lmdb_env.hpp"
#include "persistence/log_store.hpp"

namespace troupe::persistence {

struct lmdb_log_settings {
  std::filesystem::path directory;  ///< exists
  std::size_t map_size_bytes = std::size_t{1} << 36;
  /// The end of the log is in a journal: opening does not compare with the high-water mark, its owner does.
  bool journaled = false;
};

class lmdb_log : public log_store {
 public:
  explicit lmdb_log(lmdb_log_settings, medium& = system_medium());

  zab::log_state state() const override;
  zxid_t unfinished_install() const override;
  void write(std::span<const zab::persist_op>) override;
  zab::zab_peer::log_read_result read(zxid_t after, std::size_t max_bytes) override;
  void trim(zxid_t upto) override;
  zxid_t last_but(std::size_t records, std::size_t bytes) const override;
  bool trim_pending() const override;
  std::size_t size_bytes() const override;
  std::size_t reusable_bytes() const override;

  std::size_t file_bytes() const { return env_->file_bytes(); }

  // ---- for the journal in front of it
  const journal_mark& journal() const { return journal_; }
  /// write(), with the new journal_mark in the same transaction.
  void write(std::span<const zab::persist_op>, const journal_mark&);
  /// Throws storage_error, which begins with `place`, if more was acknowledged than the log up to `last`.
  void check_high_water(zxid_t last, const std::string& place) const;
  /// Records up to `last` are on disk elsewhere: raises the high-water mark.
  void acknowledged(zxid_t last);

 private:
  struct position {
    zab::log_state state;
    zxid_t install = 0;
    bool leftovers = false;  ///< there are records up to the base
    bool operator==(const position&) const;
  };
  class writer;

  void recover();
  void read_journal_mark(table_txn&);
  void write_unguarded(std::span<const zab::persist_op>, const journal_mark&);
  zab::zab_peer::log_read_result read_unguarded(zxid_t after, std::size_t max_bytes);
  std::string_view verified_payload(zxid_t zxid, std::string_view value) const;
  [[noreturn]] void rotten(zxid_t zxid, const std::string& what) const;

  lmdb_log_settings settings_;
  std::unique_ptr<table_store> env_;
  high_water high_water_;
  position now_;
  journal_mark journal_;
  zxid_t trim_to_ = 0;
  std::size_t written_since_drop_ = 0;
  fail_stop guarded_;
};

}  // namespace troupe::persistence

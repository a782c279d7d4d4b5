#pragma once
/// LMDB with C++ lifetimes: environment, transaction, cursor. Every key is a u64; every failure throws storage_error
/// with the file, the operation, LMDB's reason and what to do.
///
/// Durability is LMDB's default: commit = write pages, fdatasync, write the meta page through an O_DSYNC descriptor.
/// Never MDB_WRITEMAP (a full disk becomes SIGBUS), MDB_NOSYNC, MDB_NOMETASYNC or MDB_MAPASYNC. The map is read-only,
/// so a stray pointer of ours cannot write to the file.
///
/// One thread uses an environment, with one write transaction at a time and read transactions that end before the
/// environment is resized or reopened. Another process is kept out by DIR/lock.

#include <lmdb.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/tables.hpp"

namespace troupe::persistence {

class lmdb_env : public table_store {
 public:
  /// Opens or creates DIRECTORY/data.mdb with these tables, known by their index from now on. Refuses a file that ends
  /// before a page that is in use: touching it would be SIGBUS later.
  lmdb_env(std::filesystem::path directory, std::size_t map_size_bytes, std::vector<const char*> tables);
  ~lmdb_env() override;
  lmdb_env(const lmdb_env&) = delete;
  lmdb_env& operator=(const lmdb_env&) = delete;

  std::unique_ptr<table_txn> begin(table_txn::mode) override;
  const std::filesystem::path& file() const override { return file_; }
  std::size_t page_size() const { return page_size_; }
  std::size_t map_size() const { return map_size_; }
  std::size_t used_bytes() const override;
  std::size_t file_bytes() const override;
  std::size_t reusable_bytes() override;
  void ensure_room(std::size_t bytes) override;
  void grow() override;

  /// Gives back the resident pages of the map. File-backed pages count as the process's memory although they are only
  /// the page cache seen through the map; dropping them is safe because the map is shared, read-only and has the file
  /// behind it: the next access faults them in again, from the page cache as a rule.
  void drop_resident() override;
  /// Closes and opens again. LMDB keeps every page buffer that a transaction needed for the next one: after one of
  /// hundreds of megabytes this is the only way to get the memory back.
  void reopen() override;

  [[noreturn]] void fail(std::string_view operation, int code) const;

 private:
  friend class lmdb_txn;
  friend class lmdb_cursor;
  void open();
  void close();
  std::filesystem::path directory_, file_;
  std::vector<const char*> tables_;
  std::vector<MDB_dbi> handles_;
  std::size_t map_size_, page_size_ = 0;
  MDB_env* env_ = nullptr;
};

class lmdb_txn : public table_txn {
 public:
  lmdb_txn(lmdb_env&, mode);
  ~lmdb_txn() override;
  lmdb_txn(const lmdb_txn&) = delete;
  lmdb_txn& operator=(const lmdb_txn&) = delete;

  /// Values point into the map.
  std::optional<std::string_view> get(std::size_t table, std::uint64_t key) override;
  void put(std::size_t table, std::uint64_t key, std::string_view value) override;
  char* reserve(std::size_t table, std::uint64_t key, std::size_t size, bool append) override;
  bool erase(std::size_t table, std::uint64_t key) override;
  void clear(std::size_t table) override;
  std::unique_ptr<table_cursor> cursor(std::size_t table) override;
  void commit() override;

 private:
  friend class lmdb_cursor;
  lmdb_env& env_;
  MDB_txn* txn_ = nullptr;
};

class lmdb_cursor : public table_cursor {
 public:
  lmdb_cursor(lmdb_txn&, MDB_dbi);
  ~lmdb_cursor() override;
  lmdb_cursor(const lmdb_cursor&) = delete;
  lmdb_cursor& operator=(const lmdb_cursor&) = delete;

  bool first() override { return move(MDB_FIRST); }
  bool last() override { return move(MDB_LAST); }
  bool next() override { return move(MDB_NEXT); }
  bool prev() override { return move(MDB_PREV); }
  bool at_or_after(std::uint64_t key) override;
  void erase() override;

 private:
  bool move(MDB_cursor_op, MDB_val key = {});
  lmdb_env& env_;
  MDB_cursor* cursor_ = nullptr;
};

}  // namespace troupe::persistence

#pragma once
/// What is needed of LMDB: tables of a u64 -> bytes, in the order of the keys, changed by transactions. lmdb_env.hpp is
/// LMDB itself; the simulator has tables of its own, so that the log and the checkpoint run there as they are.
///
/// One thread uses a store, with one write transaction at a time; read transactions beside it see what was committed
/// when they began. Every failure throws storage_error with the file, the operation, the reason and what to do.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

#include "persistence/log_store.hpp"

namespace troupe::persistence {

/// The map is too small for this transaction; the store is fine. Grow it and do the transaction again.
class map_full : public storage_error {
 public:
  using storage_error::storage_error;
};

class table_txn;

/// Each move returns whether the cursor stands on an entry.
class table_cursor {
 public:
  virtual ~table_cursor() = default;
  virtual bool first() = 0;
  virtual bool last() = 0;
  virtual bool next() = 0;
  virtual bool prev() = 0;
  virtual bool at_or_after(std::uint64_t key) = 0;
  virtual void erase() = 0;  ///< then move by first, last or at_or_after

  std::uint64_t key() const { return key_; }
  /// Valid as long as what table_txn::get returns.
  std::string_view value() const { return value_; }

 protected:
  std::uint64_t key_ = 0;
  std::string_view value_;
};

/// Aborts unless committed. Cursors end before it.
class table_txn {
 public:
  enum class mode { read, write };
  virtual ~table_txn() = default;

  /// Valid until the next change or the end of the transaction.
  virtual std::optional<std::string_view> get(std::size_t table, std::uint64_t key) = 0;
  virtual void put(std::size_t table, std::uint64_t key, std::string_view value) = 0;
  /// Room for a value that the caller fills in at once. `append`: the key is above all of the table (faster, fills
  /// pages); returns nullptr if it is not.
  virtual char* reserve(std::size_t table, std::uint64_t key, std::size_t size, bool append) = 0;
  virtual bool erase(std::size_t table, std::uint64_t key) = 0;
  virtual void clear(std::size_t table) = 0;
  virtual std::unique_ptr<table_cursor> cursor(std::size_t table) = 0;
  /// On disk on return. A failure leaves it unknown whether it is.
  virtual void commit() = 0;
};

class table_store {
 public:
  virtual ~table_store() = default;
  virtual std::unique_ptr<table_txn> begin(table_txn::mode) = 0;

  virtual const std::filesystem::path& file() const = 0;
  virtual std::size_t used_bytes() const = 0;  ///< end of the last page that was ever used
  virtual std::size_t file_bytes() const = 0;
  /// Of the used ones: free pages. Costs a look at each commit that freed some.
  virtual std::size_t reusable_bytes() = 0;

  /// Grows the map when a transaction that writes about so many bytes would leave less than a fifth of it.
  virtual void ensure_room(std::size_t bytes) = 0;
  /// Doubles the map: address space, not disk.
  virtual void grow() = 0;
  /// Gives back the resident pages of the map.
  virtual void drop_resident() = 0;
  /// Gives back what large transactions left in memory.
  virtual void reopen() = 0;
};

}  // namespace troupe::persistence

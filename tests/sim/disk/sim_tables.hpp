#pragma once
/// One data.mdb of a simulated disk: tables, the transaction under way, and what it takes to go one commit back.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::sim {

using rows = std::map<std::uint64_t, std::string>;

/// How to take changes back.
struct table_changes {
  struct row {
    std::size_t table;
    std::uint64_t key;
    std::optional<std::string> before;
  };
  std::vector<row> rows_before;                             ///< oldest first
  std::vector<std::pair<std::size_t, rows>> tables_before;  ///< of tables that were emptied: all of it
  bool empty() const { return rows_before.empty() && tables_before.empty(); }
};

/// Changes are made in place; `changes` takes them back. So that a reader beside a write transaction sees what was
/// committed, it may look at a table only if that was emptied as a whole or not touched (a checkpoint's install).
class sim_tables {
 public:
  void create(std::size_t tables);
  bool exists() const { return !tables_.empty(); }

  bool writing = false;     ///< a write transaction is under way
  std::size_t missing = 0;  ///< bytes that were cut off the file

  std::size_t count() const { return tables_.size(); }
  const rows& table(std::size_t t) const { return tables_.at(t); }
  const rows& committed(std::size_t t) const;

  void put(std::size_t t, std::uint64_t key, std::string_view value);
  /// As put, for who fills the value in: LMDB's MDB_RESERVE.
  char* reserve(std::size_t t, std::uint64_t key, std::size_t size);
  bool erase(std::size_t t, std::uint64_t key);
  void clear(std::size_t t);
  bool changed() const { return !now_.empty(); }
  void commit();
  void rollback();

  /// The newest commit is gone. False if it went already.
  bool back();
  /// Rot of what is committed. `outdated`: what the newest commit changed, as it was before, for `set_back`.
  std::vector<table_changes::row> outdated() const;
  void set_back(const table_changes::row&);
  void lose(std::size_t t, std::uint64_t key);
  void corrupt(std::size_t t, std::uint64_t key, std::string_view value);

  std::size_t used_bytes() const { return base_bytes + bytes_; }
  std::size_t file_bytes() const { return file_bytes_; }
  std::size_t grown_bytes() const;  ///< of the file if the transaction were committed

 private:
  static constexpr std::size_t base_bytes = 16384, row_bytes = 24;
  void remember(std::size_t t, std::uint64_t key, rows::iterator);
  void take_back(table_changes&);
  std::size_t bytes_of(const rows&) const;
  static bool emptied(const table_changes&, std::size_t t);

  std::vector<rows> tables_;
  table_changes now_, newest_;
  std::size_t bytes_ = 0, touched_bytes_ = 0, file_bytes_ = 0;
};

}  // namespace troupe::sim

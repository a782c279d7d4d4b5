#pragma once
/// Tables in memory (persistence/tables.hpp) under the server's own log and checkpoint, for the fuzzers of rows. Nothing
/// fails; a transaction that is not committed leaves nothing.

#include <map>
#include <optional>

#include "persistence/tables.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace troupe::fuzz {

using rows = std::map<std::uint64_t, std::string>;
/// By index.
using table_set = std::map<std::size_t, rows>;

class memory_tables final : public persistence::table_store {
 public:
  memory_tables(table_set& t, std::filesystem::path directory) : tables_(t), file_(directory / "data.mdb") {}

  std::unique_ptr<persistence::table_txn> begin(persistence::table_txn::mode m) override {
    return std::make_unique<transaction>(tables_, m == persistence::table_txn::mode::write);
  }
  const std::filesystem::path& file() const override { return file_; }
  std::size_t used_bytes() const override { return 0; }
  std::size_t file_bytes() const override { return 0; }
  std::size_t reusable_bytes() override { return 0; }
  void ensure_room(std::size_t) override {}
  void grow() override {}
  void drop_resident() override {}
  void reopen() override {}

 private:
  struct cursor final : persistence::table_cursor {
    explicit cursor(rows& r) : rows_(r), at_(r.end()) {}
    bool first() override { return stand(rows_.begin()); }
    bool last() override { return stand(rows_.empty() ? rows_.end() : std::prev(rows_.end())); }
    bool next() override { return stand(std::next(at_)); }
    bool prev() override { return stand(at_ == rows_.begin() ? rows_.end() : std::prev(at_)); }
    bool at_or_after(std::uint64_t key) override { return stand(rows_.lower_bound(key)); }
    void erase() override { rows_.erase(at_), at_ = rows_.end(); }

   private:
    bool stand(rows::iterator i) {
      at_ = i;
      if (at_ == rows_.end()) return false;
      key_ = at_->first, value_ = at_->second;
      return true;
    }
    rows& rows_;
    rows::iterator at_;
  };

  struct transaction final : persistence::table_txn {
    transaction(table_set& t, bool write) : tables_(t) {
      if (write) before_ = t;
    }
    ~transaction() override {
      if (before_) tables_ = std::move(*before_);
    }
    std::optional<std::string_view> get(std::size_t table, std::uint64_t key) override {
      auto& t = tables_[table];
      auto at = t.find(key);
      return at == t.end() ? std::nullopt : std::optional<std::string_view>(at->second);
    }
    void put(std::size_t table, std::uint64_t key, std::string_view value) override { tables_[table][key] = value; }
    char* reserve(std::size_t table, std::uint64_t key, std::size_t size, bool append) override {
      auto& t = tables_[table];
      if (append && !t.empty() && t.rbegin()->first >= key) return nullptr;
      auto& value = t[key];
      value.assign(size, '\0');
      return value.data();
    }
    bool erase(std::size_t table, std::uint64_t key) override { return tables_[table].erase(key) == 1; }
    void clear(std::size_t table) override { tables_[table].clear(); }
    std::unique_ptr<persistence::table_cursor> cursor(std::size_t table) override {
      return std::make_unique<memory_tables::cursor>(tables_[table]);
    }
    void commit() override { before_.reset(); }

   private:
    table_set& tables_;
    std::optional<table_set> before_;
  };

  table_set& tables_;
  std::filesystem::path file_;
};

}  // namespace troupe::fuzz

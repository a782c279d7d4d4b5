#include "tests/sim/disk/sim_tables.hpp"

#include <algorithm>
#include <stdexcept>

namespace troupe::sim {

void sim_tables::create(std::size_t tables) {
  tables_.resize(tables);
  file_bytes_ = base_bytes;
}

bool sim_tables::emptied(const table_changes& c, std::size_t t) {
  return std::any_of(c.tables_before.begin(), c.tables_before.end(), [&](auto& b) { return b.first == t; });
}

std::size_t sim_tables::bytes_of(const rows& r) const {
  std::size_t n = 0;
  for (auto& [key, value] : r) n += value.size() + row_bytes;
  return n;
}

const rows& sim_tables::committed(std::size_t t) const {
  for (auto& [table, before] : now_.tables_before)
    if (table == t) return before;
  for (auto& r : now_.rows_before)
    if (r.table == t) throw std::logic_error("sim_tables: a reader beside a writer that changed rows of its table");
  return tables_.at(t);
}

void sim_tables::remember(std::size_t t, std::uint64_t key, rows::iterator at) {
  bool there = at != tables_[t].end();
  if (there) bytes_ -= at->second.size() + row_bytes;
  if (emptied(now_, t)) return;
  now_.rows_before.push_back({t, key, there ? std::optional(std::move(at->second)) : std::nullopt});
}

char* sim_tables::reserve(std::size_t t, std::uint64_t key, std::size_t size) {
  auto& table = tables_.at(t);
  auto at = table.empty() || table.rbegin()->first < key ? table.end() : table.find(key);
  remember(t, key, at);
  if (at == table.end()) at = table.emplace_hint(table.end(), key, std::string());
  at->second.assign(size, '\0');
  bytes_ += size + row_bytes, touched_bytes_ += size + row_bytes;
  return at->second.data();
}

void sim_tables::put(std::size_t t, std::uint64_t key, std::string_view value) {
  value.copy(reserve(t, key, value.size()), value.size());
}

bool sim_tables::erase(std::size_t t, std::uint64_t key) {
  auto& table = tables_.at(t);
  auto at = table.find(key);
  if (at == table.end()) return false;
  remember(t, key, at);
  table.erase(at);
  return true;
}

void sim_tables::clear(std::size_t t) {
  auto& table = tables_.at(t);
  bytes_ -= bytes_of(table);
  if (!emptied(now_, t)) {
    table_changes mine;
    auto theirs =
        std::stable_partition(now_.rows_before.begin(), now_.rows_before.end(), [&](auto& r) { return r.table != t; });
    std::move(theirs, now_.rows_before.end(), std::back_inserter(mine.rows_before));
    now_.rows_before.erase(theirs, now_.rows_before.end());
    auto bytes = bytes_;
    take_back(mine);
    bytes_ = bytes;
    now_.tables_before.emplace_back(t, std::move(table));
  }
  table.clear();
}

void sim_tables::take_back(table_changes& c) {
  for (auto r = c.rows_before.rbegin(); r != c.rows_before.rend(); ++r) {
    auto& table = tables_[r->table];
    if (auto at = table.find(r->key); at != table.end()) {
      bytes_ -= at->second.size() + row_bytes;
      table.erase(at);
    }
    if (!r->before) continue;
    bytes_ += r->before->size() + row_bytes;
    table.emplace(r->key, std::move(*r->before));
  }
  for (auto& [t, before] : c.tables_before) {
    bytes_ += bytes_of(before);
    bytes_ -= bytes_of(tables_[t]);
    tables_[t] = std::move(before);
  }
  c = {};
}

void sim_tables::commit() {
  file_bytes_ = grown_bytes();
  newest_ = std::move(now_);
  now_ = {}, touched_bytes_ = 0;
}

void sim_tables::rollback() {
  take_back(now_);
  touched_bytes_ = 0;
}

bool sim_tables::back() {
  if (newest_.empty()) return false;
  take_back(newest_);
  return true;
}

std::vector<table_changes::row> sim_tables::outdated() const {
  std::map<std::pair<std::size_t, std::uint64_t>, std::optional<std::string>> before;
  for (auto& r : newest_.rows_before) before.emplace(std::pair(r.table, r.key), r.before);  // the first is the oldest
  for (auto& [t, all] : newest_.tables_before) {
    for (auto& [key, value] : all) before.emplace(std::pair(t, key), value);
    for (auto& [key, value] : tables_[t]) before.emplace(std::pair(t, key), std::nullopt);
  }
  std::vector<table_changes::row> out;
  for (auto& [where, value] : before) {
    auto now = tables_[where.first].find(where.second);
    bool same = now == tables_[where.first].end() ? !value : value == now->second;
    if (!same) out.push_back({where.first, where.second, value});
  }
  return out;
}

void sim_tables::set_back(const table_changes::row& r) {
  table_changes one{{r}, {}};
  take_back(one);
}

void sim_tables::lose(std::size_t t, std::uint64_t key) {
  auto row = tables_.at(t).find(key);
  bytes_ -= row->second.size() + row_bytes;
  tables_[t].erase(row);
}

void sim_tables::corrupt(std::size_t t, std::uint64_t key, std::string_view value) { tables_.at(t)[key] = value; }

// A page is copied before it changes: what is there stays until the commit.
std::size_t sim_tables::grown_bytes() const { return std::max(file_bytes_, used_bytes() + touched_bytes_); }

}  // namespace troupe::sim

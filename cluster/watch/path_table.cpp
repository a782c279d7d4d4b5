#include "cluster/watch/path_table.hpp"

#include <cstring>
#include <functional>

namespace troupe::watch {

namespace {

std::uint32_t hash_of(std::string_view path) {
  auto h = std::hash<std::string_view>{}(path);
  return static_cast<std::uint32_t>(h ^ (h >> 32));
}

}  // namespace

/// Where `path` stands in the index, or the free place where it would. The index must not be empty.
std::size_t path_table::place_of(std::string_view path, std::uint32_t hash) const {
  auto mask = index_.size() - 1;
  auto i = hash & mask;
  for (; index_[i] != none; i = (i + 1) & mask) {
    auto& e = entries_[index_[i]];
    if (e.hash == hash && e.path() == path) break;
  }
  return i;
}

std::uint32_t path_table::find(std::string_view path) const {
  return size_ == 0 ? none : index_[place_of(path, hash_of(path))];
}

std::uint32_t path_table::intern(std::string_view path) {
  if (size_ >= index_.size() / 4 * 3) grow();
  auto hash = hash_of(path);
  auto i = place_of(path, hash);
  if (index_[i] != none) return index_[i];
  if (size_ == max_paths) return none;
  std::uint32_t number;
  if (unused_.empty()) {
    number = static_cast<std::uint32_t>(entries_.size());
    entries_.emplace_back();
  } else {
    number = unused_.back();
    unused_.pop_back();
  }
  auto& e = entries_[number];
  e.text = std::make_unique_for_overwrite<char[]>(path.size());
  std::memcpy(e.text.get(), path.data(), path.size());
  e.size = static_cast<std::uint32_t>(path.size()), e.hash = hash;
  index_[i] = number, ++size_;
  return number;
}

void path_table::release_if_unwatched(std::uint32_t number) {
  auto& e = entries_[number];
  if (!e.watchers[0].empty() || !e.watchers[1].empty()) return;
  auto mask = index_.size() - 1;
  auto hole = e.hash & mask;
  while (index_[hole] != number) hole = (hole + 1) & mask;
  // Linear probing without tombstones, as in u32_set.
  for (auto i = (hole + 1) & mask; index_[i] != none; i = (i + 1) & mask)
    if (((i - entries_[index_[i]].hash) & mask) >= ((i - hole) & mask)) index_[hole] = index_[i], hole = i;
  index_[hole] = none;
  e = {};
  unused_.push_back(number);
  --size_;
}

void path_table::grow() {
  auto old = std::move(index_);
  index_.assign(old.empty() ? 16 : old.size() * 2, none);
  auto mask = index_.size() - 1;
  for (auto number : old) {
    if (number == none) continue;
    auto i = entries_[number].hash & mask;
    while (index_[i] != none) i = (i + 1) & mask;
    index_[i] = number;
  }
}

}  // namespace troupe::watch

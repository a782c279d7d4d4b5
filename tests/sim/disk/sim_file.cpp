#include "tests/sim/disk/sim_file.hpp"

#include <algorithm>
#include <cstring>

namespace troupe::sim {

sim_file::bytes_of_sector sim_file::sector(std::size_t index) const {
  bytes_of_sector out{};
  auto at = index * sector_bytes;
  if (at < bytes_.size()) std::memcpy(out.data(), bytes_.data() + at, std::min(sector_bytes, bytes_.size() - at));
  return out;
}

void sim_file::put_sector(std::size_t index, const bytes_of_sector& from) {
  auto at = index * sector_bytes;
  if (at < bytes_.size()) std::memcpy(bytes_.data() + at, from.data(), std::min(sector_bytes, bytes_.size() - at));
}

std::string sim_file::read(std::size_t size, std::size_t offset) const {
  return offset < bytes_.size() ? bytes_.substr(offset, size) : std::string();
}

void sim_file::write(std::string_view bytes, std::size_t offset) {
  if (bytes.empty()) return;
  auto last = (offset + bytes.size() - 1) / sector_bytes;
  for (auto i = offset / sector_bytes; i <= last; ++i) {
    auto [at, fresh] = unsynced_.try_emplace(i);
    auto& s = at->second;
    if (fresh) {
      s.durable = sector(i);
    } else if (s.clean) {
      s.clean = false;  // dirty again: the next sync writes it
    } else {
      if (s.between.size() == max_between) s.between.erase(s.between.begin());
      s.between.push_back(sector(i));
    }
  }
  if (offset + bytes.size() > bytes_.size()) bytes_.resize(offset + bytes.size());
  std::memcpy(bytes_.data() + offset, bytes.data(), bytes.size());
}

void sim_file::truncate() {
  if (named_ && !former_) former_ = durable();
  bytes_.clear(), unsynced_.clear(), durable_size_ = 0;
}

void sim_file::sync() {
  std::erase_if(unsynced_, [](auto& s) { return !s.second.clean; });
  durable_size_ = bytes_.size();
  former_.reset();
}

void sim_file::failed_sync(const disk::draw& chance) {
  for (auto s = unsynced_.begin(); s != unsynced_.end();) {
    auto written = !s->second.clean && chance() % 2;
    s->second.clean = true, s->second.between.clear();
    s = written ? unsynced_.erase(s) : std::next(s);
  }
}

bool sim_file::power_cut(unsynced mode, const disk::draw& chance, cut_count& count) {
  if (mode == unsynced::random) mode = static_cast<unsynced>(chance() % 3);
  auto survives = [&] { return mode == unsynced::keep || (mode == unsynced::tear && chance() % 2); };
  if (!named_ && !survives()) return false;
  if (former_ && !survives()) {
    bytes_ = *former_;
    unsynced_.clear();
  } else if (bytes_.size() > durable_size_ && !survives()) {
    bytes_.resize(durable_size_);
  }
  for (auto& [index, s] : unsynced_) {
    auto versions = s.clean ? 1 : s.between.size() + 2;
    auto version = mode == unsynced::keep ? versions - 1 : mode == unsynced::tear ? chance() % versions : 0;
    if (s.clean || version == 0)
      put_sector(index, s.durable), ++count.lost;
    else if (version + 1 < versions)
      put_sector(index, s.between[version - 1]), ++count.between;
    else
      ++count.kept;
  }
  unsynced_.clear(), former_.reset();
  durable_size_ = bytes_.size(), named_ = true;
  return true;
}

std::string sim_file::durable(std::size_t size, std::size_t offset) const {
  if (former_) return offset < former_->size() ? former_->substr(offset, size) : std::string();
  if (offset >= durable_size_) return {};
  auto end = offset + std::min(size, durable_size_ - offset);
  auto out = bytes_.substr(offset, end - offset);
  for (auto s = unsynced_.lower_bound(offset / sector_bytes); s != unsynced_.end(); ++s) {
    auto from = s->first * sector_bytes;
    if (from >= end) break;
    auto begin = std::max(from, offset);
    std::memcpy(out.data() + (begin - offset), s->second.durable.data() + (begin - from),
                std::min(from + sector_bytes, end) - begin);
  }
  return out;
}

void sim_file::replace(std::string bytes) {
  bytes_ = std::move(bytes);
  unsynced_.clear(), former_.reset();
  durable_size_ = bytes_.size(), named_ = true;
}

void sim_file::corrupt(std::size_t offset, std::string_view bytes) {
  std::memcpy(bytes_.data() + offset, bytes.data(), bytes.size());
  for (auto& [index, s] : unsynced_) {
    auto from = index * sector_bytes;
    auto begin = std::max(from, offset), end = std::min(from + sector_bytes, offset + bytes.size());
    if (begin < end) std::memcpy(s.durable.data() + (begin - from), bytes.data() + (begin - offset), end - begin);
  }
}

void sim_file::cut_off(std::size_t size) {
  auto left = durable();
  left.resize(std::min(size, left.size()));
  replace(std::move(left));
}

}  // namespace troupe::sim

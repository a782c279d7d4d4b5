#include "cluster/tree/path_index.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>

namespace troupe::tree {

namespace {

std::uint64_t read64(const char* p) {
  std::uint64_t v;
  std::memcpy(&v, p, 8);
  return v;
}

std::uint64_t read32(const char* p) {
  std::uint32_t v;
  std::memcpy(&v, p, 4);
  return v;
}

/// Both halves of the product. The constants have bytes that UTF-8 never has, so that no piece of a path makes a factor
/// zero, which would cancel the other one.
std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a ^ 0xfffb1d5f3a7cffe3u) * (b ^ 0xffe7d548b2597fc9u);
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

bool leads_to(const znode* z, std::string_view path) {
  auto left = path.size();
  for (; z->parent; z = z->parent->self) {
    const auto name = z->name();
    if (left < name.size() + 1) return false;
    left -= name.size();
    if (std::memcmp(path.data() + left, name.data(), name.size()) != 0 || path[--left] != '/') return false;
  }
  return left == 0;
}

}  // namespace

path_index::~path_index() { clear(); }

void path_index::clear() {
  for (auto& s : shards_) {
    if (!s.entries) continue;
    std::free(s.entries);
    s = {};
  }
}

std::uint64_t path_index::hash(std::string_view path) {
  const auto* p = path.data();
  auto n = path.size();
  std::uint64_t h = 0x9e3779b97f4a7c15u + n;
  for (; n > 16; p += 16, n -= 16) h = (h << 29 | h >> 35) * 0xd6e8feb86659fd93u + mix(read64(p), read64(p + 8));
  std::uint64_t a = 0, b = 0;
  if (n >= 8) {
    a = read64(p), b = read64(p + n - 8);
  } else if (n >= 4) {
    a = read32(p), b = read32(p + n - 4);
  } else if (n > 0) {
    a = static_cast<std::uint64_t>(static_cast<unsigned char>(p[0])) << 16 |
        static_cast<std::uint64_t>(static_cast<unsigned char>(p[n / 2])) << 8 | static_cast<unsigned char>(p[n - 1]);
  }
  h = (h << 29 | h >> 35) * 0xd6e8feb86659fd93u + mix(a, b);
  h = (h ^ h >> 32) * 0xd6e8feb86659fd93u;
  return h ^ h >> 29;
}

path_index::entry* path_index::find(std::uint64_t hash, std::string_view path) const {
  const auto& s = shards_[shard_of(hash)];
  if (s.count == 0) return nullptr;
  const auto tag = tag_of(hash);
  for (auto i = s.home(tag); s.entries[i]; i = s.after(i))
    if (s.entries[i] >> 48 == tag && leads_to(node_of(s.entries[i]), path)) return &s.entries[i];
  return nullptr;
}

void path_index::insert(std::uint64_t hash, znode* z) {
  const auto address = reinterpret_cast<std::uint64_t>(z);
  if (address & ~pointer_mask) throw std::logic_error("path_index: this machine's pointers have more than 48 bits");
  auto& s = shards_[shard_of(hash)];
  // At most four fifths full.
  if ((s.count + 1) * std::uint64_t{5} > s.capacity * std::uint64_t{4}) s.resize(s.capacity + s.capacity / 4 + 2);
  s.put(tag_of(hash) << 48 | address);
  ++s.count;
}

void path_index::erase(std::uint64_t hash, entry* e) {
  auto& s = shards_[shard_of(hash)];
  // Linear probing without tombstones: what stands behind the hole and may stand in it moves there.
  auto hole = static_cast<std::uint32_t>(e - s.entries);
  for (auto i = s.after(hole); s.entries[i]; i = s.after(i)) {
    const auto home = s.home(s.entries[i] >> 48);
    const auto distance = [&](std::uint32_t from) { return i >= from ? i - from : i + s.capacity - from; };
    if (distance(home) < distance(hole)) continue;
    s.entries[hole] = s.entries[i];
    hole = i;
  }
  s.entries[hole] = 0;
  --s.count;
  if (s.count < s.capacity / 4) s.resize(s.capacity / 2);
}

void path_index::shard::put(entry e) {
  auto i = home(e >> 48);
  while (entries[i]) i = after(i);
  entries[i] = e;
}

void path_index::shard::resize(std::uint32_t wanted) {
  auto* fresh = static_cast<entry*>(std::calloc(std::max(wanted, 1u), sizeof(entry)));
  if (!fresh) throw std::bad_alloc{};
  auto* old = entries;
  const auto size = capacity;
  entries = fresh, capacity = std::max(wanted, 1u);
  for (std::uint32_t i = 0; i < size; ++i)
    if (old[i]) put(old[i]);
  std::free(old);
}

}  // namespace troupe::tree

#pragma once
/// Path -> znode: an open-addressing hash table in 4096 shards.
///
/// An entry is 8 bytes: 48 bits of pointer, 16 of the hash. Together with the shard they tell the entry's home, so that
/// growing and erasing touch no znode, and a wrong znode is looked at once in some hundred lookups. A shard grows by
/// itself, by a quarter: it moves 1/4096 of the entries, and there is never a second copy of the whole table.
///
/// The hash is public and the same on all nodes. Who picks paths that collide makes their lookups slower (a probe
/// each), nothing else: no order that is seen outside depends on it.

#include <array>
#include <cstdint>
#include <string_view>

#include "cluster/tree/znode.hpp"

namespace troupe::tree {

class path_index {
 public:
  using entry = std::uint64_t;  ///< 0 = empty
#ifdef TROUPE_FUZZ
  static constexpr unsigned shard_bits = 4;  ///< fuzzers make a database for each input
#else
  static constexpr unsigned shard_bits = 12;
#endif

  path_index() = default;
  ~path_index();
  path_index(const path_index&) = delete;
  path_index& operator=(const path_index&) = delete;

  static std::uint64_t hash(std::string_view path);
  static znode* node_of(entry e) { return reinterpret_cast<znode*>(e & pointer_mask); }

  /// Null if there is none. The root is not in the index. Valid until the next insert or erase.
  entry* find(std::uint64_t hash, std::string_view path) const;
  /// `path`'s znode is not there yet.
  void insert(std::uint64_t hash, znode*);
  void erase(std::uint64_t hash, entry*);
  void clear();
  /// The znode of `e` has moved.
  static void relocate(entry* e, znode* to) { *e = (*e & ~pointer_mask) | reinterpret_cast<std::uint64_t>(to); }

  template <class F>
  void for_each(F f) const {
    for (auto& s : shards_)
      for (std::uint32_t i = 0; i < s.capacity; ++i)
        if (s.entries[i]) f(node_of(s.entries[i]));
  }

 private:
  static constexpr std::uint64_t pointer_mask = (std::uint64_t{1} << 48) - 1;
  struct shard {
    entry* entries = nullptr;
    std::uint32_t capacity = 0, count = 0;
    std::uint32_t home(std::uint64_t tag) const { return static_cast<std::uint32_t>(tag * capacity >> 16); }
    std::uint32_t after(std::uint32_t i) const { return i + 1 == capacity ? 0 : i + 1; }
    void put(entry);
    void resize(std::uint32_t capacity);
  };
  static std::uint64_t shard_of(std::uint64_t hash) { return hash >> (64 - shard_bits); }
  static std::uint64_t tag_of(std::uint64_t hash) { return hash >> 32 & 0xffff; }

  std::array<shard, std::size_t{1} << shard_bits> shards_{};
};

}  // namespace troupe::tree

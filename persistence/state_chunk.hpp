#pragma once
/// The stored form of a checkpoint's entries, and pieces of a checkpoint on their way to a learner (records.capnp
/// StateChunk).
///
/// Stored value: u32 crc32c over table (u8), key (u64), bytes; u32 length; bytes. The table and key are covered so that
/// a value under a wrong key is noticed.

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "cluster/tree/database.hpp"
#include "schema/bytes.hpp"

namespace troupe::persistence {

inline constexpr std::size_t sealed_header_bytes = 8;
inline constexpr std::size_t table_count = 4;

/// The order in which entries travel and are loaded: what others refer to first.
inline constexpr tree::table table_order[table_count] = {tree::table::meta, tree::table::acls, tree::table::nodes,
                                                         tree::table::sessions};

/// Writes the stored form of `bytes` to `out`, which has room for sealed_header_bytes more.
void seal(tree::table, std::uint64_t key, std::string_view bytes, char* out);
/// The bytes of a stored value; nothing if it is damaged.
std::optional<std::string_view> unseal(tree::table, std::uint64_t key, std::string_view stored);

struct stored_entry {
  tree::table where;
  std::uint64_t key;
  std::string_view stored;
};

shared_bytes build_chunk(std::span<const stored_entry>);
/// Verifies and hands over every entry. Throws std::runtime_error with what is wrong.
void for_each_entry(const shared_bytes& chunk, const std::function<void(const stored_entry&)>&);

}  // namespace troupe::persistence

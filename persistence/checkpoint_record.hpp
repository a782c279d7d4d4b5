#pragma once
/// The one entry of the table `checkpoint`: what the rows beside it stand for.
///
/// u32 crc32c of the rest; u32 1 if the checkpoint came by an install; i64 zxid; u64 number of rows in the other tables;
/// u64 their hash (state_sum.hpp). Written in the transaction of the rows. One that ends after the zxid is of an older
/// release, which kept no sum.

#include <array>
#include <optional>
#include <string_view>

#include "persistence/state_sum.hpp"
#include "schema/ids.hpp"

namespace troupe::persistence {

inline constexpr std::size_t checkpoint_record_bytes = 32, checkpoint_record_bytes_without_sum = 16;

struct checkpoint_record {
  zxid_t zxid = 0;
  bool installed = false;
  std::optional<state_sum> sum;
};

/// With the sum, which must be there.
std::array<char, checkpoint_record_bytes> encode(const checkpoint_record&);
/// Nothing if it is damaged.
std::optional<checkpoint_record> decode_checkpoint_record(std::string_view);

}  // namespace troupe::persistence

#pragma once
/// What the rows of a checkpoint amount to as a set. Each row has a CRC32C of its own; a row that is gone, or one that is
/// back after its page was not written (a lost or misdirected write), shows only here.
///
/// The sum does not depend on the order of the rows and can be kept up as they change: the number of rows, and the sum
/// mod 2^64 of a 64-bit hash of each row's table, key and seal (its CRC32C and length, state_chunk.hpp). The bytes
/// themselves need not be read again: whoever loads a row verifies them against the seal. Two states of one row have the
/// same hash only if their CRC32C and lengths are equal.

#include <cstdint>
#include <string_view>

#include "cluster/tree/database.hpp"

namespace troupe::persistence {

struct state_sum {
  std::uint64_t count = 0;
  std::uint64_t hash = 0;

  /// `stored`: a row's stored form, of which only the seal is read. Throws std::logic_error if it is shorter than that.
  void add(tree::table, std::uint64_t key, std::string_view stored);
  void remove(tree::table, std::uint64_t key, std::string_view stored);
  bool operator==(const state_sum&) const = default;
};

}  // namespace troupe::persistence

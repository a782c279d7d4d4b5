#include "persistence/state_sum.hpp"

#include <cstring>
#include <stdexcept>

#include "persistence/state_chunk.hpp"

namespace troupe::persistence {

namespace {

/// The finisher of SplitMix64 (Steele, Lea, Flood 2014): one to one, every bit of the input moves half of the output.
std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

std::uint64_t hash_of(tree::table t, std::uint64_t key, std::string_view stored) {
  if (stored.size() < sealed_header_bytes)
    throw std::logic_error("checkpoint: a row of " + std::to_string(stored.size()) + " bytes has no seal");
  std::uint64_t seal;
  std::memcpy(&seal, stored.data(), sizeof seal);
  static_assert(sizeof seal == sealed_header_bytes);
  // An odd step for each table, so that equal keys of two tables do not begin alike; none of them begins at 0.
  auto table = (static_cast<std::uint64_t>(t) + 1) * 0x9e3779b97f4a7c15u;
  return mixed(mixed(mixed(table) + key) ^ seal);
}

}  // namespace

void state_sum::add(tree::table t, std::uint64_t key, std::string_view stored) {
  hash += hash_of(t, key, stored);
  ++count;
}

void state_sum::remove(tree::table t, std::uint64_t key, std::string_view stored) {
  hash -= hash_of(t, key, stored);
  --count;
}

}  // namespace troupe::persistence

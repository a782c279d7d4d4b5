#pragma once
/// The numbers that every part of Troupe speaks of.

#include <cstdint>

namespace troupe {

/// Transaction id: epoch in the high 32 bits, counter in the low 32 (ZAB 1.0). 0 is "before the first transaction".
using zxid_t = std::int64_t;

/// Position of a leader in the sequence of leaders; 0 before the first.
using epoch_t = std::uint32_t;

/// ZooKeeper's `myid`, 1 to 255. 0 means "no node".
using node_id = std::uint8_t;

/// ZooKeeper's session id; its high byte is the id of the node that opened it. 0 means "no session".
using session_id = std::int64_t;

/// A client connection of this process; never used twice in the life of a process. 0 means "none".
using conn_id = std::uint64_t;

/// Set in the ids of connections of the actor port.
inline constexpr conn_id actor_port_bit = conn_id{1} << 63;
constexpr bool on_actor_port(conn_id c) { return (c & actor_port_bit) != 0; }

constexpr zxid_t make_zxid(epoch_t epoch, std::uint32_t counter) {
  return static_cast<zxid_t>(static_cast<std::uint64_t>(epoch) << 32 | counter);
}
constexpr epoch_t epoch_of(zxid_t z) { return static_cast<epoch_t>(static_cast<std::uint64_t>(z) >> 32); }
constexpr std::uint32_t counter_of(zxid_t z) { return static_cast<std::uint32_t>(z); }

}  // namespace troupe

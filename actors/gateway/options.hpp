#pragma once
/// What the gateway may be told, and its bounds: everything that clients can make grow.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "schema/zookeeper.hpp"

namespace troupe::gateway {

inline constexpr std::size_t scratch_size = 256 << 10;  ///< most that one wake-up takes from one connection
inline constexpr std::size_t group_limit = 16 << 20;    ///< a larger group is sent at once: positions in it are 32 bits

/// What is spoken at a port.
enum class protocol : std::uint8_t {
  zookeeper,  ///< four-letter words too
  actors,     ///< schema/client.capnp: a translator for each connection
};

struct options {
  protocol spoken = protocol::zookeeper;
  const char* port_name() const { return spoken == protocol::actors ? "actor port" : "client port"; }

  // ---- connections
  std::size_t max_connections = 50'000;          ///< at least 1, at most 2^24 - 1
  std::size_t max_connections_per_address = 60;  ///< ZooKeeper's maxClientCnxns; 0: no bound
  std::int64_t handshake_timeout_ms = 10'000;    ///< for a whole ConnectRequest, from accept: bounds half-open ones
  std::int64_t close_timeout_ms = 10'000;        ///< for a client to take what stands before its close
  std::int64_t linger_ms = 2'000;                ///< for a client to close too, so that no RST overtakes the last reply

  // ---- input, bytes
  std::size_t max_frame = zk::max_frame;
  /// ConnectRequest, or an actor client's Hello. ZooKeeper takes up to max_frame; real ones are 28 to 45 bytes (password of 0 or 16), so that what
  /// connections without a session can make us keep stays small.
  std::size_t max_first_frame = 1'024;
  /// All connections, of frames that are not yet whole or wait behind a bound.
  std::size_t max_partial_total = std::size_t{1} << 30;

  // ---- requests without a reply: past these a socket is not read; it is again below half (of
  // those over all connections: as soon as there is room, first come, first served)
  std::size_t max_outstanding = 4'096, max_outstanding_bytes = std::size_t{4} << 20;                 ///< a connection
  std::size_t max_outstanding_total = 20'000, max_outstanding_bytes_total = std::size_t{256} << 20;  ///< all

  // ---- output, bytes: a reader that is too slow stops being read at the first, and is closed at the second
  std::size_t pause_output = std::size_t{1} << 20;
  std::size_t max_output = std::size_t{64} << 20;
  /// A connection is not read past what its requests are expected to make of output; below half it is again.
  std::size_t max_expected_output = std::size_t{8} << 20;
  std::size_t max_output_total = std::size_t{1} << 30;  ///< past it, whoever adds to more than `pause_output` is closed

  // ---- four-letter words
  std::vector<std::string> words{"*"};                               ///< answered; "*": all we have
  std::string conf;                                                  ///< answer to `conf`: lines of key=value
  std::string leading_mode = "leader", following_mode = "follower";  ///< or "standalone", "observer"
};

}  // namespace troupe::gateway

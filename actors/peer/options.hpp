#pragma once
/// What the peer links may be told, and their bounds: everything that a peer, or a stranger on the peer port, can make
/// grow.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "schema/ids.hpp"

namespace troupe::peer {

struct member {
  node_id id = 0;
  std::string host;  ///< an address, or a name, which is resolved anew at each dial
  std::uint16_t port = 0;
};

struct options {
  node_id self = 1;
  std::string ensemble;
  std::uint64_t boot = 0;       ///< drawn anew at each start
  std::vector<member> members;  ///< we ourselves may be among them

  std::int64_t heartbeat_ms = 500;            ///< a link with nothing to say says so
  std::int64_t timeout_ms = 3'000;            ///< silence after which a link is closed; more than 2 heartbeats
  std::int64_t handshake_timeout_ms = 3'000;  ///< from accept or dial until both Hellos
  std::int64_t min_backoff_ms = 20, max_backoff_ms = 1'000;  ///< between dials: doubles, less up to half at random

  std::size_t max_frame = std::size_t{64} << 20;    ///< bytes; a peer that sends more is cut off
  std::size_t max_hello = 4'096;                    ///< bytes of the first frame, from somebody we don't know yet
  std::size_t max_output = std::size_t{256} << 20;  ///< bytes that wait for a peer: past them it is cut off
  std::size_t max_handshakes = 64;                  ///< accepted connections without their Hello
};

}  // namespace troupe::peer

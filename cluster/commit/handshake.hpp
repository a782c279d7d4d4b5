#pragma once
/// The first exchange of a connection: ConnectRequest and ConnectResponse of ZooKeeper's client protocol.

#include <cstdint>
#include <optional>
#include <string_view>

#include "schema/ids.hpp"
#include "schema/jute.hpp"

namespace troupe::commit {

struct connect_request {
  zxid_t last_zxid_seen = 0;
  std::int32_t timeout_ms = 0;
  session_id session = 0;
  std::string_view password;
  bool has_read_only = false;  ///< the trailing byte, which clients up to 3.3 and some others do not send
};

/// Nothing if it is ill-formed.
std::optional<connect_request> decode_connect(std::string_view frame);

/// A whole ConnectResponse without the frame's length. The readOnly byte goes only to those who sent theirs
/// (ZOOKEEPER-4814). Session 0 = refused: timeout 0 and a password of zeros.
void write_connect_response(jute::writer&, session_id, std::int32_t timeout_ms, bool with_read_only);

}  // namespace troupe::commit

#pragma once
/// ZooKeeper's session passwords and ids.

#include <array>
#include <cstdint>
#include <string_view>

#include "schema/ids.hpp"

namespace troupe::session {

/// 16 bytes of java.util.Random seeded with id XOR 0xB3415C00: any node can verify it, and so can ZooKeeper.
std::array<char, 16> password_of(session_id);
bool password_fits(session_id, std::string_view password);  ///< never for session 0

/// First session id of a node that starts at `now_ms` (SessionTrackerImpl.initializeNextSessionId).
session_id first_session_id(node_id, std::int64_t now_ms);

}  // namespace troupe::session

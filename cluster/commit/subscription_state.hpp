#pragma once
/// What a subscription begins with: the state of what it is about, as flat Notifications (client.capnp).

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cluster/commit/stream.hpp"
#include "cluster/tree/database.hpp"

namespace troupe::commit {

/// A state that takes more (paths, data and some bytes for each znode that is looked at, whether it may be read or not)
/// is refused: collecting it is done in one turn.
inline constexpr std::size_t max_state_bytes = std::size_t{32} << 20;
/// A StatePart is cut after so much.
inline constexpr std::size_t state_part_bytes = std::size_t{512} << 10;

/// One part at least. Has what the caller may READ; parents before their children. Nothing: more than max_state_bytes.
std::optional<std::vector<shared_bytes>> state_of(const tree::database&, std::span<const zk::id> creds,
                                                  const subscription&, bool too_old);
/// The Notification that ends a subscription.
shared_bytes ended_notification(const subscription&, zxid_t, std::string_view why);

}  // namespace troupe::commit

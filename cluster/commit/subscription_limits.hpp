#pragma once
/// What subscriptions may take. Past the first four, `subscribe` is refused with QUOTAEXCEEDED.

#include <cstddef>

namespace troupe::commit {

inline constexpr std::size_t max_subscriptions_per_connection = 1'024;
inline constexpr std::size_t max_subscriptions = 100'000;  ///< of all connections of a node
inline constexpr std::size_t max_subscription_path_bytes_per_connection = std::size_t{4} << 20;
inline constexpr std::size_t max_subscription_path_bytes = std::size_t{64} << 20;
/// States that one step may collect, before a connection that asks for one more is closed instead.
inline constexpr std::size_t max_step_state_bytes = std::size_t{256} << 20;

}  // namespace troupe::commit

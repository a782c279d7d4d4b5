#pragma once
/// What subscriptions may make the watch notifier keep. Cut down in tests.

#include <cstddef>

namespace troupe::watch {

struct subscription_limits {
  /// Of the last transactions, for those who are behind by little; who is behind by more reads the log.
  std::size_t recent_bytes = std::size_t{16} << 20;
  /// What waits behind a subscription that catches up: replies, states. A connection past it is closed, and so is the
  /// one that takes all connections past theirs: its client comes again, and goes on where it was.
  std::size_t held_bytes_per_connection = std::size_t{64} << 20;
  std::size_t held_bytes = std::size_t{512} << 20;
  /// A connection that catches up gets so much, and more when the gateway has passed it on.
  std::size_t pace_bytes = std::size_t{512} << 10;
  /// Transactions that one connection looks at in a turn before others have theirs.
  std::size_t turn_bytes = std::size_t{512} << 10;
  /// What one batch of deliveries grows to before connections fall behind rather.
  std::size_t batch_bytes = std::size_t{256} << 20;
};

}  // namespace troupe::watch

#pragma once
/// What one connection may leave in the watch tables. ZooKeeper has no limit; a client that leaves watches on made-up
/// paths can fill a server's memory. A connection that passes a limit is closed: dropping a watch in silence would let
/// its owner wait for ever, and a connection loss is what every client must handle. The limits are far above what
/// recipes need (4 times the 60,000 watches of the heaviest clients known), so that reaching one means a client that
/// leaks.

#include <cstddef>

namespace troupe::watch {

struct watch_limits {
  std::size_t watches_per_connection = 1 << 18;      ///< (path, table) pairs
  std::size_t path_bytes_per_connection = 64 << 20;  ///< bytes of their paths, counted per watch
};

}  // namespace troupe::watch

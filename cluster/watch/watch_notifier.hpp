#pragma once
/// The watch tables, and the machine that turns the stream of the commit processor into what each connection gets.
///
/// Watches are one-shot here and belong to a connection. A change fires (ZooKeeper's manual; DataTree):
///   created  /p/n : NodeCreated on the data table at /p/n, then NodeChildrenChanged on the child table at /p
///   deleted  /p/n : NodeDeleted on the data table at /p/n; NodeDeleted on the child table at /p/n, but not to a connection
///                   that just got it; then NodeChildrenChanged on the child table at /p
///   data changed  : NodeDataChanged on the data table
/// Each event goes only to connections that may READ the changed znode (for NodeChildrenChanged: its parent);
/// a watch that is held back so is used up all the same (CVE-2024-23944). The event's header carries the zxid of the
/// transaction (ZOOKEEPER-4655).

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cluster/commit/stream.hpp"

namespace troupe::watch {

class watch_notifier {
 public:
  watch_notifier();
  ~watch_notifier();

  /// Consumes the batch; appends to `out` in stream order. Takes over in.bytes when `out` is empty, without a copy.
  void step(stream_batch&& in, delivery_batch& out);

  std::size_t watch_count() const;       ///< (connection, path, table) triples
  std::size_t watched_paths() const;
  std::size_t watching_connections() const;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace troupe::watch

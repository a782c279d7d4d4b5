#pragma once
/// The watch tables, and the machine that turns the stream of the commit processor into what each connection gets.
///
/// Watches are one-shot here and belong to a connection. A change fires (ZooKeeper's manual; DataTree):
///   created  /p/n : NodeCreated on the data table at /p/n, then NodeChildrenChanged on the child table at /p
///   deleted  /p/n : NodeDeleted on the data table at /p/n; NodeDeleted on the child table at /p/n, but not to a
///   connection
///                   that just got it; then NodeChildrenChanged on the child table at /p
///   data changed  : NodeDataChanged on the data table
/// Each event goes only to connections that may READ the changed znode (for NodeChildrenChanged: its parent);
/// a watch that is held back so is used up all the same (CVE-2024-23944). The event's header carries the zxid of the
/// transaction (ZOOKEEPER-4655), or, for events that setWatches finds, what the commit processor put there.
///
/// Subscriptions of actor clients stand beside that (subscriptions.hpp): they last, and hold back what else a connection
/// gets while they catch up.
///
/// A connection that passes a limit (watch_limits.hpp) is closed. Nothing more is delivered to a connection after
/// `close` or `last_reply`; its watches are dropped there, and again (harmless) at `closed`. The stream holds nothing
/// for a connection after its `closed`: a watch left then would stay.

#include <cstdint>
#include <memory>

#include "cluster/commit/stream.hpp"
#include "cluster/watch/subscriptions.hpp"
#include "cluster/watch/watch_limits.hpp"

namespace troupe::watch {

class watch_notifier {
 public:
  explicit watch_notifier(watch_limits = {}, subscription_limits = {});
  ~watch_notifier();

  /// Consumes the batch; appends to `out` in stream order. Takes over in.bytes when `out` is empty, without a copy.
  /// Events for one change share one frame: several items of `out` may point at the same bytes.
  void step(stream_batch&& in, delivery_batch& out);

  // ---- subscriptions that catch up: as in subscriptions.hpp
  void on_history(history&&, delivery_batch& out);
  void on_drained(conn_id, delivery_batch& out);
  void take_turns(delivery_batch& out);
  subscriptions::wants take_wants();
  const subscriptions& subscribed() const;

  std::size_t watch_count() const;  ///< (connection, path, table) triples
  std::size_t watched_paths() const;
  std::size_t watching_connections() const;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace troupe::watch

#pragma once
/// setWatches: a client that comes back names the watches it had and the last zxid it saw.

#include "cluster/commit/reads.hpp"
#include "schema/jute.hpp"

namespace troupe::commit {

/// Leaves each watch, or, if what it waits for happened since, sends its event at once, with zxid -1 as ZooKeeper does:
///   data   znode missing -> NodeDeleted; changed since -> NodeDataChanged
///   exist  znode there -> NodeCreated
///   child  znode missing -> NodeDeleted; children changed since -> NodeChildrenChanged
/// An event about a znode that the caller may not READ is left out, and its watch is used up (CVE-2024-23944).
/// Does nothing if the body is ill-formed.
zk::err set_watches(const tree::database&, const reader_of_znodes&, jute::reader& body, stream_batch&);

}  // namespace troupe::commit

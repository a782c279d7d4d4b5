#pragma once
/// What a node answers from its own database: reads, and the return of watches after a reconnect.

#include <span>

#include "cluster/commit/stream.hpp"
#include "cluster/tree/database.hpp"

namespace troupe::commit {

struct reader_of_znodes {
  conn_id conn = 0;
  std::span<const zk::id> creds;
};

/// True for exists, getData, getACL, getChildren, getChildren2 and setWatches.
bool is_read(zk::op);

/// Answers one request: appends the watches that it leaves, then its reply, so that the stream holds both at the same
/// position in the order of changes. A read leaves a watch only if it succeeds; exists of a missing znode, which waits
/// for its creation, does too.
void answer_read(const tree::database&, const reader_of_znodes&, std::int32_t xid, zk::op, std::string_view body,
                 stream_batch&);

}  // namespace troupe::commit

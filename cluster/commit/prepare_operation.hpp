#pragma once
/// The checks of each write on a znode, in ZooKeeper's order (PrepRequestProcessor.pRequest2Txn), and what it does to
/// the overlay and the transaction when they pass.

#include <span>

#include "cluster/commit/operation.hpp"
#include "cluster/commit/overlay.hpp"
#include "cluster/commit/transaction_builder.hpp"
#include "cluster/tree/acl.hpp"

namespace troupe::commit {

/// Ephemerals that one session may have, by the bytes that their deletes take (overlay::ephemeral_cost): they all go in
/// the one transaction that ends the session, which cannot be refused and must fit a frame between nodes (in ZooKeeper
/// it may not, ZOOKEEPER-4306). One more is refused with QUOTAEXCEEDED. So much may also be of ACLs in a transaction,
/// beyond the bound on its size.
inline constexpr std::size_t max_session_ephemeral_bytes = std::size_t{16} << 20;

/// Who asks.
struct caller {
  session_id session = 0;
  std::span<const zk::id> creds;
};

/// Create flags that nobody serves: -6 for containers and TTL nodes, -8 for those that do not exist. ok for the rest.
zk::err check_flags(const operation&);

/// Adds one change and touches the overlay, or returns an error and does neither. Belongs between begin and commit.
zk::err prepare_operation(const operation&, const caller&, overlay&, transaction_builder&);

/// A version after a change: wraps from the largest int to the smallest, and never is -1, which means "any"
/// (ZOOKEEPER-4743).
std::int32_t next_version(std::int32_t);

}  // namespace troupe::commit

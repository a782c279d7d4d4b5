#pragma once
/// What a transaction tells of znodes, out of its own record: the same live and from the log.

#include <cstdint>
#include <string_view>
#include <vector>

#include "cluster/tree/acl.hpp"
#include "schema/bytes.hpp"
#include "schema/flat_message.hpp"
#include "schema/ids.hpp"
#include "schema/zookeeper.hpp"

namespace troupe::watch {

/// Views point into the record.
struct told_change {
  zk::event type = zk::event::node_created;
  std::string_view path, data;
  std::int32_t version = 0;
  session_id ephemeral_owner = 0;
  tree::acl_ref acl;  ///< who may READ it is told. Null: everybody
};

class transaction_changes {
 public:
  explicit transaction_changes(const shared_bytes& payload);
  transaction_changes(const transaction_changes&) = delete;
  transaction_changes& operator=(const transaction_changes&) = delete;

  zxid_t zxid = 0;  ///< the caller's to set
  std::int64_t time_ms = 0;
  std::vector<told_change> list;  ///< creations, deletions, changes of data, in the transaction's order

 private:
  wire::flat_message message_;
};

}  // namespace troupe::watch

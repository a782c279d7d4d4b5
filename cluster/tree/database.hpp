#pragma once
/// The replicated state as of one zxid: znodes and the sessions that exist. What a checkpoint holds.
///
/// Pure and single-threaded. It changes only by `apply`, in zxid order, and by `load` into an empty one. Every node
/// that applies the same transactions has the same database.
///
/// Memory: one allocation per znode (header, name and data together), a global open-addressing index by path hash,
/// per-parent child slots, interned ACLs. Goal: 1 million znodes of 100 bytes in at most 250 MB resident.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/tree/acl.hpp"
#include "schema/ids.hpp"
#include "schema/records.capnp.h"
#include "schema/zookeeper.hpp"

namespace troupe::tree {

struct znode;  ///< opaque; valid until the next `apply`

/// The version after `version`: +1, from INT_MAX to INT_MIN, and 0 instead of -1, which stands for "any" in requests
/// (ZOOKEEPER-4743). For setData's version and setACL's aversion.
constexpr std::int32_t next_version(std::int32_t version) {
  if (version == -2) return 0;
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(version) + 1);
}

/// What one Change of a transaction did.
struct applied_change {
  enum class kind : std::uint8_t { none, created, deleted, data_changed, acl_changed, session_opened, session_closed };
  kind what = kind::none;
  std::int32_t op = 0;     ///< Change.op
  std::string_view path;   ///< points into the transaction
  zk::stat st;             ///< of the znode after the change (created, data_changed, acl_changed)
  acl_ref acl;             ///< of the znode (deleted: as it was)
  acl_ref parent_acl;      ///< of its parent (created, deleted)
  session_id session = 0;  ///< session_opened, session_closed
  std::int32_t timeout_ms = 0;
};

/// The tables of a checkpoint (records.capnp StateEntry.table).
enum class table : std::uint8_t { meta = 0, nodes = 1, sessions = 2, acls = 3 };

struct state_entry {
  table where = table::nodes;
  std::uint64_t key = 0;
  std::string value;  ///< flat Cap'n Proto; empty = erase the key
};

/// What changed between two checkpoints.
struct state_delta {
  zxid_t zxid = 0;  ///< the database is as of here once the entries are written
  std::vector<state_entry> entries;
};

class database {
 public:
  database();  ///< "/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config" with all-zero stats
  ~database();
  database(const database&) = delete;
  database& operator=(const database&) = delete;

  /// Last applied transaction.
  zxid_t zxid() const { return zxid_; }

  // ---- reading
  const znode* find(std::string_view path) const;
  zk::stat stat_of(const znode&) const;  ///< cversion as on the wire: 2 x creates - children
  /// data() == nullptr: the data are null (Create.data or SetData.data was not set), which jute tells from empty.
  std::string_view data_of(const znode&) const;
  acl_ref acl_of(const znode&) const;
  std::int32_t creates_of(const znode&) const;  ///< the next sequence number under it
  std::size_t child_count(const znode&) const;
  void for_each_child(const znode&, const std::function<void(std::string_view name)>&) const;
  std::string path_of(const znode&) const;
  std::size_t descendants_of(const znode&) const;  ///< not counting itself
  /// Appends the jute vector<ustring> of the child names to `w` (hot path of getChildren).
  void write_children(const znode&, jute::writer& w) const;

  struct session_info {
    std::int32_t timeout_ms = 0;
  };
  const session_info* find_session(session_id) const;
  void for_each_session(const std::function<void(session_id, const session_info&)>&) const;
  std::size_t session_count() const;
  /// Paths of the ephemerals of a session, sorted.
  std::vector<std::string> ephemerals_of(session_id) const;

  std::size_t node_count() const;  ///< the root counts once (ZooKeeper's "Node count" counts it twice)
  std::size_t ephemeral_count() const;
  std::size_t data_size() const;  ///< sum of path and data lengths, ZooKeeper's approximate_data_size

  // ---- changing
  /// Applies one transaction; `zxid` is above the last one. Appends one entry per Change, in order. A transaction that
  /// does not fit the database (its node is missing, say) means that the replicas have diverged: throws
  /// std::logic_error, which stops the node: the database then holds a part of the transaction. So does a Change that
  /// this version doesn't know. Versions and counters are taken as they stand in the transaction. Opening a session
  /// that exists sets its timeout. The four built-in znodes are changed like others, but the root cannot be deleted.
  void apply(zxid_t zxid, wire::Transaction::Reader txn, std::vector<applied_change>& out);

  // ---- checkpoints
  /// Entries that changed since the last call (each once, as it is now), ordered by table: meta, acls, nodes by
  /// ascending key, sessions. The first call after construction has all, the first after `loaded` what changed since.
  /// No key is erased that was not in an earlier delta or loaded.
  state_delta take_delta();
  std::size_t delta_size() const;  ///< how many entries take_delta would yield now
  /// Restores entries of a checkpoint into a fresh database: nodes by ascending key, the other tables before, after or
  /// between; then `loaded`, which checks what only the whole can tell. Both throw std::runtime_error with what is
  /// wrong when an entry cannot be right; the database is then of no use. Unknown keys of `meta` are ignored.
  void load(const state_entry&);
  void loaded(zxid_t);

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
  zxid_t zxid_ = 0;
};

}  // namespace troupe::tree

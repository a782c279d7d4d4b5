#pragma once
/// What preparation sees: the database plus everything that is proposed but not yet applied.
///
/// Each pending transaction leaves, for every znode and session that it touches, the state they will have; the entry
/// goes when the last pending transaction that touched it is applied, since the database then says the same.
/// Transactions are applied in the order in which they were committed here, so they are numbered 1, 2, 3...
///
/// A transaction is prepared between `begin` and `commit`; `rollback` takes back all it touched, counters of parents
/// included (ZOOKEEPER-1624).

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cluster/tree/acl.hpp"
#include "cluster/tree/database.hpp"
#include "schema/bytes.hpp"
#include "schema/ids.hpp"

namespace troupe::commit {

class transaction_builder;

struct node_state {
  bool exists = false;
  std::int32_t version = 0, creates = 0, aversion = 0;
  std::int64_t children = 0;
  session_id ephemeral_owner = 0;
  tree::acl_ref acl;
  std::uint64_t data_txn = 0;  ///< the last pending transaction that set its data; 0, or applied: the database has them
  std::uint32_t data_change = 0;  ///< the number of the change in it
};

class overlay {
 public:
  /// Forgets all that is pending; from now on stands over `db`.
  void reset(const tree::database* db);

  node_state look(std::string_view path) const;
  /// The data that a znode which exists will have; null tells from empty. `preparing`: the transaction between begin and
  /// commit. Valid until the next change of any kind.
  std::string_view data_of(std::string_view path, const transaction_builder& preparing) const;
  /// Names, sorted. Looks at every entry if something is pending below the znode.
  std::vector<std::string> children_of(std::string_view path) const;
  /// Exists, and no pending transaction closes it.
  bool session_alive(session_id) const;
  /// Paths of the ephemerals that the session will have once all is applied, sorted.
  std::vector<std::string> ephemerals_of(session_id) const;

  /// What the deletes of its ephemerals will take in the transaction that ends the session. Bytes, rounded up.
  std::size_t ephemeral_bytes(session_id);
  static std::size_t ephemeral_cost(std::string_view path, const tree::acl_ref&);

  void begin();
  node_state& touch(std::string_view path);  ///< valid until the next touch
  /// Change number `change` of the transaction in preparation sets the data of this znode.
  void sets_data(node_state& n, std::size_t change) const {
    n.data_txn = current(), n.data_change = static_cast<std::uint32_t>(change);
  }
  void add_ephemeral(session_id, std::string_view path, const tree::acl_ref&);
  void remove_ephemeral(session_id, std::string_view path, const tree::acl_ref&);
  /// Another ACL. Only for the count.
  void change_ephemeral(session_id, std::string_view path, const tree::acl_ref& from, const tree::acl_ref& to);
  void open_session(session_id);
  void close_session(session_id);
  void commit(shared_bytes transaction = {});  ///< its bytes, for those who ask for the data in it
  void rollback();

  /// The oldest pending transaction is applied. Throws std::logic_error if none is pending.
  void applied();
  std::uint64_t pending() const { return committed_ - applied_; }
  std::size_t size() const { return nodes_.size() + sessions_.size(); }  ///< entries; 0 when nothing is pending

 private:
  struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
  };
  struct node_entry {
    node_state state;
    std::uint64_t last = 0;  ///< number of the last transaction that touched it
  };
  struct pending_ephemeral {
    std::uint64_t number;
    std::string path;
  };
  struct session_entry {
    bool opened = false, closing = false;
    std::uint64_t last = 0;
    std::deque<pending_ephemeral> ephemerals;  ///< created by transactions that are pending
  };
  using node_map = std::unordered_map<std::string, node_entry, text_hash, std::equal_to<>>;
  struct touched_node {
    node_map::value_type* at;
    node_entry before;
    bool inserted;
  };
  struct touched_session {
    session_id id;
    bool opened, closing;
    std::uint64_t last;
    bool inserted;
  };
  struct mark {
    std::uint64_t number;
    node_map::value_type* node;  ///< null: `session`
    session_id session;
  };

  std::uint64_t current() const { return committed_ + 1; }
  node_state from_database(std::string_view path) const;
  session_entry& touch_session(session_id);
  void count_ephemeral(session_id, std::int64_t bytes);
  void forget_session(session_id, std::uint64_t number);

  const tree::database* db_ = nullptr;
  node_map nodes_;
  std::unordered_map<session_id, session_entry> sessions_;
  std::deque<shared_bytes> transactions_;  ///< that are pending, oldest first
  std::deque<mark> marks_;                 ///< what each pending transaction touched, oldest first
  std::uint64_t committed_ = 0, applied_ = 0;
  std::vector<touched_node> nodes_touched_;  ///< by the one in preparation, each once
  std::vector<touched_session> sessions_touched_;
  /// Of sessions that created an ephemeral since we lead, until their end is prepared.
  std::unordered_map<session_id, std::size_t> ephemeral_bytes_;
  std::vector<std::pair<session_id, std::int64_t>> counted_;  ///< by the transaction in preparation
};

}  // namespace troupe::commit

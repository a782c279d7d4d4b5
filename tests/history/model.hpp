#pragma once
/// ZooKeeper's tree and sessions once more, written from its rules and not from cluster/tree: what the log is held
/// against, and what tells the right answer to every request. Keeps views into the history, which must outlive it.

#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tests/history/history.hpp"

namespace troupe::history {

/// Who asks: the session, and what its connection has proved so far.
struct caller {
  session_id session = 0;
  const zk::id* ids = nullptr;
  std::size_t id_count = 0;
};

/// Null stands for "open to the world", as an empty list does.
using acl_pointer = const zk::acl_list*;

/// Entries of scheme ip are taken to match everybody: recordings don't say whence a client came.
bool allowed(acl_pointer, std::int32_t wanted, const caller&);

/// As it would stand in a transaction: without repetitions, `auth` replaced by the caller's identities, and empty if it
/// is open to the world. False if it is not well-formed.
bool resolve_acl(const zk::acl_list& asked, const caller&, zk::acl_list& out);

/// ZooKeeper's rule for paths in requests that change something. A sequential one may end with a slash.
bool valid_path(std::string_view path, bool sequential = false);

/// "" for the root.
std::string_view parent_of(std::string_view path);

/// +1; from INT_MAX to INT_MIN, and 0 instead of -1 (ZOOKEEPER-4743).
std::int32_t next_version(std::int32_t);

class model {
 public:
  struct node {
    std::string_view path, data;
    acl_pointer acl = nullptr;
    zxid_t czxid = 0, mzxid = 0, pzxid = 0;
    std::int64_t ctime = 0, mtime = 0;
    std::int32_t version = 0, aversion = 0, creates = 0;
    session_id owner = 0;
    std::set<std::string_view> children;  ///< names
  };
  struct session {
    std::int32_t timeout_ms = 0;
    zxid_t opened = 0, closed = 0;               ///< closed: 0 while it lives
    std::set<std::string_view> ephemerals = {};  ///< paths
  };

  explicit model(const base_state&);

  zxid_t zxid() const { return zxid_; }
  const node* find(std::string_view path) const;
  const session* find_session(session_id) const;  ///< also one that was closed
  bool alive(session_id) const;
  const std::unordered_map<session_id, session>& sessions() const { return sessions_; }
  static zk::stat stat_of(const node&);

  /// Says why the change is not one that a correct leader could have made here; empty if it is. Applies as much of it as
  /// makes sense all the same, so that one fault is told once. Call `finish` after the last change of a transaction.
  std::string apply(const txn&, const change&);
  void finish(const txn& t) { zxid_ = t.zxid; }

 private:
  std::string create(const txn&, const change&);
  std::string remove(const txn&, const change&);
  std::string close(const change&, const txn&);
  node* get(std::string_view path);

  std::unordered_map<std::string_view, node> nodes_;
  std::unordered_map<session_id, session> sessions_;
  zxid_t zxid_ = 0;
};

}  // namespace troupe::history

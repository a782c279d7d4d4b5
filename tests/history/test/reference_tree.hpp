#pragma once
/// The state of one replica of the reference ensemble: a plain map of paths.

#include <map>
#include <string>
#include <vector>

#include "tests/history/history.hpp"

namespace troupe::history::test {

struct znode {
  std::string data;
  zk::acl_list acl;
  zk::stat st;  ///< without data_length, num_children and cversion, which are counted
  std::int32_t creates = 0;
};

struct fired {
  zk::event what;
  std::string path;
  bool data = false, child = false;  ///< tables
  zxid_t zxid = 0;
  bool readable_to_all = true;
  zk::acl_list acl;
};

class replica_tree {
 public:
  replica_tree();

  zxid_t zxid = 0;
  std::map<std::string, znode> nodes;
  std::map<session_id, std::int32_t> sessions;

  zk::stat stat_of(const std::string& path) const;
  std::vector<std::string> children_of(const std::string& path) const;
  /// Applies; tells what watches fire.
  std::vector<fired> apply(const txn&);
  void apply(const txn&, const change&, std::vector<fired>&);

  /// The leader's decision about one operation: an error, or the change that it makes.
  zk::err decide(const request&, session_id, const std::vector<zk::id>& who, change& out) const;

  result read(const request&, const std::vector<zk::id>& who) const;
};

bool may(const zk::acl_list&, std::int32_t perm, const std::vector<zk::id>& who);
std::string parent(const std::string& path);

}  // namespace troupe::history::test

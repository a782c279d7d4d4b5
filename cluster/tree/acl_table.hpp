#pragma once
/// The distinct ACLs that znodes have, counted: id -> ACL. Id 0 is world:anyone with all permissions and has no entry.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include "cluster/tree/acl.hpp"

namespace troupe::tree {

class acl_table {
 public:
  /// The id of an ACL in jute form, counted once more. 0 is not counted. Throws std::invalid_argument if it is not
  /// jute.
  std::uint32_t acquire(std::string_view jute);
  void acquire(std::uint32_t id);
  /// The ACL is forgotten with its last znode.
  void release(std::uint32_t id);
  acl_ref list_of(std::uint32_t id) const { return id == 0 ? acl_ref{} : entries_.at(id).list; }

  /// What changed since the last `clear_changes`, in order of id: the jute form, or null if the id is gone.
  const std::map<std::uint32_t, const std::string*>& changes() const { return changes_; }
  void clear_changes();

  /// From a checkpoint, with no znode yet. Throws std::runtime_error.
  void load(std::uint64_t id, std::string_view jute);
  /// After `load` of everything: which id is used but was not loaded (0 = none). Forgets what no znode uses.
  std::uint32_t loaded();

 private:
  struct entry {
    acl_ref list;  ///< null: used by a loaded znode, but not yet loaded itself
    std::string jute;
    std::uint32_t count = 0;
    bool saved = false;  ///< stands in the last checkpoint
  };
  std::unordered_map<std::uint32_t, entry> entries_;
  std::unordered_map<std::string_view, std::uint32_t> by_jute_;  ///< views into entries_, whose nodes don't move
  std::map<std::uint32_t, const std::string*> changes_;
  std::uint32_t last_id_ = 0;
};

}  // namespace troupe::tree

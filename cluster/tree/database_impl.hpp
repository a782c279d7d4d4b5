#pragma once
/// The inside of `database`, shared by its source files: reading (database.cpp), changing (database_apply.cpp),
/// checkpoints (database_checkpoint.cpp).

#include <deque>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cluster/tree/acl_table.hpp"
#include "cluster/tree/database.hpp"
#include "cluster/tree/path_index.hpp"
#include "cluster/tree/znode.hpp"

namespace troupe::tree {

struct session_record {
  session_id id = 0;
  database::session_info info;
  std::vector<znode*> ephemerals;  ///< in no order; each knows its slot
  bool open = false;               ///< false: only known as the owner of a loaded znode, until it is loaded itself
  bool saved = false;              ///< stands in the last checkpoint
};

struct database::impl {
  znode* root = nullptr;
  path_index index;
  acl_table acls;
  std::unordered_map<session_id, session_record> sessions;
  std::size_t node_count = 0, ephemeral_count = 0, data_size = 0;

  // ---- since the last checkpoint
  std::deque<znode*> dirty;  ///< a deque, because it grows without copying; each znode knows its place
  std::vector<std::uint64_t> removed;
  std::set<session_id> changed_sessions;
  std::uint64_t next_serial = 1;
  std::uint64_t saved_serial = 1;  ///< smaller serials stand in the last checkpoint, or have been erased from it

  /// Of the last transaction with several changes, and how much was dirty before its second: for planted_bug::zk_3127.
  zxid_t half_applied = 0;
  std::size_t half_dirty = 0;

  // ---- while loading
  bool loading = false;
  std::uint64_t loaded_next_serial = 0;
  std::vector<std::pair<std::uint64_t, znode*>> by_serial;
  znode* last_parent = nullptr;
  std::string last_parent_path;  ///< without the slash at the end: empty for the root

  impl();
  ~impl();
  void clear();

  // ---- database.cpp
  znode* find(std::string_view path) const;
  static zk::stat stat_of(const znode&);
  static std::string path_of(const znode&);
  static children& kids_of(znode&);
  /// Hangs a new znode below `parent` and into the index; `path` is its whole path.
  void attach(znode*, znode& parent, std::string_view path);
  void own(znode*, session_record&);
  /// After `from` became `to`. `e`: its entry in the index, null for the root.
  void relocate(const znode* from, znode* to, path_index::entry* e);
  void mark(znode*);    ///< changed since the last checkpoint
  void unmark(znode*);  ///< is about to go

  // ---- database_apply.cpp
  struct place;
  void create(std::string_view path, zxid_t, std::int64_t time_ms, wire::Create::Reader, applied_change&);
  void remove(std::string_view path, zxid_t, applied_change&);
  void set_data(std::string_view path, zxid_t, std::int64_t time_ms, wire::SetData::Reader, applied_change&);
  void set_acl(std::string_view path, wire::SetAcl::Reader, applied_change&);
  void open_session(wire::OpenSession::Reader, applied_change&);
  void close_session(session_id, applied_change&);

  // ---- database_checkpoint.cpp
  std::string encode(const znode&) const;
  void load_node(std::uint64_t serial, wire::StateNode::Reader);
  void load_session(session_id, wire::StateSession::Reader);
};

}  // namespace troupe::tree

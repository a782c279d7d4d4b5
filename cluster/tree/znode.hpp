#pragma once
/// A znode in memory: one allocation that holds
///
///   znode | owner (12, ephemerals) | aversion (4, once its ACL was set) | name | data
///   data
///
/// What most znodes don't need costs them nothing: the parts are there only if their flag says so, and a znode without
/// a `children` block has never had a child. A znode moves when it outgrows its allocation; `database` then
/// corrects the four places that point to it. Children point to their parent's `children` block, which doesn't move, so
/// that a parent of many moves as cheaply as a leaf.

#include <cstdint>
#include <cstring>
#include <string_view>

#include "schema/ids.hpp"

namespace troupe::tree {

struct znode;
struct session_record;

/// What a znode needs from its first child on. Kept after the last child is gone: its counters must not forget.
struct children {
  znode* self = nullptr;     ///< whose
  znode** slots = nullptr;   ///< in no order; each child knows its slot
  zxid_t pzxid = 0;          ///< of the last create or delete of a child
  std::int32_t creates = 0;  ///< children ever created: the next sequence number
  std::uint32_t count = 0, capacity = 0;

  void add(znode*);
  void remove(const znode*);
};

struct znode {
  static constexpr std::uint32_t max_name = (1u << 24) - 1;  ///< bytes; the name shares 32 bits with the flags
  using flag = std::uint32_t;
  static constexpr flag has_owner = 1u << 24, has_aversion = 1u << 25, null_data = 1u << 26;

  children* parent;  ///< null for the root
  children* kids;    ///< null: never had a child
  zxid_t czxid, mzxid;
  std::int64_t ctime_ms, mtime_ms;
  std::uint64_t serial;
  std::uint32_t slot;   ///< in the parent's slots
  std::uint32_t dirty;  ///< 1 + index in the list of dirty znodes; 0 = unchanged since the last checkpoint
  std::uint32_t data_size;
  std::uint32_t name_and_flags;
  std::int32_t version;
  std::uint32_t acl;  ///< id in the ACL table; 0 = world:anyone with all permissions

  struct owner_part {
    session_record* session;
    std::uint32_t slot;  ///< in the session's ephemerals
  } __attribute__((packed));

  /// A znode whose other fields are zero; `owner` makes room for the owner part. Throws std::bad_alloc.
  static znode* make(std::string_view name, std::string_view data, bool owner);
  static void free(znode*);
  /// Both return where the znode is now.
  static znode* with_aversion(znode*, std::int32_t);
  static znode* with_data(znode*, std::string_view data);

  bool has(flag f) const { return (name_and_flags & f) != 0; }
  std::string_view name() const { return {tail() + name_at(), name_size()}; }
  /// data() == nullptr tells null from empty.
  std::string_view data() const {
    if (has(null_data)) return {};
    return {tail() + name_at() + name_size(), data_size};
  }
  owner_part owner() const { return read<owner_part>(0); }
  void set_owner(owner_part p) { write(0, p); }
  std::int32_t aversion() const { return has(has_aversion) ? read<std::int32_t>(aversion_at()) : 0; }
  zxid_t pzxid() const { return kids ? kids->pzxid : czxid; }
  std::int32_t creates() const { return kids ? kids->creates : 0; }
  std::uint32_t child_count() const { return kids ? kids->count : 0; }

 private:
  std::uint32_t name_size() const { return name_and_flags & max_name; }
  std::size_t aversion_at() const { return has(has_owner) ? sizeof(owner_part) : 0; }
  std::size_t name_at() const { return aversion_at() + (has(has_aversion) ? sizeof(std::int32_t) : 0); }
  std::size_t size() const { return sizeof(znode) + name_at() + name_size() + data_size; }
  const char* tail() const { return reinterpret_cast<const char*>(this + 1); }
  char* tail() { return reinterpret_cast<char*>(this + 1); }
  template <class T>
  T read(std::size_t at) const {
    T v;
    std::memcpy(&v, tail() + at, sizeof v);
    return v;
  }
  template <class T>
  void write(std::size_t at, const T& v) {
    std::memcpy(tail() + at, &v, sizeof v);
  }
};
static_assert(sizeof(znode) == 80, "a million of these are held in memory");

}  // namespace troupe::tree

#include "cluster/commit/set_watches.hpp"

#include "cluster/commit/reply.hpp"
#include "cluster/planted_bug.hpp"

namespace troupe::commit {

namespace {

constexpr std::size_t min_path_bytes = 4;  ///< a string's length field

/// Calls f with each path of the next vector.
template <class F>
void for_each_path(jute::reader& r, F&& f) {
  for (auto n = r.count(min_path_bytes); n && r.ok(); --n) {
    auto path = r.ustring();
    if (r.ok()) f(path);
  }
}

struct returning {
  const tree::database& db;
  const reader_of_znodes& who;
  stream_batch& stream;

  void watch(watch_table table, std::string_view path) {
    push_path(stream, stream_item::kind::watch, who.conn, path).table = table;
  }
  void event(zk::event what, std::string_view path, const tree::znode* n = nullptr) {
    if (n && !tree::allowed(db.acl_of(*n), zk::perm::read, who.creds)) return;
    auto& i = push_path(stream, stream_item::kind::event, who.conn, path);
    i.event = what, i.zxid = -1;
  }

  void data(std::string_view path, zxid_t since) {
    auto* n = db.find(path);
    if (!n) return event(zk::event::node_deleted, path);
    if (db.stat_of(*n).mzxid > since) return event(zk::event::node_data_changed, path, n);
    watch(watch_table::data, path);
  }
  void exist(std::string_view path) {
    if (auto* n = db.find(path)) return event(zk::event::node_created, path, n);
    watch(watch_table::data, path);
  }
  void child(std::string_view path, zxid_t since) {
    auto* n = db.find(path);
    if (!n) return event(zk::event::node_deleted, path);
    if (db.stat_of(*n).pzxid > since && !planted(planted_bug::zk_1412))
      return event(zk::event::node_children_changed, path, n);
    watch(watch_table::child, path);
  }
};

}  // namespace

zk::err set_watches(const tree::database& db, const reader_of_znodes& who, jute::reader& body, stream_batch& stream) {
  auto well_formed = body;
  well_formed.i64();
  for (int table = 0; table < 3; ++table) for_each_path(well_formed, [](std::string_view) {});
  if (!well_formed.ok()) return zk::err::marshalling_error;

  returning r{db, who, stream};
  auto since = body.i64();
  for_each_path(body, [&](std::string_view path) { r.data(path, since); });
  for_each_path(body, [&](std::string_view path) { r.exist(path); });
  for_each_path(body, [&](std::string_view path) { r.child(path, since); });
  return zk::err::ok;
}

}  // namespace troupe::commit

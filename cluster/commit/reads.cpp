#include "cluster/commit/reads.hpp"

#include "cluster/commit/reply.hpp"
#include "cluster/commit/set_watches.hpp"
#include "cluster/planted_bug.hpp"

namespace troupe::commit {

namespace {

using zk::err;
namespace perm = zk::perm;

/// One read in progress: its reply is written behind the frame header, and cut back to an error if it fails.
struct reading {
  const tree::database& db;
  const reader_of_znodes& who;
  stream_batch& stream;
  jute::writer out;

  void leave_watch(watch_table table, std::string_view path) {
    push_path(stream, stream_item::kind::watch, who.conn, path).table = table;
  }
  bool may(const tree::znode& n, std::int32_t wanted) { return tree::allowed(db.acl_of(n), wanted, who.creds); }
};

err exists(reading& r, jute::reader& body) {
  auto path = body.ustring();
  auto watch = body.boolean();
  if (!body.ok()) return err::marshalling_error;
  if (path.find('\0') != path.npos) return err::bad_arguments;
  auto* n = r.db.find(path);
  if (n && !r.may(*n, perm::read) && !planted(planted_bug::zk_2590))
    return err::no_auth;  // since 3.9.2 (ZOOKEEPER-2590)
  if (watch) r.leave_watch(watch_table::data, path);
  if (!n) return err::no_node;
  zk::write(r.out, r.db.stat_of(*n));
  return err::ok;
}

err get_data(reading& r, jute::reader& body) {
  auto path = body.ustring();
  auto watch = body.boolean();
  if (!body.ok()) return err::marshalling_error;
  auto* n = r.db.find(path);
  if (!n) return err::no_node;
  if (!r.may(*n, perm::read)) return err::no_auth;
  if (watch) r.leave_watch(watch_table::data, path);
  auto data = r.db.data_of(*n);
  data.data() ? r.out.buffer(data) : r.out.null_buffer();
  zk::write(r.out, r.db.stat_of(*n));
  return err::ok;
}

err get_children(reading& r, jute::reader& body, bool with_stat) {
  auto path = body.ustring();
  auto watch = body.boolean();
  if (!body.ok()) return err::marshalling_error;
  auto* n = r.db.find(path);
  if (!n) return err::no_node;
  if (!r.may(*n, perm::read)) return err::no_auth;
  if (watch) r.leave_watch(watch_table::child, path);
  r.db.write_children(*n, r.out);
  if (with_stat) zk::write(r.out, r.db.stat_of(*n));
  return err::ok;
}

/// Callers that may not administer a znode don't see the hashes of its passwords.
zk::acl_list masked(zk::acl_list list) {
  for (auto& a : list)
    if (a.who.scheme == "digest") a.who.name = a.who.name.substr(0, a.who.name.find(':')) + ":x";
  return list;
}

err get_acl(reading& r, jute::reader& body) {
  static const zk::acl_list open = {{perm::all, {"world", "anyone"}}};
  auto path = body.ustring();
  if (!body.ok()) return err::marshalling_error;
  auto* n = r.db.find(path);
  if (!n) return err::no_node;
  if (!r.may(*n, perm::read | perm::admin)) return err::no_auth;
  auto acl = r.db.acl_of(*n);
  auto& list = acl ? *acl : open;
  r.may(*n, perm::admin) ? zk::write(r.out, list) : zk::write(r.out, masked(list));
  zk::write(r.out, r.db.stat_of(*n));
  return err::ok;
}

err perform(reading& r, zk::op op, jute::reader& body) {
  switch (op) {
    case zk::op::exists:
      return exists(r, body);
    case zk::op::get_data:
      return get_data(r, body);
    case zk::op::get_children:
      return get_children(r, body, false);
    case zk::op::get_children2:
      return get_children(r, body, true);
    case zk::op::get_acl:
      return get_acl(r, body);
    case zk::op::set_watches:
      return set_watches(r.db, r.who, body, r.stream);
    default:
      return err::unimplemented;
  }
}

}  // namespace

bool is_read(zk::op op) {
  switch (op) {
    case zk::op::exists:
    case zk::op::get_data:
    case zk::op::get_children:
    case zk::op::get_children2:
    case zk::op::get_acl:
    case zk::op::set_watches:
      return true;
    default:
      return false;
  }
}

void answer_read(const tree::database& db, const reader_of_znodes& who, std::int32_t xid, zk::op op,
                 std::string_view body, stream_batch& stream) {
  reading r{db, who, stream, jute::writer(stream.bytes)};
  auto begin = r.out.begin_frame();
  write_reply_header(r.out, xid, db.zxid(), err::ok);
  jute::reader in(body);
  if (auto e = perform(r, op, in); e != err::ok) {
    stream.bytes.resize(begin + 4);
    write_reply_header(r.out, xid, db.zxid(), e);
  }
  r.out.end_frame(begin);
  push_reply(stream, who.conn, begin);
}

}  // namespace troupe::commit

#include "cluster/commit/operation.hpp"

#include <cstring>

namespace troupe::commit {

namespace {

/// world:anyone with all permissions, as nearly every client sends it: recognised without decoding it.
constexpr char open_acl_bytes[] = "\0\0\0\1\0\0\0\37\0\0\0\5world\0\0\0\6anyone";
constexpr std::string_view open_acl{open_acl_bytes, sizeof(open_acl_bytes) - 1};

void read_acl(jute::reader& r, operation& o) {
  o.acl.clear();
  o.open_acl = r.rest().starts_with(open_acl);
  if (o.open_acl)
    r = jute::reader(r.rest().substr(open_acl.size()));
  else
    o.acl = zk::read_acl(r);
}

bool fits_multi(zk::op op) {
  switch (op) {
    case zk::op::create:
    case zk::op::create2:
    case zk::op::create_container:
    case zk::op::create_ttl:
    case zk::op::del:
    case zk::op::set_data:
    case zk::op::check:
      return true;
    default:
      return false;
  }
}

}  // namespace

bool decode(zk::op op, jute::reader& r, operation& o) {
  o.op = op;
  switch (op) {
    case zk::op::create:
    case zk::op::create2:
    case zk::op::create_container:
    case zk::op::create_ttl:
      o.path = r.ustring(), o.data = r.buffer();
      if (!r.ok()) return false;
      read_acl(r, o);
      o.flags = r.i32();
      if (op == zk::op::create_ttl) r.i64();
      return r.ok();
    case zk::op::del:
    case zk::op::check:
      o.path = r.ustring(), o.version = r.i32();
      return r.ok();
    case zk::op::set_data:
      o.path = r.ustring(), o.data = r.buffer(), o.version = r.i32();
      return r.ok();
    case zk::op::set_acl:
      o.path = r.ustring();
      if (!r.ok()) return false;
      read_acl(r, o);
      o.version = r.i32();
      return r.ok();
    default:
      return false;
  }
}

bool decode_multi(std::string_view body, std::vector<operation>& out) {
  out.clear();
  for (jute::reader r(body);;) {
    auto type = static_cast<zk::op>(r.i32());
    auto done = r.boolean();
    r.i32();
    if (!r.ok()) return false;
    if (done) return true;
    if (!fits_multi(type) || !decode(type, r, out.emplace_back())) return false;
  }
}

void write_multi_header(jute::writer& w, std::int32_t type, bool done, std::int32_t err) {
  w.i32(type), w.boolean(done), w.i32(err);
}

void write_failed_multi(jute::writer& w, std::size_t count, std::size_t failed, zk::err code) {
  for (std::size_t i = 0; i < count; ++i) {
    auto e = static_cast<std::int32_t>(i < failed ? zk::err::ok : i == failed ? code : zk::err::runtime_inconsistency);
    write_multi_header(w, -1, false, e);
    w.i32(e);
  }
  write_multi_header(w, -1, true, -1);
}

}  // namespace troupe::commit

#include "actors/client/codec.hpp"

#include <capnp/message.h>
#include <capnp/serialize.h>

#include <algorithm>

#include "schema/client.capnp.h"

namespace troupe::client {

namespace {

void write_acl(jute::writer& w, const zk::acl_list& list) {
  if (!list.empty()) return zk::write(w, list);
  w.i32(1), w.i32(zk::perm::all), w.ustring("world"), w.ustring("anyone");
}

void append_flat(jute::writer& w, capnp::MessageBuilder& message) {
  auto words = capnp::messageToFlatArray(message);
  auto chars = words.asChars();
  w.out().append(chars.begin(), chars.size());
}

capnp::Text::Reader text_of(const std::string& s) { return {s.c_str(), s.size()}; }
capnp::Data::Reader data_of(const std::string& s) { return {reinterpret_cast<const kj::byte*>(s.data()), s.size()}; }

void read(jute::reader& r, zk::stat& s) {
  s.czxid = r.i64(), s.mzxid = r.i64(), s.ctime = r.i64(), s.mtime = r.i64(), s.version = r.i32();
  s.cversion = r.i32(), s.aversion = r.i32(), s.ephemeral_owner = r.i64(), s.data_length = r.i32();
  s.num_children = r.i32(), s.pzxid = r.i64();
}

void write_header(jute::writer& w, zk::op op, bool done = false) {
  w.i32(done ? -1 : static_cast<std::int32_t>(op)), w.boolean(done), w.i32(-1);
}

}  // namespace

void encode(jute::writer& w, const create& q) {
  w.ustring(q.path), w.buffer(q.data), write_acl(w, q.acl), w.i32(static_cast<std::int32_t>(q.mode));
}
void encode(jute::writer& w, const set_data& q) { w.ustring(q.path), w.buffer(q.data), w.i32(q.version); }
void encode(jute::writer& w, const set_acl& q) { w.ustring(q.path), write_acl(w, q.acl), w.i32(q.version); }
void encode(jute::writer& w, const remove& q) { w.ustring(q.path), w.i32(q.version); }
void encode(jute::writer& w, const get_data& q) { w.ustring(q.path), w.boolean(false); }
void encode(jute::writer& w, const exists& q) { w.ustring(q.path), w.boolean(false); }
void encode(jute::writer& w, const get_children& q) { w.ustring(q.path), w.boolean(false); }
void encode(jute::writer& w, const get_acl& q) { w.ustring(q.path); }
void encode(jute::writer& w, const sync& q) { w.ustring(q.path); }

void encode(jute::writer& w, const multi& q) {
  struct visitor {
    jute::writer& w;
    void operator()(const create& o) const { write_header(w, zk::op::create2), encode(w, o); }
    void operator()(const set_data& o) const { write_header(w, zk::op::set_data), encode(w, o); }
    void operator()(const remove& o) const { write_header(w, zk::op::del), encode(w, o); }
    void operator()(const check& o) const { write_header(w, zk::op::check), w.ustring(o.path), w.i32(o.version); }
  };
  for (auto& o : q.operations) std::visit(visitor{w}, o);
  write_header(w, zk::op::error, true);
}

void encode(jute::writer& w, const call& q) {
  capnp::MallocMessageBuilder message;
  auto m = message.initRoot<wire::Call>();
  m.setType(text_of(q.type)), m.setVersion(q.version), m.setRequest(data_of(q.request));
  append_flat(w, message);
}

void encode(jute::writer& w, const ask& q) {
  capnp::MallocMessageBuilder message;
  auto m = message.initRoot<wire::Ask>();
  m.setActor(text_of(q.actor)), m.setMessage(data_of(q.message));
  append_flat(w, message);
}

bool decode(const outcome& o, created& out) {
  jute::reader r(o.body);
  out.path = r.ustring(), out.zxid = o.zxid;
  read(r, out.stat);
  return r.ok();
}

bool decode(const outcome& o, changed& out) {
  jute::reader r(o.body);
  read(r, out.stat), out.zxid = o.zxid;
  return r.ok();
}

bool decode(const outcome& o, done& out) {
  out.zxid = o.zxid;
  return true;
}

bool decode(const outcome& o, multi_result& out) {
  jute::reader r(o.body);
  out.zxid = o.zxid, out.committed = true;
  for (;;) {
    auto type = r.i32();
    auto last = r.boolean();
    r.i32();
    if (!r.ok()) return false;
    if (last) return true;
    auto& one = out.results.emplace_back();
    switch (static_cast<zk::op>(type)) {
      case zk::op::error:
        one.error = static_cast<zk::err>(r.i32());
        out.committed = false;
        break;
      case zk::op::create:
        one.path = r.ustring();
        break;
      case zk::op::create2:
        one.path = r.ustring();
        [[fallthrough]];
      case zk::op::set_data:
        read(r, one.stat);
        break;
      case zk::op::del:
      case zk::op::check:
        break;
      default:
        return false;
    }
  }
}

bool decode(const outcome& o, data& out) {
  jute::reader r(o.body);
  out.bytes = r.buffer(&out.null), out.zxid = o.zxid;
  read(r, out.stat);
  return r.ok();
}

bool decode(const outcome& o, existing& out) {
  out.zxid = o.zxid;
  if (o.code == static_cast<std::int32_t>(zk::err::no_node)) return true;
  jute::reader r(o.body);
  read(r, out.stat.emplace());
  return r.ok();
}

bool decode(const outcome& o, children& out) {
  jute::reader r(o.body);
  auto n = r.count(4);
  out.names.reserve(n);
  for (; n && r.ok(); --n) out.names.emplace_back(r.ustring());
  std::sort(out.names.begin(), out.names.end());
  read(r, out.stat), out.zxid = o.zxid;
  return r.ok();
}

bool decode(const outcome& o, acl_of& out) {
  jute::reader r(o.body);
  out.acl = zk::read_acl(r), out.zxid = o.zxid;
  read(r, out.stat);
  return r.ok();
}

bool decode(const outcome& o, subscribed& out) {
  out.subscription = o.reference, out.zxid = o.zxid;
  return true;
}

bool decode(const outcome& o, reply& out) {
  out.bytes = o.body, out.zxid = o.zxid;
  return true;
}

}  // namespace troupe::client

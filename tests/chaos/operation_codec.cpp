#include "tests/chaos/operation_codec.hpp"

#include <algorithm>
#include <stdexcept>

namespace troupe::chaos {

namespace {

using zk::op;

void write_acl(jute::writer& w, const zk::acl_list& acl) {
  static const zk::acl_list open{{zk::perm::all, {"world", "anyone"}}};
  zk::write(w, acl.empty() ? open : acl);
}

void write_multi_header(jute::writer& w, std::int32_t type, bool done) { w.i32(type), w.boolean(done), w.i32(-1); }

void write_body(jute::writer& w, const history::request& r) {
  switch (r.op) {
    case op::create:
    case op::create2:
      return w.ustring(r.path), w.buffer(r.data), write_acl(w, r.acl), w.i32(r.flags);
    case op::del:
    case op::check:
      return w.ustring(r.path), w.i32(r.version);
    case op::set_data:
      return w.ustring(r.path), w.buffer(r.data), w.i32(r.version);
    case op::set_acl:
      return w.ustring(r.path), write_acl(w, r.acl), w.i32(r.version);
    case op::exists:
    case op::get_data:
    case op::get_children:
    case op::get_children2:
      return w.ustring(r.path), w.boolean(r.watch);
    case op::get_acl:
    case op::sync:
      return w.ustring(r.path);
    case op::close_session:
      return;
    case op::set_watches:
      w.i64(r.zxid);
      for (auto* list : {&r.data_watches, &r.exist_watches, &r.child_watches}) {
        w.i32(static_cast<std::int32_t>(list->size()));
        for (auto& path : *list) w.ustring(path);
      }
      return;
    case op::multi:
      for (auto& part : r.parts) write_multi_header(w, static_cast<std::int32_t>(part.op), false), write_body(w, part);
      return write_multi_header(w, -1, true);
    default:
      throw std::logic_error("no codec for operation " + std::to_string(static_cast<int>(r.op)));
  }
}

zk::stat read_stat(jute::reader& r) {
  zk::stat s;
  s.czxid = r.i64(), s.mzxid = r.i64(), s.ctime = r.i64(), s.mtime = r.i64();
  s.version = r.i32(), s.cversion = r.i32(), s.aversion = r.i32(), s.ephemeral_owner = r.i64();
  s.data_length = r.i32(), s.num_children = r.i32(), s.pzxid = r.i64();
  return s;
}

void read_children(jute::reader& r, history::result& to) {
  for (auto n = r.count(4); n && r.ok(); --n) to.children.emplace_back(r.ustring());
  std::sort(to.children.begin(), to.children.end());
}

bool read_multi(jute::reader& r, const history::request& asked, history::result& to);

void read_body(jute::reader& r, const history::request& asked, history::result& to) {
  switch (asked.op) {
    case op::create:
    case op::sync:
      to.path = r.ustring();
      return;
    case op::create2:
      to.path = r.ustring(), to.stat = read_stat(r);
      return;
    case op::set_data:
    case op::set_acl:
    case op::exists:
      to.stat = read_stat(r);
      return;
    case op::get_data:
      to.data = r.buffer(), to.stat = read_stat(r);
      return;
    case op::get_children:
      return read_children(r, to);
    case op::get_children2:
      read_children(r, to), to.stat = read_stat(r);
      return;
    case op::get_acl:
      to.acl = zk::read_acl(r), to.stat = read_stat(r);
      return;
    case op::multi:
      if (!read_multi(r, asked, to)) r.fail();
      return;
    default:
      return;
  }
}

bool read_multi(jute::reader& r, const history::request& asked, history::result& to) {
  for (auto& part : asked.parts) {
    auto type = r.i32();
    bool done = r.boolean();
    r.i32();
    if (!r.ok() || done) return false;
    auto& one = to.parts.emplace_back();
    if (type == -1)
      one.error = static_cast<zk::err>(r.i32());
    else if (type != static_cast<std::int32_t>(part.op))
      return false;
    else
      read_body(r, part, one);
  }
  auto type = r.i32();
  bool done = r.boolean();
  r.i32();
  return r.ok() && type == -1 && done;
}

}  // namespace

std::string encode(const history::request& r) {
  std::string out;
  jute::writer w(out);
  write_body(w, r);
  return out;
}

bool decode(const history::request& asked, zk::err error, std::string_view body, history::result& to) {
  to.error = error;
  jute::reader r(body);
  if (error == zk::err::ok) read_body(r, asked, to);
  return r.done();
}

}  // namespace troupe::chaos

#include "tests/sim/codec.hpp"

#include <algorithm>

#include "schema/jute.hpp"

namespace troupe::sim {

namespace {

const zk::acl_list open_acl = {{zk::perm::all, {"world", "anyone"}}};

void paths(jute::writer& w, const std::vector<std::string>& list) {
  w.i32(static_cast<std::int32_t>(list.size()));
  for (auto& p : list) w.ustring(p);
}

std::string call_path(const history::request& r) {
  auto* name = r.data == "add" ? "counter" : r.data == "take" ? "queue-take" : "delete-recursive";
  return std::string("/zookeeper/call/troupe.") + name;
}

std::string call_text(const history::request& r) {
  auto out = "{\"path\":\"" + r.path + "\"";
  if (r.data == "add") out += ",\"create\":true,\"add\":" + std::to_string(r.version);
  if (r.data == "take") out += ",\"asText\":true,\"max\":" + std::to_string(r.version);
  return out + "}";
}

void body(jute::writer& w, const history::request& r) {
  using zk::op;
  switch (r.op) {
    case op::call:
      w.ustring(call_path(r)), w.buffer(call_text(r)), zk::write(w, open_acl), w.i32(0);
      break;
    case op::create:
    case op::create2:
      w.ustring(r.path), w.buffer(r.data), zk::write(w, r.acl.empty() ? open_acl : r.acl), w.i32(r.flags);
      break;
    case op::del:
    case op::check:
      w.ustring(r.path), w.i32(r.version);
      break;
    case op::set_data:
      w.ustring(r.path), w.buffer(r.data), w.i32(r.version);
      break;
    case op::set_acl:
      w.ustring(r.path), zk::write(w, r.acl.empty() ? open_acl : r.acl), w.i32(r.version);
      break;
    case op::get_data:
    case op::exists:
    case op::get_children:
    case op::get_children2:
      w.ustring(r.path), w.boolean(r.watch);
      break;
    case op::get_acl:
    case op::sync:
      w.ustring(r.path);
      break;
    case op::set_watches:
      w.i64(r.zxid), paths(w, r.data_watches), paths(w, r.exist_watches), paths(w, r.child_watches);
      break;
    case op::multi:
      for (auto& p : r.parts) {
        w.i32(static_cast<std::int32_t>(p.op)), w.boolean(false), w.i32(-1);
        body(w, p);
      }
      w.i32(-1), w.boolean(true), w.i32(-1);
      break;
    default:
      break;
  }
}

zk::stat stat_from(jute::reader& r) {
  zk::stat s;
  s.czxid = r.i64(), s.mzxid = r.i64(), s.ctime = r.i64(), s.mtime = r.i64();
  s.version = r.i32(), s.cversion = r.i32(), s.aversion = r.i32(), s.ephemeral_owner = r.i64();
  s.data_length = r.i32(), s.num_children = r.i32(), s.pzxid = r.i64();
  return s;
}

bool read(const history::request& asked, jute::reader& r, history::result& out) {
  using zk::op;
  switch (asked.op) {
    case op::call: {
      auto path = r.ustring();
      auto before = call_path(asked) + "/";
      if (!path.starts_with(before)) return false;
      out.data = path.substr(before.size());
      break;
    }
    case op::create:
    case op::sync:
      out.path = r.ustring();
      break;
    case op::create2:
      out.path = r.ustring(), out.stat = stat_from(r);
      break;
    case op::set_data:
    case op::set_acl:
    case op::exists:
      out.stat = stat_from(r);
      break;
    case op::get_data:
      out.data = r.buffer(), out.stat = stat_from(r);
      break;
    case op::get_children:
    case op::get_children2:
      for (auto n = r.count(4); n && r.ok(); --n) out.children.emplace_back(r.ustring());
      std::sort(out.children.begin(), out.children.end());
      if (asked.op == op::get_children2) out.stat = stat_from(r);
      break;
    case op::get_acl:
      out.acl = zk::read_acl(r), out.stat = stat_from(r);
      break;
    case op::multi: {
      std::size_t n = 0;
      for (;; ++n) {
        auto type = r.i32();
        bool done = r.boolean();
        r.i32();  // the error once more
        if (!r.ok()) return false;
        if (done) break;
        history::result part;
        if (type == static_cast<std::int32_t>(op::error)) {
          part.error = static_cast<zk::err>(r.i32());
        } else if (n >= asked.parts.size() || type != static_cast<std::int32_t>(asked.parts[n].op) ||
                   !read(asked.parts[n], r, part)) {
          return false;
        }
        out.parts.push_back(std::move(part));
      }
      if (n != asked.parts.size()) return false;
      break;
    }
    default:
      break;
  }
  return r.ok();
}

}  // namespace

std::string encode(const history::request& r) {
  std::string out;
  jute::writer w(out);
  body(w, r);
  return out;
}

bool decode(const history::request& asked, std::string_view bytes, history::result& out) {
  jute::reader r(bytes);
  return read(asked, r, out) && r.done();
}

}  // namespace troupe::sim

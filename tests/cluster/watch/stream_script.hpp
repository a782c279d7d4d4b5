#pragma once
/// Builds a stream batch item by item, and tells what was delivered as lines of text.

#include <string>
#include <string_view>
#include <vector>

#include "cluster/commit/stream.hpp"
#include "schema/jute.hpp"

namespace troupe::watch {

using kind = stream_item::kind;
using lines = std::vector<std::string>;

inline tree::acl_ref acl_of(std::int32_t perms, std::string scheme, std::string name) {
  return std::make_shared<const zk::acl_list>(zk::acl_list{{perms, {std::move(scheme), std::move(name)}}});
}

struct script {
  stream_batch batch;

  script& reply(conn_id c, std::string_view text, kind what = kind::reply) {
    auto at = batch.bytes.size();
    jute::writer w(batch.bytes);
    w.buffer(text);
    return add({.what = what, .at = u32(at), .size = u32(batch.bytes.size() - at), .conn = c});
  }
  script& watch(conn_id c, watch_table t, std::string_view path) {
    return add({.what = kind::watch, .table = t, .conn = c}, path);
  }
  script& data(conn_id c, std::string_view path) { return watch(c, watch_table::data, path); }
  script& child(conn_id c, std::string_view path) { return watch(c, watch_table::child, path); }
  script& event(conn_id c, zk::event e, zxid_t z, std::string_view path) {
    return add({.what = kind::event, .event = e, .conn = c, .zxid = z}, path);
  }
  script& change(zk::event e, zxid_t z, std::string_view path, tree::acl_ref node = {}, tree::acl_ref parent = {}) {
    batch.acls.push_back(std::move(node)), batch.acls.push_back(std::move(parent));
    return add({.what = kind::change, .event = e, .index = u32(batch.acls.size() - 2), .zxid = z}, path);
  }
  script& created(zxid_t z, std::string_view path) { return change(zk::event::node_created, z, path); }
  script& deleted(zxid_t z, std::string_view path) { return change(zk::event::node_deleted, z, path); }
  script& changed(zxid_t z, std::string_view path) { return change(zk::event::node_data_changed, z, path); }
  script& identity(conn_id c, tree::credentials who) {
    batch.creds.push_back(std::make_shared<const tree::credentials>(std::move(who)));
    return add({.what = kind::identity, .index = u32(batch.creds.size() - 1), .conn = c});
  }
  script& of(kind what, conn_id c) { return add({.what = what, .conn = c}); }

 private:
  static std::uint32_t u32(std::size_t n) { return static_cast<std::uint32_t>(n); }
  script& add(stream_item i, std::string_view path = {}) {
    if (!path.empty()) i.at = u32(batch.text.size()), i.size = u32(path.size()), batch.text += path;
    batch.items.push_back(i);
    return *this;
  }
};

/// "3: reply text", "3: created /p @7 (zxid)", "3: closed"; a reply that closes gives two lines.
inline lines told(const delivery_batch& out) {
  static const char* names[] = {"", "created", "deleted", "changed", "children"};
  lines result;
  for (auto& i : out.items) {
    auto who = std::to_string(i.conn) + ": ";
    if (i.size) {
      jute::reader r(std::string_view(out.bytes).substr(i.at, i.size));
      auto length = static_cast<std::size_t>(r.i32());
      if (length != r.left()) {
        result.push_back(who + "frame of wrong length");
      } else if (i.is_reply) {
        result.push_back(who + std::string(r.rest()));
      } else {
        auto xid = r.i32();
        auto zxid = r.i64();
        auto error = r.i32(), type = r.i32(), state = r.i32();
        auto path = std::string(r.ustring());
        auto good = r.done() && xid == -1 && error == 0 && state == 3 && type >= 1 && type <= 4;
        result.push_back(who + (good ? names[type] + (" " + path) + " @" + std::to_string(zxid) : "bad event"));
      }
    }
    if (i.close) result.push_back(who + "closed");
  }
  return result;
}

}  // namespace troupe::watch

#pragma once
/// Building frames in the stream, in place.

#include <string_view>

#include "cluster/commit/stream.hpp"
#include "schema/jute.hpp"

namespace troupe::commit {

inline void write_reply_header(jute::writer& w, std::int32_t xid, zxid_t zxid, zk::err e) {
  w.i32(xid), w.i64(zxid), w.i32(static_cast<std::int32_t>(e));
}

/// Appends one frame, whose payload `write(jute::writer&)` makes, to `out`.
template <class F>
void append_frame(std::string& out, F&& write) {
  jute::writer w(out);
  auto at = w.begin_frame();
  write(w);
  w.end_frame(at);
}

/// Appends the item for the reply that begins at `begin` in stream.bytes and goes to its end.
inline void push_reply(stream_batch& s, conn_id conn, std::size_t begin, bool last = false) {
  auto& i = s.items.emplace_back();
  i.what = last ? stream_item::kind::last_reply : stream_item::kind::reply;
  i.at = static_cast<std::uint32_t>(begin), i.size = static_cast<std::uint32_t>(s.bytes.size() - begin);
  i.conn = conn;
}

/// Appends an item about a path (watch, event, change), to be filled in further.
inline stream_item& push_path(stream_batch& s, stream_item::kind what, conn_id conn, std::string_view path) {
  auto& i = s.items.emplace_back();
  i.what = what, i.conn = conn;
  i.at = static_cast<std::uint32_t>(s.text.size()), i.size = static_cast<std::uint32_t>(path.size());
  s.text.append(path);
  return i;
}

inline void push_plain(stream_batch& s, stream_item::kind what, conn_id conn) {
  auto& i = s.items.emplace_back();
  i.what = what, i.conn = conn;
}

}  // namespace troupe::commit

#include <algorithm>

#include "cluster/commit/handshake.hpp"
#include "cluster/commit/processor.hpp"
#include "cluster/session/password.hpp"

namespace troupe::commit {

void commit_processor::impl::on_opened(conn_id id, std::string_view address, effects& fx) {
  if (current == role::looking) return push_plain(fx.stream, stream_item::kind::close, id);
  auto& c = connections[id];
  c.id = id;
  c.creds = std::make_shared<const tree::credentials>(tree::credentials{{"ip", std::string(address)}});
  auto& i = fx.stream.items.emplace_back();
  i.what = stream_item::kind::identity, i.conn = id, i.index = static_cast<std::uint32_t>(fx.stream.creds.size());
  fx.stream.creds.push_back(c.creds);
}

void commit_processor::impl::on_closed(conn_id id, effects& fx) {
  auto* c = find(id);
  if (!c) return;  // we closed it
  push_plain(fx.stream, stream_item::kind::closed, id);
  forget(*c);
}

void commit_processor::impl::forget(connection& c) {
  if (auto it = attached.find(c.session); it != attached.end() && it->second == c.id) attached.erase(it);
  subscriptions -= c.subscriptions.size(), subscription_path_bytes -= c.subscription_path_bytes;
  connections.erase(c.id);
}

void commit_processor::impl::close(connection& c, effects& fx) {
  push_plain(fx.stream, stream_item::kind::close, c.id);
  forget(c);
}

void commit_processor::impl::close_all(effects& fx) {
  std::vector<conn_id> ids;
  for (auto& [id, c] : connections) ids.push_back(id);
  std::sort(ids.begin(), ids.end());  // the same order in every run
  for (auto id : ids) push_plain(fx.stream, stream_item::kind::close, id);
  connections.clear(), attached.clear(), touched.clear();
  subscriptions = subscription_path_bytes = 0;
}

void commit_processor::impl::on_connect(connection& c, std::string_view frame, std::int64_t now_ms, effects& fx) {
  auto request = decode_connect(frame);
  if (!request || request->last_zxid_seen > db->zxid()) return close(c, fx);  // it has seen more than we have
  c.wants_read_only = request->has_read_only;
  c.at = connection::state::connecting;
  session_request s;
  s.reattach = request->session != 0;
  s.timeout_ms = std::clamp(request->timeout_ms, cfg.min_session_timeout_ms, cfg.max_session_timeout_ms);
  if (s.reattach) {
    s.session = request->session;
    if (!session::password_fits(s.session, request->password)) return refuse(c, fx);
    if (auto other = attached.find(s.session); other != attached.end()) close(*find(other->second), fx);
  } else {
    s.session = next_session++;
  }
  c.session = s.session;
  submit(c, {waiting::kind::write, zk::op::create_session, 0, {}}, encode(s), now_ms, fx);
}

void commit_processor::impl::establish(connection& c, session_id s, std::int32_t timeout_ms, effects& fx) {
  if (auto other = attached.find(s); other != attached.end() && other->second != c.id) close(*find(other->second), fx);
  attached[s] = c.id;
  c.session = s;
  c.at = connection::state::open;
  touch(c);
  auto begin = fx.stream.bytes.size();
  append_frame(fx.stream.bytes, [&](auto& w) { write_connect_response(w, s, timeout_ms, c.wants_read_only); });
  push_reply(fx.stream, c.id, begin);
  c.queue.pop();
  replay_early(c.id, now_ms, fx);
}

void commit_processor::impl::refuse(connection& c, effects& fx) {
  auto begin = fx.stream.bytes.size();
  append_frame(fx.stream.bytes, [&](auto& w) { write_connect_response(w, 0, 0, c.wants_read_only); });
  push_reply(fx.stream, c.id, begin, true);
  forget(c);
}

void commit_processor::impl::replay_early(conn_id id, std::int64_t now_ms, effects& fx) {
  auto* c = find(id);
  auto early = std::move(c->early);
  c->early.clear(), c->early_bytes = 0;
  for (auto& frame : early) {
    if (!(c = find(id))) return;
    on_frame(*c, frame, now_ms, fx);
  }
}

void commit_processor::impl::on_auth(connection& c, std::int32_t xid, std::string_view body, effects& fx) {
  jute::reader r(body);
  r.i32();  // type: always 0
  auto scheme = r.ustring(), data = r.buffer();
  bool ok = r.ok() && (scheme == "digest" || scheme == "ip");  // "ip" says what we know already
  if (ok && scheme == "digest") {
    auto who = tree::digest_id(data);
    if (std::find(c.creds->begin(), c.creds->end(), who) == c.creds->end()) {
      auto bytes = who.scheme.size() + who.name.size();
      for (auto& one : *c.creds) bytes += one.scheme.size() + one.name.size();
      ok = c.creds->size() < max_identities && bytes <= max_identity_bytes;
      if (ok) {
        auto more = *c.creds;
        more.push_back(std::move(who));
        c.creds = std::make_shared<const tree::credentials>(std::move(more));
        auto& i = fx.stream.items.emplace_back();
        i.what = stream_item::kind::identity, i.conn = c.id;
        i.index = static_cast<std::uint32_t>(fx.stream.creds.size());
        fx.stream.creds.push_back(c.creds);
      }
    }
  }
  auto begin = fx.stream.bytes.size();
  append_frame(fx.stream.bytes, [&](auto& w) {  // ZooKeeper's replies to auth carry zxid 0
    write_reply_header(w, xid, 0, ok ? zk::err::ok : zk::err::auth_failed);
  });
  push_reply(fx.stream, c.id, begin, !ok);
  if (!ok) forget(c);
}

}  // namespace troupe::commit

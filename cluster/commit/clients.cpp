#include "cluster/commit/call.hpp"
#include "cluster/commit/processor.hpp"
#include "cluster/commit/reads.hpp"

namespace troupe::commit {

namespace {

/// Requests that only the leader can answer (FollowerRequestProcessor).
bool goes_to_leader(zk::op op) {
  switch (op) {
    case zk::op::create:
    case zk::op::create2:
    case zk::op::del:
    case zk::op::set_data:
    case zk::op::set_acl:
    case zk::op::multi:
    case zk::op::sync:
    case zk::op::close_session:
      return true;
    default:
      return false;
  }
}

}  // namespace

void commit_processor::impl::touch(connection& c) {
  if (c.touch_round == touch_round || !c.session) return;
  c.touch_round = touch_round;
  touched.push_back(c.session);
}

void commit_processor::impl::heard_of(session_id s) {
  if (s && (touched.empty() || touched.back() != s)) touched.push_back(s);
}

void commit_processor::impl::on_frame(connection& c, std::string_view frame, std::int64_t now_ms, effects& fx) {
  switch (c.at) {
    case connection::state::fresh:
      return on_connect(c, frame, now_ms, fx);
    case connection::state::closing:
      return;
    case connection::state::connecting:
      c.early_bytes += frame.size();
      if (c.early.size() == max_waiting_requests || c.early_bytes > max_waiting_bytes) return close(c, fx);
      c.early.emplace_back(frame);
      return;
    case connection::state::open:
      break;
  }
  touch(c);
  jute::reader r(frame);
  auto xid = r.i32();
  auto op = static_cast<zk::op>(r.i32());
  if (!r.ok()) return close(c, fx);
  if (op == zk::op::ping) {  // may overtake: clients match it by its xid
    auto begin = fx.stream.bytes.size();
    append_frame(fx.stream.bytes, [&](auto& w) { write_reply_header(w, zk::xid_ping, db->zxid(), zk::err::ok); });
    return push_reply(fx.stream, c.id, begin);
  }
  if (op == zk::op::auth) return on_auth(c, xid, r.rest(), fx);
  if ((op == zk::op::call && on_actor_port(c.id)) || calls(op, r.rest()))
    return on_call(c, xid, op, r.rest(), now_ms, fx);
  if (op == zk::op::ask && on_actor_port(c.id)) return ask(c, xid, r.rest(), fx);
  if (goes_to_leader(op)) return submit(c, {waiting::kind::write, op, xid, {}}, r.rest(), now_ms, fx);
  serve(c, xid, op, r.rest(), fx);
}

void commit_processor::impl::submit(connection& c, waiting w, std::string_view body, std::int64_t now_ms, effects& fx) {
  if (c.queue.size() >= max_waiting_requests || c.queue.bytes() + w.bytes.size() > max_waiting_bytes)
    return close(c, fx);
  auto op = w.op;
  auto xid = w.xid;
  if (op == zk::op::close_session) c.at = connection::state::closing;
  auto id = pending.add(c.id, c.queue.push(std::move(w)));
  if (current == role::leading) {
    preparing.prepare({cfg.self, id, c.session, op, body, *c.creds}, now_ms, fx.proposals);
  } else {
    fx.forward.push_back({id, c.session, xid, op, std::string(body), c.creds});
  }
}

bool commit_processor::impl::serve(connection& c, std::int32_t xid, zk::op op, std::string_view body, effects& fx) {
  if (c.queue.empty()) return answer_locally(c, xid, op, body, fx);
  if (c.queue.size() >= max_waiting_requests || c.queue.bytes() + body.size() > max_waiting_bytes)
    return close(c, fx), false;
  c.queue.push({waiting::kind::local, op, xid, std::string(body)});
  return true;
}

bool commit_processor::impl::answer_locally(connection& c, std::int32_t xid, zk::op op, std::string_view body,
                                            effects& fx) {
  if (fx.stream.bytes.size() > max_step_bytes) return close(c, fx), false;
  if ((op == zk::op::call && on_actor_port(c.id)) || calls(op, body)) return answer_call(c, xid, op, body, fx), true;
  if (is_read(op)) return answer_read(*db, {c.id, *c.creds}, xid, op, body, fx.stream), true;
  if (on_actor_port(c.id) && op == zk::op::subscribe) return subscribe(c, xid, body, fx);
  if (on_actor_port(c.id) && op == zk::op::unsubscribe) return unsubscribe(c, xid, body, fx), true;
  // What we know but do not serve costs an error; what is no request at all costs the connection, as in ZooKeeper. An
  // actor client may be newer than we are, and its gateway has seen that it sent a request.
  bool known = op == zk::op::create_container || op == zk::op::create_ttl || on_actor_port(c.id);
  auto begin = fx.stream.bytes.size();
  append_frame(fx.stream.bytes, [&](auto& w) { write_reply_header(w, xid, db->zxid(), zk::err::unimplemented); });
  push_reply(fx.stream, c.id, begin, !known);
  if (!known) forget(c);
  return known;
}

}  // namespace troupe::commit

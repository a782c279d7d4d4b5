#include <stdexcept>

#include "cluster/commit/call.hpp"
#include "cluster/commit/processor.hpp"
#include "cluster/commit/results.hpp"
#include "cluster/planted_bug.hpp"
#include "schema/flat_message.hpp"

namespace troupe::commit {

namespace {

zk::event event_of(tree::applied_change::kind k) {
  using kind = tree::applied_change::kind;
  return k == kind::created   ? zk::event::node_created
         : k == kind::deleted ? zk::event::node_deleted
                              : zk::event::node_data_changed;
}

/// How a request that waits is answered if it is a call.
std::optional<call_reply_form> call_of(const waiting& w) {
  if (w.op != zk::op::call && w.bytes.empty()) return {};
  return call_reply_form{w.op, w.bytes, w.text};
}

}  // namespace

void commit_processor::impl::apply(const log_record& record, effects& fx) {
  wire::flat_message message(record.payload);
  auto txn = message.get<wire::Transaction>();
  auto before = db->zxid();
  applied.clear();
  db->apply(record.zxid, txn, applied);
  if (current == role::leading) preparing.applied();
  if (!planted(planted_bug::reply_before_event)) publish(record, before, fx);
  auto own = txn.getOriginNode() == cfg.self ? pending.peek(txn.getRequestId()) : pending_requests::entry{};
  for (auto& a : applied) {  // whoever is connected on a session that ended, but did not ask for it, is cut off
    if (a.what != tree::applied_change::kind::session_closed) continue;
    auto it = attached.find(a.session);
    if (it != attached.end() && it->second != own.conn) close(*find(it->second), fx);
  }
  if (own.conn) {
    auto result = txn.getResult();
    settle_transaction(txn.getRequestId(), record.zxid, {reinterpret_cast<const char*>(result.begin()), result.size()},
                       fx);
  }
  if (planted(planted_bug::reply_before_event)) publish(record, before, fx);
  release_replies(fx);
}

void commit_processor::impl::publish(const log_record& record, zxid_t before, effects& fx) {
  using kind = tree::applied_change::kind;
  auto zxid = record.zxid;
  if (subscriptions) {
    auto& i = fx.stream.items.emplace_back();
    i.what = stream_item::kind::transaction, i.zxid = zxid;
    i.index = static_cast<std::uint32_t>(fx.stream.transactions.size());
    fx.stream.transactions.push_back({before, record.payload});
  }
  for (auto& a : applied) {
    switch (a.what) {
      case kind::created:
      case kind::deleted:
      case kind::data_changed: {
        auto& i = push_path(fx.stream, stream_item::kind::change, 0, a.path);
        i.event = event_of(a.what), i.zxid = zxid, i.index = static_cast<std::uint32_t>(fx.stream.acls.size());
        fx.stream.acls.push_back(a.acl), fx.stream.acls.push_back(a.parent_acl);
        break;
      }
      case kind::session_opened:
        fx.sessions.push_back({a.session, a.timeout_ms, true});
        break;
      case kind::session_closed:
        fx.sessions.push_back({a.session, 0, false});
        if (current == role::leading) preparing.forget_owner(a.session);
        break;
      case kind::none:
      case kind::acl_changed:
        break;
    }
  }
}

template <class F>
void commit_processor::impl::answer(connection& c, std::uint64_t number, bool last, effects& fx, F&& write) {
  if (number != c.queue.front_number()) {  // others before it
    auto* w = c.queue.find(number);
    if (!w) throw std::logic_error("commit: request " + std::to_string(number) + " was answered twice");
    std::string frame;
    append_frame(frame, write);
    c.queue.set_bytes(*w, std::move(frame));
    w->what = last ? waiting::kind::last_answer : waiting::kind::answered;
    if (c.queue.bytes() > max_waiting_bytes) close(c, fx);
    return;
  }
  auto begin = fx.stream.bytes.size();
  append_frame(fx.stream.bytes, write);
  push_reply(fx.stream, c.id, begin, last);
  if (last) return forget(c);
  c.queue.pop();
  if (!c.queue.empty()) drain(c, fx);
}

void commit_processor::impl::answer_with(connection& c, std::uint64_t number, std::int32_t xid, zk::err e,
                                         std::string_view body, effects& fx) {
  answer(c, number, false, fx, [&](jute::writer& out) {
    write_reply_header(out, xid, db->zxid(), e);
    out.out() += body;
  });
}

void commit_processor::impl::drain(connection& c, effects& fx) {
  while (!c.queue.empty() && c.queue.front().what != waiting::kind::write) {
    auto w = std::move(c.queue.front());
    c.queue.pop_moved(w.bytes.size());
    if (w.what == waiting::kind::local) {
      if (!answer_locally(c, w.xid, w.op, w.bytes, fx)) return;
      continue;
    }
    auto begin = fx.stream.bytes.size();
    fx.stream.bytes += w.bytes;
    bool last = w.what == waiting::kind::last_answer;
    push_reply(fx.stream, c.id, begin, last);
    if (last) return forget(c);
  }
}

void commit_processor::impl::settle_transaction(std::uint64_t id, zxid_t zxid, std::string_view result, effects& fx) {
  auto own = pending.settle(id);
  auto* c = find(own.conn);
  if (!c) return;  // its client went away meanwhile
  auto* w = c->queue.find(own.number);
  if (!w) throw std::logic_error("commit: a transaction of request " + std::to_string(id) + ", which was answered");
  auto op = w->op;
  auto xid = w->xid;
  if (op == zk::op::create_session) {
    auto* s = db->find_session(c->session);
    return s ? establish(*c, c->session, s->timeout_ms, fx) : refuse(*c, fx);
  }
  auto call = call_of(*w);
  answer(*c, own.number, op == zk::op::close_session, fx, [&](jute::writer& out) {
    write_reply_header(out, xid, zxid, zk::err::ok);
    call ? write_call_reply(out, *call, result) : write_result(out, op, applied);
  });
}

void commit_processor::impl::settle_reply(const reply_only& r, effects& fx) {
  auto own = pending.settle(r.id);
  auto* c = own.conn ? find(own.conn) : nullptr;
  if (!c) return;
  auto* w = c->queue.find(own.number);
  if (!w) throw std::logic_error("commit: an outcome of request " + std::to_string(r.id) + ", which was answered");
  if (w->op == zk::op::create_session) {
    // A close of the session may have been applied while this was under way.
    auto* s = r.error == zk::err::ok ? db->find_session(c->session) : nullptr;
    return s ? establish(*c, c->session, s->timeout_ms, fx) : refuse(*c, fx);
  }
  if (r.error == zk::err::session_moved) return close(*c, fx);  // its client is connected elsewhere by now
  auto xid = w->xid;
  auto call = call_of(*w);
  answer(*c, own.number, w->op == zk::op::close_session, fx, [&](jute::writer& out) {
    if (call) return write_call_outcome(out, xid, db->zxid(), *call, r.error, r.body);
    write_reply_header(out, xid, db->zxid(), r.error);
    if (r.error == zk::err::ok) out.out() += r.body;
  });
}

void commit_processor::impl::release_replies(effects& fx) {
  while (!held.empty() && held.front().after <= db->zxid()) {
    auto r = std::move(held.front());
    held.pop_front();
    settle_reply(r, fx);
  }
}

}  // namespace troupe::commit

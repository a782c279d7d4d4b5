#include "cluster/commit/preparation.hpp"

#include "cluster/commit/call.hpp"
#include "cluster/planted_bug.hpp"

namespace troupe::commit {

using zk::err;

std::string encode(const session_request& r) {
  std::string out;
  jute::writer w(out);
  w.i64(r.session), w.i32(r.timeout_ms), w.boolean(r.reattach);
  return out;
}

void preparation::start(const tree::database& db) {
  pending_.reset(&db);
  txn_.clear(), owners_.clear();
}

void preparation::stop() {
  pending_.reset(nullptr);
  txn_.clear(), owners_.clear();
}

void preparation::answer(const request_view& r, err e, std::vector<prepared>& out, std::string body) {
  auto& p = out.emplace_back();
  p.origin = r.origin;
  p.reply.id = r.id, p.reply.error = e, p.reply.body = std::move(body);
  p.confirm = true;
}

err preparation::check_session(const request_view& r) {
  if (!pending_.session_alive(r.session)) return err::session_expired;
  auto [owner, first] = owners_.try_emplace(r.session, r.origin);
  return owner->second == r.origin || planted(planted_bug::stray_request) ? err::ok : err::session_moved;
}

void preparation::propose(const request_view& r, std::int64_t now_ms, bool bounded, std::vector<prepared>& out) {
  auto payload = txn_.build(r.session, now_ms, r.origin, r.id);
  auto acls = txn_.acl_before_bytes();  // nothing of the request's: ZooKeeper's transactions have none
  if (bounded && (acls > max_session_ephemeral_bytes || payload.size() > max_transaction_bytes() + acls)) {
    pending_.rollback();
    return answer(r, err::marshalling_error, out, "the transaction would be too large");
  }
  pending_.commit(payload);
  auto& p = out.emplace_back();
  p.txn = std::move(payload), p.origin = r.origin, p.reply.id = r.id;
}

namespace {
bool needs_space(zk::op o) {
  using zk::op;
  return o == op::create || o == op::create2 || o == op::set_data || o == op::set_acl || o == op::multi;
}
}  // namespace

void preparation::prepare(const request_view& r, std::int64_t now_ms, std::vector<prepared>& out) {
  txn_.clear();
  if (r.op == zk::op::call || calls(r.op, r.body)) return call(r, now_ms, out);
  if (space_low_ && needs_space(r.op)) return answer(r, err::system_error, out);
  switch (r.op) {
    case zk::op::create_session:
      return session(r, now_ms, out);
    case zk::op::close_session: {
      auto e = check_session(r);
      return e == err::ok ? close(r, now_ms, out) : answer(r, e, out);
    }
    case zk::op::multi:
      return multi(r, now_ms, out);
    case zk::op::sync:
      return sync(r, out);
    case zk::op::create:
    case zk::op::create2:
    case zk::op::del:
    case zk::op::set_data:
    case zk::op::set_acl:
      return single(r, now_ms, out);
    default:
      return answer(r, err::unimplemented, out);
  }
}

void preparation::sync(const request_view& r, std::vector<prepared>& out) {
  jute::reader body(r.body);
  auto path = body.ustring();
  if (!body.ok()) return answer(r, err::marshalling_error, out);
  if (auto e = check_session(r); e != err::ok) return answer(r, e, out);
  std::string record;
  jute::writer(record).ustring(path);
  answer(r, err::ok, out, std::move(record));
}

void preparation::session(const request_view& r, std::int64_t now_ms, std::vector<prepared>& out) {
  jute::reader body(r.body);
  session_request s{body.i64(), body.i32(), body.boolean()};
  if (!body.done() || s.session == 0) return answer(r, err::marshalling_error, out);
  if (s.reattach) {
    auto alive = pending_.session_alive(s.session);
    if (alive && !planted(planted_bug::zk_710)) owners_[s.session] = r.origin;
    return answer(r, alive ? err::ok : err::session_expired, out);
  }
  if (pending_.session_alive(s.session)) return answer(r, err::session_expired, out);  // its id is taken
  pending_.begin();
  pending_.open_session(s.session);
  txn_.changes.push_back(
      {change_draft::kind::open_session, zk::op::create_session, {}, {}, {}, s.session, s.timeout_ms});
  propose(r, now_ms, true, out);
  owners_[s.session] = r.origin;
}

void preparation::close(const request_view& r, std::int64_t now_ms, std::vector<prepared>& out) {
  pending_.begin();
  for (auto& path : pending_.ephemerals_of(r.session)) {
    auto kept = txn_.keep(std::move(path));
    auto slash = kept.rfind('/');
    --pending_.touch(slash == 0 ? kept.substr(0, 1) : kept.substr(0, slash)).children;
    auto& n = pending_.touch(kept);
    auto acl = n.acl ? tree::canonical(*n.acl) : std::string();
    n = {};
    txn_.changes.push_back({change_draft::kind::del, zk::op::close_session, kept, {}, {}, 0, 0, std::move(acl)});
  }
  pending_.close_session(r.session);
  txn_.changes.push_back({change_draft::kind::close_session, zk::op::close_session, {}, {}, {}, r.session, 0});
  propose(r, now_ms, false, out);
}

void preparation::expire(session_id s, std::int64_t now_ms, std::vector<prepared>& out) {
  if (!pending_.session_alive(s)) return;
  txn_.clear();
  request_view r;
  r.session = s;
  close(r, now_ms, out);
}

void preparation::single(const request_view& r, std::int64_t now_ms, std::vector<prepared>& out) {
  jute::reader body(r.body);
  if (!decode(r.op, body, operation_)) return answer(r, err::marshalling_error, out);
  bool creates = r.op == zk::op::create || r.op == zk::op::create2;
  auto e = creates ? check_flags(operation_) : err::ok;
  if (e == err::ok) e = check_session(r);
  if (e != err::ok) return answer(r, e, out);
  pending_.begin();
  e = prepare_operation(operation_, {r.session, r.creds}, pending_, txn_);
  e == err::ok ? propose(r, now_ms, true, out) : answer(r, e, out);
}

void preparation::multi(const request_view& r, std::int64_t now_ms, std::vector<prepared>& out) {
  if (!decode_multi(r.body, operations_)) return answer(r, err::marshalling_error, out);
  if (auto e = check_session(r); e != err::ok) return answer(r, e, out);
  pending_.begin();
  for (std::size_t i = 0; i < operations_.size(); ++i) {
    auto e = prepare_operation(operations_[i], {r.session, r.creds}, pending_, txn_);
    if (e == err::ok) continue;
    pending_.rollback();
    std::string results;
    jute::writer w(results);
    write_failed_multi(w, operations_.size(), i, e);
    return answer(r, err::ok, out, std::move(results));
  }
  if (operations_.empty()) {  // legal; leaves nothing to agree on
    std::string results;
    jute::writer w(results);
    write_failed_multi(w, 0, 0, err::ok);
    return answer(r, err::ok, out, std::move(results));
  }
  propose(r, now_ms, true, out);
}

}  // namespace troupe::commit

/// Transactions that nobody asked for, or somebody else.

#include "tests/history/test/mutation_view.hpp"

namespace troupe::history::test {

namespace {

bool is_close(const txn& t) { return t.changes.back().what == change::kind::close_session; }

/// Every opening whose client was never told is taken to be one of those that were lost: here is one more.
bool opened_for_nobody(history& h, dice&) {
  view v(h);
  std::map<session_id, bool> told;
  std::ptrdiff_t lost = 0;
  for (auto& e : h.entries) {
    if (e.what == kind::connected) told[e.session] = true;
    if (e.what == kind::call && e.asked.op == zk::op::create_session && !e.asked.session) ++lost;
    if ((e.what == kind::connected || e.what == kind::expired) && !v.asked(e).session) --lost;
  }
  for (auto& t : h.log)
    if (t.changes.back().what == change::kind::open_session && !told[t.changes.back().session]) --lost;
  for (; lost >= 0; --lost) {
    txn t;
    t.zxid = h.log.back().zxid + 1, t.session = 1'000'000 + lost, t.origin = 1, t.time_ms = h.log.back().time_ms;
    change c;
    c.what = change::kind::open_session, c.op = zk::op::create_session, c.session = t.session, c.timeout_ms = 4000;
    t.changes.push_back(c);
    h.log.push_back(t);
  }
  return true;
}

bool written_by_nobody(history& h, dice&) {
  txn t;
  t.zxid = h.log.back().zxid + 1, t.time_ms = h.log.back().time_ms;
  change c;
  c.what = change::kind::set_data, c.op = zk::op::set_data, c.path = "/", c.data = "by nobody", c.version = 1;
  t.changes.push_back(c);
  h.log.push_back(t);
  return true;
}

bool expired_for_another(history& h, dice& d) {
  view v(h);
  auto* t = v.one_txn(d, [](auto& x) { return is_close(x) && x.origin == 0; });
  auto* other = v.one_txn(d, [&](auto& x) { return t && x.session && x.session != t->session; });
  if (!other) return false;
  t->session = other->session;
  return true;
}

bool closes_another(history& h, dice& d) {
  view v(h);
  auto* e = v.reply_to(d, [&](auto& x, auto& r) { return r.op == zk::op::close_session && v.granted(x); });
  if (!e || !v.at(e->zxid)) return false;
  auto* other = v.one_txn(d, [&](auto& x) { return x.session && x.session != e->session; });
  if (!other) return false;
  v.at(e->zxid)->changes.back().session = other->session;
  return true;
}

bool one_transaction_for_two(history& h, dice& d) {
  view v(h);
  auto* second = v.reply_to(d, [&](auto& x, auto&) { return v.writes(x) && v.granted(x) && v.at(x.zxid); });
  if (!second) return false;
  auto* first = v.reply_to(d, [&](auto& x, auto&) {
    return v.writes(x) && v.granted(x) && v.at(x.zxid) && v.calls.at(x.call) < v.calls.at(second->call);
  });
  if (!first) return false;
  second->zxid = first->zxid;
  return true;
}

}  // namespace

std::vector<mutation> asker_mutations() {
  return {
      {"a session that nobody asked for", "asked", opened_for_nobody},
      {"a write on behalf of no session", "asked", written_by_nobody},
      {"a session expires on behalf of another", "asked", expired_for_another},
      {"a close ends another session", "acknowledged", closes_another},
      {"two writes are acknowledged with one transaction", "acknowledged", one_transaction_for_two},
  };
}

}  // namespace troupe::history::test

#include "tests/history/test/mutation_view.hpp"

namespace troupe::history::test {

namespace {

bool lose_acknowledged(history& h, dice& d) {
  view v(h);
  auto* e = v.one(d, [&](auto& x) { return v.granted(x) && v.writes(x) && v.at(x.zxid); });
  if (!e) return false;
  h.log.erase(h.log.begin() + (v.at(e->zxid) - h.log.data()));
  return true;
}

bool repeat_transaction(history& h, dice& d) {
  view v(h);
  auto* t = v.one_txn(d, [](auto& x) { return x.changes.back().what == change::kind::set_data; });
  if (!t) return false;
  auto again = *t;
  again.zxid = h.log.back().zxid + 1;
  h.log.push_back(std::move(again));
  return true;
}

bool gap(history& h, dice& d) {
  if (h.log.size() < 4) return false;
  auto i = 1 + d.below(h.log.size() - 2);
  h.log.erase(h.log.begin() + static_cast<std::ptrdiff_t>(i));
  // Nothing was lost if an epoch happens to end just there.
  return epoch_of(h.log[i - 1].zxid) == epoch_of(h.log[i].zxid) || counter_of(h.log[i].zxid) != 1;
}

bool swap_transactions(history& h, dice& d) {
  if (h.log.size() < 4) return false;
  auto i = d.below(h.log.size() - 1);
  std::swap(h.log[i], h.log[i + 1]);
  return true;
}

bool wrong_version_in_log(history& h, dice& d) {
  auto* t = view(h).one_txn(d, [](auto& x) { return x.changes.back().what == change::kind::set_data; });
  if (!t) return false;
  t->changes.back().version += 1;
  return true;
}

bool sequence_used_again(history& h, dice& d) {
  auto* t = view(h).one_txn(
      d, [](auto& x) { return x.changes.back().what == change::kind::create && x.changes.back().parent_creates > 1; });
  if (!t) return false;
  t->changes.back().parent_creates -= 1;
  return true;
}

bool sequential_name_again(history& h, dice& d) {
  view v(h);
  auto* e = v.reply_to(d, [&](auto& x, auto& r) {
    return (r.op == zk::op::create || r.op == zk::op::create2) && r.flags & request::sequential && v.granted(x);
  });
  if (!e) return false;
  auto* t = v.at(e->zxid);
  auto& path = t->changes.back().path;
  if (path.back() == '0') return false;
  --path.back();
  e->got.path = path;
  return true;
}

bool parent_missing(history& h, dice& d) {
  auto* t = view(h).one_txn(d, [](auto& x) { return x.changes.back().what == change::kind::create; });
  if (!t) return false;
  t->changes.back().path = "/nowhere" + t->changes.back().path;
  return true;
}

bool half_a_multi(history& h, dice& d) {
  view v(h);
  auto* t = v.one_txn(
      d, [&](auto& x) { return x.changes.size() > 1 && x.changes.back().what != change::kind::close_session; });
  if (!t) return false;
  t->changes.pop_back();
  // An acknowledged one is missed by another rule.
  auto zxid = t->zxid;
  for (auto& e : h.entries)
    if (e.what == kind::reply && v.granted(e) && v.writes(e) && e.zxid == zxid) return false;
  return true;
}

bool half_an_acknowledged_multi(history& h, dice& d) {
  view v(h);
  auto* e =
      v.reply_to(d, [&](auto& x, auto& r) { return r.op == zk::op::multi && r.parts.size() > 1 && v.granted(x); });
  if (!e) return false;
  v.at(e->zxid)->changes.pop_back();
  return true;
}

bool ephemeral_survives(history& h, dice& d) {
  auto* t = view(h).one_txn(
      d, [](auto& x) { return x.changes.size() > 1 && x.changes.back().what == change::kind::close_session; });
  if (!t) return false;
  t->changes.erase(t->changes.begin() + static_cast<std::ptrdiff_t>(d.below(t->changes.size() - 1)));
  return true;
}

bool ephemeral_of_the_dead(history& h, dice& d) {
  view v(h);
  auto* close = v.one_txn(
      d, [&](auto& x) { return x.changes.back().what == change::kind::close_session && &x != &h.log.back(); });
  if (!close) return false;
  auto session = close->changes.back().session;
  for (auto& t : h.log) {
    if (t.zxid <= close->zxid || t.changes.back().what != change::kind::create) continue;
    t.session = session, t.changes.back().ephemeral_owner = session;
    return true;
  }
  return false;
}

bool closed_twice(history& h, dice& d) {
  auto* t = view(h).one_txn(d, [](auto& x) { return x.changes.back().what == change::kind::close_session; });
  if (!t) return false;
  auto again = *t;
  again.changes.erase(again.changes.begin(), again.changes.end() - 1);
  again.zxid = h.log.back().zxid + 1, again.origin = 0;
  h.log.push_back(again);
  return true;
}

bool unasked_write(history& h, dice& d) {
  auto* t = view(h).one_txn(d, [](auto& x) { return x.changes.back().what == change::kind::open_session; });
  if (!t) return false;
  auto session = t->changes.back().session;
  for (auto& c : h.log)
    if (c.changes.back().what == change::kind::close_session && c.changes.back().session == session) return false;
  txn more;
  more.zxid = h.log.back().zxid + 1, more.session = session, more.origin = 1, more.time_ms = h.log.back().time_ms;
  change c;
  c.what = change::kind::set_data, c.op = zk::op::set_data, c.path = "/", c.data = "never asked", c.version = 1;
  more.changes.push_back(c);
  h.log.push_back(more);
  return true;
}

bool lost_write_twice(history& h, dice& d) {
  view v(h);
  std::map<zxid_t, bool> acknowledged;
  for (auto& e : h.entries)
    if (e.what == kind::reply && v.granted(e) && v.writes(e)) acknowledged[e.zxid] = true;
  auto* t = v.one_txn(d, [&](auto& x) {
    return !acknowledged[x.zxid] && x.changes.size() == 1 && x.changes[0].what == change::kind::set_data;
  });
  if (!t) return false;
  auto again = *t;
  again.zxid = h.log.back().zxid + 1, again.changes[0].version += 1;
  h.log.push_back(again);
  return true;
}

}  // namespace

std::vector<mutation> log_mutations() {
  return {
      {"an acknowledged write is not in the log", "acknowledged", lose_acknowledged},
      {"an acknowledged multi is there by half", "acknowledged", half_an_acknowledged_multi},
      {"a transaction stands in the log twice", "asked", repeat_transaction},
      {"a write of unknown outcome took effect twice", "asked", lost_write_twice},
      {"a lost multi took effect by half", "asked", half_a_multi},
      {"a write that nobody asked for", "asked", unasked_write},
      {"the log has a gap", "log_order", gap},
      {"two transactions change places", "log_order", swap_transactions},
      {"a version that does not follow", "log_tree", wrong_version_in_log},
      {"a sequence number is used again", "log_tree", sequence_used_again},
      {"a znode without a parent", "log_tree", parent_missing},
      {"an ephemeral survives its session", "log_sessions", ephemeral_survives},
      {"a dead session creates an ephemeral", "log_sessions", ephemeral_of_the_dead},
      {"a session is closed twice", "log_sessions", closed_twice},
      {"a sequential name is given again", "results", sequential_name_again},
  };
}

}  // namespace troupe::history::test

#include "tests/history/test/mutations.hpp"

#include <algorithm>
#include <functional>
#include <map>

namespace troupe::history::test {

namespace {

using kind = entry::kind;

/// What the mutations look for: calls by id, and the places of a history that something can be done to.
struct view {
  explicit view(history& history) : h(history) {
    for (std::size_t i = 0; i < h.entries.size(); ++i)
      if (h.entries[i].what == kind::call) calls[h.entries[i].call] = i;
  }
  const request& asked(const entry& e) const { return h.entries[calls.at(e.call)].asked; }
  bool writes(const entry& e) const {
    switch (asked(e).op) {
      case zk::op::create:
      case zk::op::create2:
      case zk::op::del:
      case zk::op::set_data:
      case zk::op::set_acl:
      case zk::op::multi:
        return true;
      default:
        return false;
    }
  }
  bool granted(const entry& e) const {
    return e.what == kind::reply && e.got.error == zk::err::ok &&
           (e.got.parts.empty() ||
            std::all_of(e.got.parts.begin(), e.got.parts.end(), [](auto& p) { return p.error == zk::err::ok; }));
  }
  txn* at(zxid_t z) const {
    auto it = std::find_if(h.log.begin(), h.log.end(), [&](auto& t) { return t.zxid == z; });
    return it == h.log.end() ? nullptr : &*it;
  }
  /// One of the entries that fit.
  entry* one(dice& d, const std::function<bool(const entry&)>& fits) {
    std::vector<entry*> all;
    for (auto& e : h.entries)
      if (fits(e)) all.push_back(&e);
    return all.empty() ? nullptr : all[d.below(all.size())];
  }
  txn* one_txn(dice& d, const std::function<bool(const txn&)>& fits) {
    std::vector<txn*> all;
    for (auto& t : h.log)
      if (fits(t)) all.push_back(&t);
    return all.empty() ? nullptr : all[d.below(all.size())];
  }
  entry* reply_to(dice& d, const std::function<bool(const entry&, const request&)>& fits) {
    return one(d, [&](const entry& e) { return e.what == kind::reply && fits(e, asked(e)); });
  }
  std::size_t place(const entry* e) const { return static_cast<std::size_t>(e - h.entries.data()); }

  history& h;
  std::map<call_id, std::size_t> calls;
};

// ---- the log

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

// ---- what writers were told

bool wrong_version_in_stat(history& h, dice& d) {
  view v(h);
  auto* e = v.reply_to(d, [&](auto& x, auto&) { return v.writes(x) && v.granted(x) && x.got.stat; });
  if (!e) return false;
  e->got.stat->version += 1;
  return true;
}

bool wrong_path(history& h, dice& d) {
  view v(h);
  auto* e = v.reply_to(d, [&](auto& x, auto& r) { return r.op == zk::op::create && v.granted(x); });
  if (!e) return false;
  e->got.path += "0";
  return true;
}

bool granted_against_its_version(history& h, dice& d) {
  view v(h);
  auto* e =
      v.reply_to(d, [&](auto& x, auto& r) { return r.op == zk::op::set_data && v.granted(x) && r.version == -1; });
  if (!e) return false;
  // It asked for a version that was not there, and was granted all the same; the log holds what it made.
  auto& r = h.entries[v.calls.at(e->call)].asked;
  auto* t = v.at(e->zxid);
  r.version = t->changes[0].version + 6;
  t->changes[0].version = r.version + 1, e->got.stat->version = r.version + 1;
  return true;
}

bool wrong_error(history& h, dice& d) {
  view v(h);
  auto* e = v.reply_to(d, [&](auto& x, auto&) {
    return v.writes(x) && (x.got.error == zk::err::no_node || x.got.error == zk::err::node_exists ||
                           x.got.error == zk::err::bad_version || x.got.error == zk::err::not_empty);
  });
  if (!e) return false;
  e->got.error = e->got.error == zk::err::no_node ? zk::err::not_empty : zk::err::no_node;
  return true;
}

bool refused_for_nothing(history& h, dice& d) {
  view v(h);
  auto* e = v.reply_to(d, [&](auto& x, auto& r) { return r.op == zk::op::sync && v.granted(x); });
  if (!e) return false;
  e->got.error = zk::err::no_node;
  return true;
}

bool acknowledged_early(history& h, dice& d) {
  view v(h);
  auto* e = v.reply_to(d, [&](auto& x, auto&) { return v.writes(x) && v.granted(x) && x.got.parts.empty(); });
  if (!e || !v.at(e->zxid - 1)) return false;
  e->zxid -= 1;
  return true;
}

bool writes_of_a_session_swapped(history& h, dice& d) {
  view v(h);
  auto* second = v.reply_to(d, [&](auto& x, auto&) { return v.writes(x) && v.granted(x); });
  if (!second) return false;
  entry* first = nullptr;
  for (auto& e : h.entries)
    if (&e < second && e.what == kind::reply && e.session == second->session && e.client == second->client &&
        v.writes(e) && v.granted(e))
      first = &e;
  if (!first || first->zxid == second->zxid) return false;
  auto *a = v.at(first->zxid), *b = v.at(second->zxid);
  std::swap(a->changes, b->changes), std::swap(first->zxid, second->zxid);
  return true;
}

// ---- order

bool replies_swapped(history& h, dice& d) {
  view v(h);
  auto overtakes = [&](const entry& e) { return v.asked(e).op == zk::op::ping || v.asked(e).op == zk::op::auth; };
  auto* later = v.reply_to(d, [&](auto& x, auto&) { return !overtakes(x); });
  if (!later) return false;
  auto called = v.calls.at(later->call);
  for (auto i = v.place(later); i-- > called;) {
    auto& e = h.entries[i];
    if (e.client != later->client || e.what != kind::reply || overtakes(e)) continue;
    std::swap(e, *later);
    std::swap(e.at_us, later->at_us);
    return true;
  }
  return false;
}

/// The write took effect before something that had been seen when it was called.
bool write_in_the_past(history& h, dice& d) {
  view v(h);
  zxid_t seen = 0;
  std::vector<std::pair<entry*, zxid_t>> late;  // replies to writes, with what had been seen before their calls
  std::map<call_id, zxid_t> before;
  for (auto& e : h.entries) {
    if (e.what == kind::call) before[e.call] = seen;
    if (e.what == kind::reply && v.writes(e) && v.granted(e)) late.emplace_back(&e, before[e.call]);
    if (e.what == kind::reply || e.what == kind::event) seen = std::max(seen, e.zxid);
  }
  if (late.empty()) return false;
  auto [e, known] = late[d.below(late.size())];
  auto *own = v.at(e->zxid), *older = v.at(known);
  if (!own || !older || older->changes.back().session) return false;
  // They change places in the log; what else is wrong with it then is not asked here.
  std::swap(own->changes, older->changes), std::swap(own->session, older->session),
      std::swap(own->origin, older->origin);
  auto place = own->zxid;
  for (auto& other : h.entries)
    if (other.what == kind::reply && other.zxid == known && v.writes(other) && v.granted(other)) other.zxid = place;
  e->zxid = known;
  return true;
}

bool stale_sync(history& h, dice& d) {
  view v(h);
  zxid_t seen = 0;
  std::map<call_id, zxid_t> before;
  std::vector<std::pair<entry*, zxid_t>> syncs;
  for (auto& e : h.entries) {
    if (e.what == kind::call) before[e.call] = seen;
    if (e.what == kind::reply && v.asked(e).op == zk::op::sync && v.granted(e) && before[e.call] > 1)
      syncs.emplace_back(&e, before[e.call]);
    if (e.what == kind::reply || e.what == kind::event) seen = std::max(seen, e.zxid);
  }
  if (syncs.empty()) return false;
  auto [e, known] = syncs[d.below(syncs.size())];
  e->zxid = known - 1;
  return true;
}

/// A read is answered from before what its session had seen.
bool session_goes_back(history& h, dice& d) {
  view v(h);
  std::map<session_id, zxid_t> seen;
  std::vector<std::pair<entry*, zxid_t>> reads;
  for (auto& e : h.entries) {
    if (e.what != kind::reply || e.zxid == 0) continue;
    auto& last = seen[e.session];
    if (last > 0 && v.asked(e).op != zk::op::sync && !v.writes(e)) reads.emplace_back(&e, last);
    last = std::max(last, e.zxid);
  }
  if (reads.empty()) return false;
  auto [e, last] = reads[d.below(reads.size())];
  e->zxid = last - 1;
  return true;
}

/// A read doesn't see the write that its connection called before it; its zxid says so honestly.
bool blind_to_own_write(history& h, dice& d) {
  view v(h);
  auto* write = v.reply_to(d, [&](auto& x, auto&) { return v.writes(x) && v.granted(x); });
  if (!write) return false;
  for (auto i = v.place(write) + 1; i < h.entries.size(); ++i) {
    auto& e = h.entries[i];
    if (e.client != write->client) continue;
    if (e.what == kind::disconnected) return false;
    if (e.what != kind::reply || v.asked(e).op == zk::op::ping || v.asked(e).op == zk::op::auth || v.writes(e))
      continue;
    e.zxid = write->zxid - 1;
    return true;
  }
  return false;
}

// ---- reads

bool stale_data(history& h, dice& d) {
  view v(h);
  auto* e = v.reply_to(d, [&](auto& x, auto& r) { return r.op == zk::op::get_data && v.granted(x); });
  if (!e) return false;
  e->got.data += " of yesterday";
  return true;
}

bool wrong_version_read(history& h, dice& d) {
  view v(h);
  auto* e = v.reply_to(d, [&](auto& x, auto& r) { return r.op == zk::op::get_data && v.granted(x); });
  if (!e) return false;
  e->got.stat->version += d.one_in(2) ? 1 : -1;
  return true;
}

bool wrong_stat_read(history& h, dice& d) {
  view v(h);
  auto* e = v.reply_to(
      d, [&](auto& x, auto& r) { return (r.op == zk::op::exists || r.op == zk::op::get_children2) && v.granted(x); });
  if (!e) return false;
  auto& s = *e->got.stat;
  switch (d.below(5)) {
    case 0:
      ++s.cversion;
      break;
    case 1:
      --s.pzxid;
      break;
    case 2:
      ++s.mtime;
      break;
    case 3:
      s.ephemeral_owner ^= 1;
      break;
    default:
      ++s.num_children;
  }
  return true;
}

bool child_missing(history& h, dice& d) {
  view v(h);
  auto* e = v.one(d, [](auto& x) { return x.what == kind::reply && !x.got.children.empty(); });
  if (!e) return false;
  e->got.children.erase(e->got.children.begin() + static_cast<std::ptrdiff_t>(d.below(e->got.children.size())));
  return true;
}

bool child_too_many(history& h, dice& d) {
  view v(h);
  auto* e = v.reply_to(d, [&](auto& x, auto& r) {
    return (r.op == zk::op::get_children || r.op == zk::op::get_children2) && v.granted(x);
  });
  if (!e) return false;
  e->got.children.push_back("~ghost");
  return true;
}

bool read_of_nothing(history& h, dice& d) {
  view v(h);
  auto* e =
      v.reply_to(d, [&](auto& x, auto& r) { return r.op == zk::op::get_data && x.got.error == zk::err::no_node; });
  if (!e) return false;
  e->got.error = zk::err::ok, e->got.stat.emplace();
  return true;
}

bool read_of_the_uncommitted(history& h, dice& d) {
  view v(h);
  auto* e = v.reply_to(d, [&](auto& x, auto& r) { return r.op == zk::op::get_data && v.granted(x); });
  if (!e) return false;
  e->zxid = h.log.back().zxid + 1;
  return true;
}

// ---- watches

/// Events that can be missed: a later reply on their connection shows that they should have come.
std::vector<std::size_t> proven_events(history& h, bool by_set_watches) {
  std::vector<std::size_t> out;
  view v(h);
  std::map<client_id, bool> proved;  // an auth was answered, and nothing with a zxid since
  for (std::size_t i = 0; i < h.entries.size(); ++i) {
    auto& e = h.entries[i];
    if (e.what == kind::reply) proved[e.client] = v.asked(e).op == zk::op::auth;
    if (e.what != kind::event || (e.zxid < 0) != by_set_watches) continue;
    if (proved[e.client]) continue;  // the change may have been kept from it before
    for (auto k = i + 1; k < h.entries.size(); ++k) {
      auto& later = h.entries[k];
      if (later.client != e.client) continue;
      if (later.what == kind::disconnected) break;
      if (later.what != kind::reply || later.zxid < e.zxid || later.zxid == 0) continue;
      if (by_set_watches && v.asked(later).op != zk::op::set_watches) continue;
      out.push_back(i);
      break;
    }
  }
  return out;
}

bool drop_event(history& h, dice& d) {
  auto all = proven_events(h, false);
  if (all.empty()) return false;
  h.entries.erase(h.entries.begin() + static_cast<std::ptrdiff_t>(all[d.below(all.size())]));
  return true;
}

bool repeat_event(history& h, dice& d) {
  auto all = proven_events(h, false);
  if (all.empty()) return false;
  auto i = static_cast<std::ptrdiff_t>(all[d.below(all.size())]);
  auto again = h.entries[static_cast<std::size_t>(i)];
  h.entries.insert(h.entries.begin() + i + 1, again);
  return true;
}

bool event_after_the_reply(history& h, dice& d) {
  auto all = proven_events(h, false);
  if (all.empty()) return false;
  auto i = all[d.below(all.size())];
  auto e = h.entries[i];
  auto k = i + 1;
  while (h.entries[k].client != e.client || h.entries[k].what != kind::reply || h.entries[k].zxid < e.zxid) ++k;
  e.at_us = h.entries[k].at_us;
  h.entries.insert(h.entries.begin() + static_cast<std::ptrdiff_t>(k) + 1, e);
  h.entries.erase(h.entries.begin() + static_cast<std::ptrdiff_t>(i));
  return true;
}

bool events_swapped(history& h, dice& d) {
  std::vector<std::pair<std::size_t, std::size_t>> all;
  std::map<client_id, std::size_t> last;
  auto proven = proven_events(h, false);
  for (std::size_t i = 0; i < h.entries.size(); ++i) {
    auto& e = h.entries[i];
    bool event = std::binary_search(proven.begin(), proven.end(), i);
    if (auto it = last.find(e.client); it != last.end() && event) {
      auto& o = h.entries[it->second];
      if (o.zxid != e.zxid || o.path != e.path) all.emplace_back(it->second, i);
    }
    last.erase(e.client);
    if (event) last[e.client] = i;
  }
  if (all.empty()) return false;
  auto [a, b] = all[d.below(all.size())];
  std::swap(h.entries[a], h.entries[b]);
  std::swap(h.entries[a].at_us, h.entries[b].at_us);
  return true;
}

bool event_of_another_kind(history& h, dice& d) {
  auto all = proven_events(h, false);
  if (all.empty()) return false;
  auto& e = h.entries[all[d.below(all.size())]];
  e.event = e.event == zk::event::node_deleted ? zk::event::node_data_changed : zk::event::node_deleted;
  return true;
}

bool event_out_of_nothing(history& h, dice& d) {
  view v(h);
  auto* reply = v.reply_to(d, [](auto& x, auto&) { return x.zxid > 1; });
  if (!reply) return false;
  entry e;
  e.what = kind::event, e.client = reply->client, e.session = reply->session, e.node = reply->node;
  e.at_us = reply->at_us, e.event = zk::event::node_data_changed, e.path = "/a/never", e.zxid = reply->zxid;
  h.entries.insert(h.entries.begin() + static_cast<std::ptrdiff_t>(v.place(reply)), e);
  return true;
}

bool set_watches_forgets(history& h, dice& d) {
  auto all = proven_events(h, true);
  if (all.empty()) return false;
  h.entries.erase(h.entries.begin() + static_cast<std::ptrdiff_t>(all[d.below(all.size())]));
  return true;
}

bool set_watches_invents(history& h, dice& d) {
  view v(h);
  auto* reply = v.reply_to(d, [&](auto& x, auto& r) { return r.op == zk::op::set_watches && v.granted(x); });
  if (!reply) return false;
  auto& r = v.asked(*reply);
  auto path = !r.data_watches.empty() ? r.data_watches[0] : !r.child_watches.empty() ? r.child_watches[0] : "/x";
  entry e;
  e.what = kind::event, e.client = reply->client, e.session = reply->session, e.node = reply->node;
  e.at_us = reply->at_us, e.event = zk::event::node_created, e.path = path, e.zxid = -1;
  h.entries.insert(h.entries.begin() + static_cast<std::ptrdiff_t>(v.place(reply)), e);
  return true;
}

/// A watch that setWatches left again is never fired: its event after the reconnect is gone.
bool watch_lost_over_reconnect(history& h, dice& d) {
  view v(h);
  std::map<client_id, const entry*> left;
  std::vector<std::size_t> all;
  auto proven = proven_events(h, false);
  for (std::size_t i = 0; i < h.entries.size(); ++i) {
    auto& e = h.entries[i];
    if (e.what == kind::disconnected) left.erase(e.client);
    if (e.what == kind::reply && v.asked(e).op == zk::op::set_watches) left[e.client] = &e;
    if (e.what != kind::event || !left.contains(e.client) || !std::binary_search(proven.begin(), proven.end(), i))
      continue;
    auto& r = v.asked(*left[e.client]);
    for (auto* list : {&r.data_watches, &r.exist_watches, &r.child_watches})
      if (std::find(list->begin(), list->end(), e.path) != list->end()) {
        all.push_back(i);
        break;
      }
  }
  if (all.empty()) return false;
  h.entries.erase(h.entries.begin() + static_cast<std::ptrdiff_t>(all[d.below(all.size())]));
  return true;
}

// ---- sessions

bool session_forgotten(history& h, dice& d) {
  view v(h);
  auto* e = v.one(d, [](auto& x) { return x.what == kind::connected && !x.reattached; });
  if (!e) return false;
  auto session = e->session;
  std::erase_if(h.log, [&](auto& t) { return t.changes.back().session == session; });
  return true;
}

bool refused_while_alive(history& h, dice& d) {
  view v(h);
  auto* e = v.one(d, [&](auto& x) {
    if (x.what != kind::connected || !x.reattached) return false;
    return std::none_of(h.log.begin(), h.log.end(), [&](auto& t) {
      return t.changes.back().what == change::kind::close_session && t.changes.back().session == x.session;
    });
  });
  if (!e) return false;
  // What the client did on this connection is gone with it.
  auto client = e->client;
  e->what = kind::expired, e->reattached = false;
  auto i = v.place(e) + 1;
  h.entries.erase(std::remove_if(h.entries.begin() + static_cast<std::ptrdiff_t>(i), h.entries.end(),
                                 [&](auto& x) { return x.client == client; }),
                  h.entries.end());
  return true;
}

bool attached_after_its_end(history& h, dice& d) {
  view v(h);
  auto* e = v.one(d, [&](auto& x) { return x.what == kind::expired; });
  if (!e) return false;
  zxid_t closed = 0, seen = 0;
  std::int32_t timeout = 0;
  for (auto& t : h.log) {
    auto& c = t.changes.back();
    if (c.session != e->session) continue;
    if (c.what == change::kind::close_session) closed = t.zxid;
    if (c.what == change::kind::open_session) timeout = c.timeout_ms;
  }
  for (auto i = v.calls.at(e->call); i-- > 0;)
    if (h.entries[i].what == kind::reply || h.entries[i].what == kind::event) seen = std::max(seen, h.entries[i].zxid);
  if (seen < closed) return false;  // it might have been attached just before its end
  e->what = kind::connected, e->reattached = true, e->timeout_ms = timeout;
  auto client = e->client;
  auto i = v.place(e) + 1;
  h.entries.erase(std::remove_if(h.entries.begin() + static_cast<std::ptrdiff_t>(i), h.entries.end(),
                                 [&](auto& x) { return x.client == client; }),
                  h.entries.end());
  return true;
}

/// A session is closed in the log while it is still served.
bool served_after_its_end(history& h, dice& d) {
  view v(h);
  auto* e = v.reply_to(d, [&](auto& x, auto& r) {
    return v.granted(x) && !v.writes(x) && r.op != zk::op::close_session && r.op != zk::op::auth;
  });
  if (!e) return false;
  auto* t = v.at(e->zxid);
  if (!t || t->changes.back().what == change::kind::open_session) return false;
  change c;
  c.what = change::kind::close_session, c.op = zk::op::close_session, c.session = e->session;
  t->session = e->session, t->origin = 0, t->changes = {c};
  return true;
}

bool expired_too_early(history& h, dice& d) {
  view v(h);
  auto* t = v.one_txn(d, [&](auto& x) {
    if (x.origin != 0 || x.changes.back().what != change::kind::close_session) return false;
    return std::any_of(h.entries.begin(), h.entries.end(), [&](auto& e) {
      return e.what == kind::connected && !e.reattached && e.session == x.changes.back().session;
    });
  });
  if (!t) return false;
  std::int64_t connected_us = 0;
  for (auto& e : h.entries)
    if (e.what == kind::connected && !e.reattached && e.session == t->changes.back().session)
      connected_us = h.entries[v.calls.at(e.call)].at_us;
  t->time_ms = connected_us / 1000 + 500;
  return true;
}

bool wrong_timeout(history& h, dice& d) {
  auto* e = view(h).one(d, [](auto& x) { return x.what == kind::connected; });
  if (!e) return false;
  e->timeout_ms += 1000;
  return true;
}

/// The session goes on at another client, but its first connection still gets writes through.
bool two_masters(history& h, dice& d) {
  view v(h);
  auto* e = v.reply_to(d, [&](auto& x, auto& r) { return v.granted(x) && (v.writes(x) || r.op == zk::op::sync); });
  if (!e) return false;
  auto i = static_cast<std::ptrdiff_t>(v.calls.at(e->call));
  entry call, connected;
  call.what = kind::call, call.client = connected.client = 1000, call.call = connected.call = 1'000'000;
  call.at_us = connected.at_us = h.entries[static_cast<std::size_t>(i)].at_us;
  call.asked.op = zk::op::create_session, call.asked.session = call.session = e->session;
  connected.what = kind::connected, connected.session = e->session, connected.reattached = true;
  for (auto& t : h.log)
    if (t.changes.back().what == change::kind::open_session && t.changes.back().session == e->session)
      connected.timeout_ms = t.changes.back().timeout_ms;
  h.entries.insert(h.entries.begin() + i, {call, connected});
  return true;
}

// ---- the recording

bool answered_twice(history& h, dice& d) {
  view v(h);
  auto* e = v.reply_to(d, [](auto&, auto&) { return true; });
  if (!e) return false;
  auto again = *e;
  h.entries.insert(h.entries.begin() + static_cast<std::ptrdiff_t>(v.place(e)), again);
  return true;
}

}  // namespace

const std::vector<mutation>& mutations() {
  static const std::vector<mutation> all = {
      {"an acknowledged write is not in the log", "acknowledged", lose_acknowledged},
      {"a write is acknowledged with another transaction's zxid", "acknowledged", acknowledged_early},
      {"a session that was granted is not in the log", "acknowledged", session_forgotten},
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
      {"the Stat of a write has a wrong version", "results", wrong_version_in_stat},
      {"a create answers another path", "results", wrong_path},
      {"a write is granted against the version it asked for", "results", granted_against_its_version},
      {"a session is granted with another timeout", "results", wrong_timeout},
      {"a refusal has the wrong error", "errors", wrong_error},
      {"a sync is refused for nothing", "errors", refused_for_nothing},
      {"two writes of a session change places", "issue_order", writes_of_a_session_swapped},
      {"two replies change places", "fifo", replies_swapped},
      {"a write takes effect before what was seen when it was called", "real_time", write_in_the_past},
      {"a sync is stale", "sync", stale_sync},
      {"a session goes back in time", "single_image", session_goes_back},
      {"a read does not see its own session's write", "own_writes", blind_to_own_write},
      {"a read has other data", "reads", stale_data},
      {"a read has another version", "reads", wrong_version_read},
      {"a read has a wrong Stat", "reads", wrong_stat_read},
      {"a child is missing", "reads", child_missing},
      {"a child too many", "reads", child_too_many},
      {"data of a znode that is not there", "reads", read_of_nothing},
      {"a read as of a zxid that was never committed", "reads", read_of_the_uncommitted},
      {"an event never comes", "watch_lost", drop_event},
      {"a watch is lost over a reconnect", "watch_lost", watch_lost_over_reconnect},
      {"an event comes twice", "watch_spurious", repeat_event},
      {"an event out of nothing", "watch_spurious", event_out_of_nothing},
      {"an event of another kind", "watch_spurious", event_of_another_kind},
      {"an event comes after the reply that shows it", "watch_order", event_after_the_reply},
      {"two events change places", "watch_order", events_swapped},
      {"setWatches forgets a change", "set_watches", set_watches_forgets},
      {"setWatches invents a change", "set_watches", set_watches_invents},
      {"a living session is refused as expired", "session_end", refused_while_alive},
      {"a session is attached after its end", "session_end", attached_after_its_end},
      {"a session is served after its end", "session_end", served_after_its_end},
      {"a session expires too early", "expiry_time", expired_too_early},
      {"a session is served on two connections", "moved", two_masters},
      {"a call is answered twice", "recording", answered_twice},
  };
  return all;
}

}  // namespace troupe::history::test

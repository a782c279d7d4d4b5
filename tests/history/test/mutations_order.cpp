#include "tests/history/test/mutation_view.hpp"

namespace troupe::history::test {

namespace {

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

/// A read shows a write that its connection called after it.
bool sees_the_future(history& h, dice& d) {
  view v(h);
  auto* write = v.reply_to(d, [&](auto& x, auto&) { return v.writes(x) && v.granted(x); });
  if (!write) return false;
  std::map<call_id, bool> before;
  for (auto i = v.calls.at(write->call); i-- > 0;) {
    auto& e = h.entries[i];
    if (e.client != write->client) continue;
    if (e.what == kind::connected) break;
    if (e.what == kind::call) before[e.call] = true;
  }
  auto* read = v.reply_to(d, [&](auto& x, auto& r) {
    return before[x.call] && !v.ordered(x) && r.op != zk::op::ping && r.op != zk::op::auth;
  });
  if (!read) return false;
  read->zxid = write->zxid;
  return true;
}

bool refused_in_the_past(history& h, dice& d) {
  view v(h);
  auto known = v.known();
  auto* e = v.reply_to(d, [&](auto& x, auto&) { return v.writes(x) && !v.granted(x) && known[x.call] > 1; });
  if (!e) return false;
  e->zxid = known[e->call] - 1;
  return true;
}

/// An event shows a change to a connection, and the next reply there is as of before it.
bool event_forgotten(history& h, dice& d) {
  view v(h);
  std::map<session_id, zxid_t> seen;
  std::map<client_id, zxid_t> told;
  std::vector<std::pair<entry*, zxid_t>> all;
  for (auto& e : h.entries) {
    if (e.what == kind::disconnected || e.what == kind::connected) told[e.client] = 0;
    if (e.what == kind::event) told[e.client] = std::max(told[e.client], e.zxid);
    if (e.what != kind::reply || e.zxid <= 0) continue;
    if (told[e.client] > seen[e.session] && !v.ordered(e)) all.emplace_back(&e, told[e.client]);
    seen[e.session] = std::max(seen[e.session], e.zxid);
  }
  if (all.empty()) return false;
  auto [e, zxid] = all[d.below(all.size())];
  e->zxid = zxid - 1;
  return true;
}

bool answered_twice(history& h, dice& d) {
  view v(h);
  auto* e = v.reply_to(d, [](auto&, auto&) { return true; });
  if (!e) return false;
  auto again = *e;
  h.entries.insert(h.entries.begin() + static_cast<std::ptrdiff_t>(v.place(e)), again);
  return true;
}

}  // namespace

std::vector<mutation> order_mutations() {
  return {
      {"two replies change places", "fifo", replies_swapped},
      {"a write takes effect before what was seen when it was called", "real_time", write_in_the_past},
      {"a write is refused as of before what was seen when it was called", "real_time", refused_in_the_past},
      {"a sync is stale", "sync", stale_sync},
      {"a session goes back in time", "single_image", session_goes_back},
      {"a connection goes back behind an event that it brought", "single_image", event_forgotten},
      {"a read shows a later write of its own connection", "own_writes", sees_the_future},
      {"a read does not see its own session's write", "own_writes", blind_to_own_write},
      {"a call is answered twice", "recording", answered_twice},
  };
}

}  // namespace troupe::history::test

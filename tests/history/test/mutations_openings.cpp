/// Sessions that are opened, attached or refused in the wrong way.

#include <utility>

#include "tests/history/test/mutation_view.hpp"

namespace troupe::history::test {

namespace {

bool opens(const entry& e) { return e.what == kind::connected && !e.reattached; }

/// The session lived when it was refused, and ended only because its client gave up: its end moves to the end of the log.
bool refused_before_its_end(history& h, dice& d) {
  view v(h);
  auto* e = v.one(d, [&](auto& x) {
    if (x.what != kind::expired || !v.of_session(change::kind::close_session, x.session)) return false;
    return std::any_of(h.entries.begin() + static_cast<std::ptrdiff_t>(v.place(&x)), h.entries.end(), [&](auto& later) {
      return v.ordered(later) && later.zxid > 0 && v.calls.at(later.call) > v.place(&x);
    });
  });
  if (!e) return false;
  auto* close = v.of_session(change::kind::close_session, e->session);
  auto late = *close;
  late.zxid = h.log.back().zxid + 1;
  h.log.erase(h.log.begin() + (close - h.log.data()));
  h.log.push_back(std::move(late));
  return true;
}

bool opened_in_the_past(history& h, dice& d) {
  view v(h);
  auto known = v.known();
  auto* e = v.one(d, [&](auto& x) {
    if (!opens(x) || !v.of_session(change::kind::open_session, x.session)) return false;
    auto* older = v.at(known[x.call]);
    return older && !older->changes.back().session;
  });
  if (!e) return false;
  auto *own = v.of_session(change::kind::open_session, e->session), *older = v.at(known[e->call]);
  // They change places in the log; what else is wrong with it then is not asked here.
  auto from = older->zxid, to = own->zxid;
  std::swap(own->changes, older->changes), std::swap(own->session, older->session),
      std::swap(own->origin, older->origin);
  for (auto& other : h.entries)
    if (other.what == kind::reply && other.zxid == from && v.writes(other) && v.granted(other)) other.zxid = to;
  return true;
}

/// Something that was called after a session had been granted stands before its opening.
bool opened_after_what_came_later(history& h, dice& d) {
  view v(h);
  auto known = v.known();
  std::vector<std::pair<entry*, zxid_t>> all;
  for (auto& o : h.entries) {
    auto* open = opens(o) ? v.of_session(change::kind::open_session, o.session) : nullptr;
    if (!open || open->zxid < 2) continue;
    for (auto i = v.place(&o); i < h.entries.size(); ++i) {
      auto& e = h.entries[i];
      if (v.ordered(e) && !(v.writes(e) && v.granted(e)) && v.calls.at(e.call) > v.place(&o) &&
          known[e.call] < open->zxid)
        all.emplace_back(&e, open->zxid - 1);
    }
  }
  if (all.empty()) return false;
  auto [e, zxid] = all[d.below(all.size())];
  e->zxid = zxid;
  return true;
}

bool answered_before_its_opening(history& h, dice& d) {
  view v(h);
  std::map<session_id, bool> answered;
  std::vector<entry*> all;
  for (auto& e : h.entries)
    if (e.what == kind::reply && e.zxid > 0 && !std::exchange(answered[e.session], true) &&
        v.of_session(change::kind::open_session, e.session)->zxid > 1)
      all.push_back(&e);
  if (all.empty()) return false;
  auto* e = all[d.below(all.size())];
  e->zxid = v.of_session(change::kind::open_session, e->session)->zxid - 1;
  return true;
}

bool one_session_for_two(history& h, dice& d) {
  auto* e = view(h).one(d, opens);
  if (!e) return false;
  entry call, connected = *e;
  call.what = kind::call, call.asked.op = zk::op::create_session;
  call.client = connected.client = 1000, call.call = connected.call = 1'000'000;
  call.at_us = connected.at_us = h.entries.back().at_us;
  h.entries.push_back(call), h.entries.push_back(connected);
  return true;
}

bool another_session_attached(history& h, dice& d) {
  view v(h);
  auto* e = v.one(d, [](auto& x) { return x.what == kind::connected && x.reattached; });
  if (!e) return false;
  auto* other = v.one_txn(d, [&](auto& t) {
    auto& c = t.changes.back();
    return c.what == change::kind::open_session && c.session != e->session;
  });
  if (!other) return false;
  e->session = other->changes.back().session, e->timeout_ms = other->changes.back().timeout_ms;
  // What the client did on this connection is gone with it.
  auto client = e->client;
  auto i = static_cast<std::ptrdiff_t>(v.place(e)) + 1;
  h.entries.erase(std::remove_if(h.entries.begin() + i, h.entries.end(), [&](auto& x) { return x.client == client; }),
                  h.entries.end());
  return true;
}

}  // namespace

std::vector<mutation> opening_mutations() {
  return {
      {"a living session is refused as expired, and ends later", "session_end", refused_before_its_end},
      {"a session is opened before what was seen when it was called", "real_time", opened_in_the_past},
      {"a session is opened after what was called later", "real_time", opened_after_what_came_later},
      {"a session is answered as of before its opening", "single_image", answered_before_its_opening},
      {"a new session is given to two", "acknowledged", one_session_for_two},
      {"another session is attached than was asked for", "results", another_session_attached},
  };
}

}  // namespace troupe::history::test

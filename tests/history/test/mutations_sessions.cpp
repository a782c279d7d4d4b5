#include "tests/history/test/mutation_view.hpp"

namespace troupe::history::test {

namespace {

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

}  // namespace

std::vector<mutation> session_mutations() {
  return {
      {"a session that was granted is not in the log", "acknowledged", session_forgotten},
      {"a session is granted with another timeout", "results", wrong_timeout},
      {"a living session is refused as expired", "session_end", refused_while_alive},
      {"a session is attached after its end", "session_end", attached_after_its_end},
      {"a session is served after its end", "session_end", served_after_its_end},
      {"a session expires too early", "expiry_time", expired_too_early},
      {"a session is served on two connections", "moved", two_masters},
  };
}

}  // namespace troupe::history::test

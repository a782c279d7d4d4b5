#include "tests/history/order.hpp"

#include <algorithm>

#include "tests/history/answers.hpp"

namespace troupe::history {

namespace {

/// Where the leader put it: writes, refusals and syncs stand in its order, plain reads don't. 0: nowhere that we know.
zxid_t place_of(const call& c) {
  if (c.done) return c.done;
  return c.replied() && (c.writes() || c.asked->op == zk::op::sync) ? c.zxid : 0;
}

/// The lowest place that the leader gave to any call made after an entry. What a client was told at that entry without a
/// zxid (a session is opened, a session is over) must stand before it.
class places_after {
 public:
  explicit places_after(const index& x) : x_(x), lowest_(x.calls.size(), none) {
    std::size_t lowest = none;
    for (auto i = x.calls.size(); i-- > 0; lowest_[i] = lowest) {
      auto place = place_of(x.calls[i]);
      if (place && (lowest == none || place < place_of(x.calls[lowest]))) lowest = i;
    }
  }
  /// Null: nothing called after it has a place below `zxid`.
  const call* below(zxid_t zxid, std::size_t entry) const {
    auto first = std::partition_point(x_.calls.begin(), x_.calls.end(), [&](auto& c) { return c.at <= entry; });
    if (first == x_.calls.end()) return nullptr;
    auto i = lowest_[static_cast<std::size_t>(first - x_.calls.begin())];
    return i != none && place_of(x_.calls[i]) < zxid ? &x_.calls[i] : nullptr;
  }

 private:
  const index& x_;
  std::vector<std::size_t> lowest_;  ///< of each call and those after it
};

std::string text_of(const call& c) { return name(c.asked->op) + " " + c.asked->path; }

/// The client that was granted a session has seen its opening, though the reply has no zxid.
void check_after_openings(const index& x, findings& f) {
  places_after later(x);
  for (auto i : x.connects) {
    auto& c = x.calls[i];
    if (auto* early = c.done ? later.below(c.done, c.end) : nullptr)
      f.add("real_time",
            text_of(*early) + " has zxid " + hex(place_of(*early)) + ", but session " + hex(c.session) +
                " had been opened at " + hex(c.done) + " before it was called",
            {c.end, early->at}, {c.done, place_of(*early)});
  }
}

}  // namespace

void check_real_time(const index& x, findings& f) {
  check_after_openings(x, f);
  for (auto& c : x.calls) {
    if (c.overtakes()) continue;
    if (c.done && c.done <= c.known) {
      f.add("real_time",
            name(c.asked->op) + " " + c.asked->path + " has zxid " + hex(c.done) + ", but " + hex(c.known) +
                " had been seen before it was called",
            {c.at}, {c.done, c.known});
    } else if (c.replied() && !c.done && c.zxid < c.known) {
      bool sync = c.asked->op == zk::op::sync;
      if (!sync && !c.writes()) continue;
      f.add(sync && c.succeeded() ? "sync" : "real_time",
            name(c.asked->op) + " " + c.asked->path + " was answered as of zxid " + hex(c.zxid) + ", but " +
                hex(c.known) + " had been seen before it was called",
            {c.at, c.end}, {c.zxid, c.known});
    }
  }
}

namespace {

/// Connections of a session one after the other, with what each of them brought.
/// Events bind the connection that brought them and no longer: a client doesn't count them when it says, elsewhere, what
/// it has seen.
void check_single_image(const index& x, const session_calls& s, zxid_t opened, findings& f) {
  zxid_t seen = opened;
  std::size_t where = s.connections.empty() ? none : x.connections[s.connections.front()].begin;
  for (auto number : s.connections) {
    auto& conn = x.connections[number];
    zxid_t told = 0;
    std::size_t told_at = none;
    for (auto i : conn.arrivals) {
      auto& e = x.h.entries[i];
      if (e.zxid <= 0) continue;  // events found by setWatches; replies to auth
      if (e.what == entry::kind::event) {
        if (e.zxid > told) told = e.zxid, told_at = i;
        continue;
      }
      if (e.zxid < conn.asked_zxid)
        f.add("single_image",
              "a reply as of " + hex(e.zxid) + " on a connection whose client had seen " + hex(conn.asked_zxid),
              {conn.begin, i}, {e.zxid, conn.asked_zxid});
      else if (e.zxid < seen)
        f.add("single_image", "a session that had seen " + hex(seen) + " got a reply as of " + hex(e.zxid), {where, i},
              {seen, e.zxid});
      else if (e.zxid < told)
        f.add("single_image",
              "a connection that had brought an event of " + hex(told) + " got a reply as of " + hex(e.zxid),
              {told_at, i}, {told, e.zxid});
      if (e.zxid > seen) seen = e.zxid, where = i;
    }
  }
}

/// A read sees the writes that its connection called before it, and none that it called after it.
void check_own_writes(const index& x, const connection& conn, findings& f) {
  zxid_t before = 0;
  std::size_t where = none;
  for (auto i : conn.calls) {
    auto& c = x.calls[i];
    if (c.replied() && c.zxid < before)
      f.add("own_writes",
            name(c.asked->op) + " " + c.asked->path + " was answered as of " + hex(c.zxid) +
                ", before an earlier write of the same connection, " + hex(before),
            {where, c.at, c.end}, {c.zxid, before});
    if (c.done > before) before = c.done, where = c.at;
  }
  zxid_t after = 0;
  for (auto at = conn.calls.rbegin(); at != conn.calls.rend(); ++at) {
    auto& c = x.calls[*at];
    if (after && c.replied() && !c.done && c.zxid >= after)
      f.add("own_writes",
            name(c.asked->op) + " " + c.asked->path + " was answered as of " + hex(c.zxid) +
                ", after a later write of the same connection, " + hex(after),
            {c.at, c.end, where}, {c.zxid, after});
    if (c.done && (!after || c.done < after)) after = c.done, where = c.at;
  }
}

}  // namespace

void check_session_views(const index& x, const replayed& log, findings& f) {
  for (auto& conn : x.connections) check_own_writes(x, conn, f);
  for (auto& [id, s] : x.sessions) {
    auto known = log.sessions.find(id);
    auto opened = known == log.sessions.end() ? 0 : known->second.opened;
    check_single_image(x, s, opened > x.h.base.zxid ? opened : 0, f);
  }
}

namespace {

/// The leader refuses a session in its order, and its client is told when the end of the session is committed. Whoever
/// gives up then may well be the reason for which the session ends later: so it counts what stands before that end.
void check_refused(const call& c, const model::session& s, const places_after& later, findings& f) {
  if (!s.closed)
    return f.add("session_end", "session " + hex(c.session) + " was refused as expired, but the log never closed it",
                 {c.at, c.end});
  if (auto* early = later.below(s.closed, c.end))
    f.add("session_end",
          "session " + hex(c.session) + " was refused as expired before its end at " + hex(s.closed) + ": " +
              text_of(*early) + ", called after that, has zxid " + hex(place_of(*early)),
          {c.at, c.end, early->at}, {s.closed, place_of(*early)});
}

void check_connect(const index& x, const replayed& log, const call& c, const places_after& later, findings& f) {
  auto& e = x.h.entries[c.end];
  auto it = log.sessions.find(c.session);
  auto* s = it == log.sessions.end() ? nullptr : &it->second;
  if (c.how == call::outcome::expired) {
    if (s) check_refused(c, *s, later, f);
    return;
  }
  if (c.asked->session && c.asked->session != c.session)
    f.add("results", "session " + hex(c.asked->session) + " was asked for, but " + hex(c.session) + " was attached",
          {c.at, c.end});
  if (!s)
    return f.add("acknowledged", "session " + hex(c.session) + " was granted, but is not in the log", {c.at, c.end});
  if (s->timeout_ms != e.timeout_ms)
    f.add("results",
          "session " + hex(c.session) + " was granted with " + std::to_string(e.timeout_ms) + " ms, but the log has " +
              std::to_string(s->timeout_ms),
          {c.at, c.end}, {s->opened});
  if (s->closed && s->closed <= c.known)
    f.add("session_end", "session " + hex(c.session) + " was re-attached after its end at " + hex(s->closed),
          {c.at, c.end}, {s->closed});
}

/// After the transaction that ends it, a session gets nothing but the reply to its own closing, and refusals.
void check_end(const replayed& log, const call& c, findings& f) {
  if (!c.replied() || c.asked->op == zk::op::auth || c.got->error == zk::err::session_expired) return;
  auto it = log.sessions.find(c.session);
  if (it == log.sessions.end() || !it->second.closed || c.zxid < it->second.closed) return;
  if (c.asked->op == zk::op::close_session && c.zxid == it->second.closed) return;
  f.add("session_end",
        name(c.asked->op) + " " + c.asked->path + " was served as of " + hex(c.zxid) + ", after the session's end at " +
            hex(it->second.closed),
        {c.at, c.end}, {it->second.closed});
}

/// When the leader last knew that the session lives, at least: an entry. Followers report signs of life on the link on
/// which they forward requests; so what was called long enough before a call that the leader answered was known there.
std::unordered_map<session_id, std::size_t> last_known_alive(const index& x) {
  std::unordered_map<session_id, std::size_t> out;
  auto note = [&](session_id s, std::size_t at) {
    auto& last = out[s];
    last = std::max(last, at);
  };
  for (auto i : x.connects)
    if (auto& c = x.calls[i]; c.how == call::outcome::connected && c.asked->session == 0) note(c.session, c.at);
  auto report_us = std::int64_t{1000} * x.h.set.touch_report_ms;
  if (report_us < 0) return out;
  for (auto& conn : x.connections) {
    std::size_t through_leader = none;
    for (auto i : conn.calls)
      if (auto& c = x.calls[i]; c.succeeded() && (c.writes() || c.asked->op == zk::op::sync)) through_leader = c.at;
    if (through_leader == none) continue;
    for (auto i : conn.calls) {
      auto& c = x.calls[i];
      if (x.h.entries[c.at].at_us + report_us <= x.h.entries[through_leader].at_us && c.at <= through_leader)
        note(conn.session, c.at);
    }
  }
  return out;
}

void check_expiry(const index& x, const replayed& log, findings& f) {
  auto tolerance = x.h.set.expiry_tolerance_ms;
  if (tolerance < 0 || !f.wanted("expiry_time")) return;
  auto last = last_known_alive(x);
  for (auto& [id, t] : log.closes) {
    auto it = last.find(id);
    if (t->origin != 0 || it == last.end()) continue;
    auto alive_ms = x.h.entries[it->second].at_us / 1000 + x.h.set.clock_offset_ms;
    auto timeout_ms = log.sessions.at(id).timeout_ms;
    if (t->time_ms + tolerance >= alive_ms + timeout_ms) continue;
    f.add("expiry_time",
          "session " + hex(id) + " expired " + std::to_string(t->time_ms - alive_ms) +
              " ms after a sign of life; its timeout is " + std::to_string(timeout_ms) + " ms",
          {it->second}, {t->zxid});
  }
}

void check_moved(const index& x, const session_calls& s, findings& f) {
  for (std::size_t k = 0; k + 1 < s.connections.size(); ++k) {
    auto& old = x.connections[s.connections[k]];
    auto next = x.connections[s.connections[k + 1]].begin;
    for (auto i : old.calls) {
      auto& c = x.calls[i];
      bool through_leader = c.writes() || c.asked->op == zk::op::sync;
      if (c.at < next || !through_leader || !c.replied()) continue;
      f.add("moved", name(c.asked->op) + " " + c.asked->path + " was served on a connection that its session had left",
            {next, c.at, c.end}, {c.zxid});
    }
  }
}

}  // namespace

void check_sessions(const index& x, const replayed& log, findings& f) {
  places_after later(x);
  for (auto& c : x.calls) {
    if (c.asked->op == zk::op::create_session) {
      if (c.end != none && c.how != call::outcome::lost) check_connect(x, log, c, later, f);
    } else {
      check_end(log, c, f);
    }
  }
  check_expiry(x, log, f);
  for (auto& [id, s] : x.sessions) check_moved(x, s, f);
}

}  // namespace troupe::history

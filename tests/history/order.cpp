#include "tests/history/order.hpp"

#include <algorithm>

#include "tests/history/answers.hpp"

namespace troupe::history {

void check_real_time(const index& x, findings& f) {
  for (auto& c : x.calls) {
    if (c.overtakes() || c.asked->op == zk::op::create_session) continue;
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
void check_single_image(const index& x, const session_calls& s, findings& f) {
  zxid_t seen = 0;
  std::size_t where = none;
  for (auto number : s.connections) {
    auto& conn = x.connections[number];
    for (auto i : conn.arrivals) {
      auto& e = x.h.entries[i];
      if (e.what != entry::kind::reply || e.zxid <= 0) continue;  // events found by setWatches; replies to auth
      if (e.zxid < conn.asked_zxid)
        f.add("single_image",
              "a reply as of " + hex(e.zxid) + " on a connection whose client had seen " + hex(conn.asked_zxid),
              {conn.begin, i}, {e.zxid, conn.asked_zxid});
      else if (e.zxid < seen)
        f.add("single_image", "a session that had seen " + hex(seen) + " got a reply as of " + hex(e.zxid), {where, i},
              {seen, e.zxid});
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

void check_session_views(const index& x, findings& f) {
  for (auto& conn : x.connections) check_own_writes(x, conn, f);
  for (auto& [id, s] : x.sessions) check_single_image(x, s, f);
}

namespace {

void check_connect(const index& x, const replayed& log, const call& c, findings& f) {
  auto& e = x.h.entries[c.end];
  auto it = log.sessions.find(c.session);
  auto* s = it == log.sessions.end() ? nullptr : &it->second;
  if (c.how == call::outcome::expired) {
    if (s && !s->closed)
      f.add("session_end", "session " + hex(c.session) + " was refused as expired, but the log never closed it",
            {c.at, c.end});
    return;
  }
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
  for (auto& c : x.calls) {
    if (c.asked->op == zk::op::create_session) {
      if (c.end != none && c.how != call::outcome::lost) check_connect(x, log, c, f);
    } else {
      check_end(log, c, f);
    }
  }
  check_expiry(x, log, f);
  for (auto& [id, s] : x.sessions) check_moved(x, s, f);
}

}  // namespace troupe::history

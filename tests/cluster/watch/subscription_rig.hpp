#pragma once
/// A commit processor, a notifier with its subscriptions and a log, without actors: what they ask of each other is done
/// when the test says so, in an order that it may choose. Each connection's client takes everything apart that it is
/// told, and knows from where it may go on.

#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "cluster/watch/watch_notifier.hpp"
#include "tests/cluster/commit/harness.hpp"
#include "tests/cluster/commit/subscription_bodies.hpp"

namespace doctest {
template <>
struct StringMaker<std::vector<std::string>> {
  static String convert(const std::vector<std::string>& lines) {
    std::string out;
    for (auto& l : lines) out.append("\n    ").append(l, 0, 100).append(l.size() > 100 ? "..." : "");
    return out.c_str();
  }
};
}  // namespace doctest

namespace troupe::test {

using scope = subscription_scope;
using strings = std::vector<std::string>;

/// Nobody may read it.
inline const zk::acl_list secret = {{zk::perm::all & ~zk::perm::read, {"world", "anyone"}}};

struct rig {
  explicit rig(watch::subscription_limits l = {}) : notifier({}, l) {
    e.on_stream = [this](node_id, stream_batch&& s) {
      delivery_batch out;
      notifier.step(std::move(s), out);
      take(out);
    };
    writer.connect();
  }

  // ---- the log
  zxid_t base = 0;
  std::size_t chunk_records = 3;
  watch::history read(const watch::history_wanted& w) {
    watch::history h{w, {}, false, 0};
    ++reads;
    if (w.after < base) return h.too_old = true, h.base = base, h;
    for (auto& r : e.records)
      if (r.zxid > w.after && r.zxid <= w.upto && h.records.size() < chunk_records) h.records.push_back(r);
    return h;
  }

  // ---- deliveries
  struct piece {
    std::string bytes;
    bool is_reply;
  };
  std::map<conn_id, std::vector<piece>> inbox;
  std::set<conn_id> closed;
  std::size_t reads = 0, states = 0, paced = 0, turns = 0;
  std::deque<watch::history_wanted> reads_wanted;
  std::deque<watch::state_wanted> states_wanted;
  std::deque<conn_id> drained;
  bool turn = false;

  void take(const delivery_batch& out) {
    for (auto& i : out.items) {
      if (closed.contains(i.conn)) continue;
      if (i.size) inbox[i.conn].push_back({out.bytes.substr(i.at, i.size), i.is_reply});
      if (i.paced) drained.push_back(i.conn), ++paced;
      if (i.close) closed.insert(i.conn);
    }
    auto w = notifier.take_wants();
    for (auto& r : w.reads) reads_wanted.push_back(r);
    for (auto& s : w.states) states_wanted.push_back(s);
    turn |= w.turn;
  }
  /// One of the things that wait, the `n`-th kind first. False: nothing waits.
  bool step(unsigned n = 0) {
    for (unsigned k = 0; k < 4; ++k) {
      delivery_batch out;
      switch ((n + k) % 4) {
        case 0:
          if (reads_wanted.empty()) continue;
          notifier.on_history(read(reads_wanted.front()), out);
          reads_wanted.pop_front();
          break;
        case 1: {
          if (states_wanted.empty()) continue;
          auto s = states_wanted.front();
          states_wanted.pop_front();
          ++states;
          e.state_wanted(1, s.conn, s.number, s.serial);
          return true;
        }
        case 2:
          if (drained.empty()) continue;
          notifier.on_drained(drained.front(), out);
          drained.pop_front();
          break;
        case 3:
          if (!std::exchange(turn, false)) continue;
          ++turns;
          notifier.take_turns(out);
          break;
      }
      take(out);
      return true;
    }
    return false;
  }
  void settle() {
    while (step()) {
    }
  }

  watch::watch_notifier notifier;
  ensemble e;
  client writer{e};

  zxid_t create(const std::string& path, const std::string& data = "", const zk::acl_list& acl = open_acl) {
    auto r = writer.call(op::create, create_body(path, data, 0, acl));
    REQUIRE(r.error() == err::ok);
    return r.zxid;
  }
  zxid_t set(const std::string& path, const std::string& data) {
    auto r = writer.call(op::set_data, set_body(path, data));
    REQUIRE(r.error() == err::ok);
    return r.zxid;
  }
  zxid_t del(const std::string& path) {
    auto r = writer.call(op::del, path_version(path));
    REQUIRE(r.error() == err::ok);
    return r.zxid;
  }
};

inline std::string text_of(const notified::one& o) {
  static const char* names[] = {"is", "created", "deleted", "changed"};
  return names[o.type] + (" " + o.path) + (o.data.empty() ? "" : "=" + o.data) +
         (o.type == 3 ? " v" + std::to_string(o.version) : "");
}

/// "5@12: created /a=x, deleted /b"; "state 5@12: is /a=x"; "reply 3@12", "reply 3 error -101", "event created /a@12".
inline strings told(const rig& r, conn_id conn, std::size_t from = 0) {
  static const char* names[] = {"", "created", "deleted", "changed", "children"};
  strings out;
  auto it = r.inbox.find(conn);
  if (it == r.inbox.end()) return out;
  for (auto i = from; i < it->second.size(); ++i) {
    auto& p = it->second[i];
    jute::reader in(p.bytes);
    REQUIRE(in.i32() == static_cast<std::int32_t>(p.bytes.size()) - 4);
    auto xid = in.i32();
    auto zxid = in.i64();
    auto error = in.i32();
    auto at = "@" + std::to_string(counter_of(zxid));
    if (xid == zk::xid_notification) {
      CHECK_FALSE(p.is_reply);
      auto n = take_apart(shared_bytes::copy_of(in.rest()));
      CHECK(n.zxid == zxid);
      auto line = std::string(!n.ended.empty() ? "ended "
                              : !n.is_state    ? ""
                              : n.too_old      ? "too old, state "
                                               : "state ") +
                  std::to_string(n.subscription) + at + ":";
      for (auto& o : n.list) line += (line.back() == ':' ? " " : ", ") + text_of(o);
      if (n.is_state && (!n.first || !n.last)) line += n.first ? " ..." : n.last ? " end" : " more";
      out.push_back(line);
    } else if (xid == zk::xid_watch_event) {
      auto type = in.i32();
      in.i32();
      out.push_back(std::string("event ") + names[type] + " " + std::string(in.ustring()) + at);
    } else {
      CHECK(p.is_reply);
      out.push_back("reply " + std::to_string(xid) + (error ? " error " + std::to_string(error) : at));
    }
  }
  return out;
}

/// A connection on the actor port.
struct actor_client {
  explicit actor_client(rig& on) : r(on), c(on.e, ensemble::leader, actor_port_bit) {
    c.connect();
    r.settle();
    mark();
  }
  void mark() { from = r.inbox[c.conn()].size(); }
  /// What came since the last call.
  strings told() {
    auto out = test::told(r, c.conn(), from);
    mark();
    return out;
  }
  void send(op o, const std::string& body) { c.send(o, body), r.e.commit(); }
  rig& r;
  client c;
  std::size_t from = 0;
};

}  // namespace troupe::test

// Random writes, clients that lose their connections and come again, a log that is trimmed: whatever happens, each
// subscription is told everything that it should be, once and in order, and no reply promises what was not told.

#include <doctest/doctest.h>

#include <random>

#include "cluster/watch/subscription_table.hpp"
#include "schema/records.capnp.h"
#include "tests/cluster/watch/subscription_rig.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

bool covers(scope where, const std::string& subscribed, const std::string& path) {
  auto parent = path.size() == 1 ? "" : path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
  if (where == scope::node) return path == subscribed;
  if (where == scope::children) return parent == subscribed;
  return path == subscribed || subscribed == "/" || path.rfind(subscribed + "/", 0) == 0;
}

/// What happened, by what the database did and not by what the notifier reads in transactions.
struct oracle {
  struct change {
    std::string text, path;
    bool readable;
  };
  std::map<zxid_t, std::vector<change>> history;
  std::map<std::string, std::pair<std::string, bool>> tree;  ///< data, readable

  void apply(const log_record& r) {
    wire::flat_message m(r.payload);
    auto& out = history[r.zxid];
    for (auto c : m.get<wire::Transaction>().getChanges()) {
      std::string path(wire::view(c.getPath()));
      auto data = [](auto of) { return std::string(wire::view(of.getData())); };
      if (c.isCreate()) {
        auto readable = c.getCreate().getAcl().size() == 0;
        tree[path] = {data(c.getCreate()), readable};
        out.push_back({"created " + path + "=" + data(c.getCreate()), path, readable});
      } else if (c.isSetData()) {
        tree[path].first = data(c.getSetData());
        out.push_back({"changed " + path + "=" + data(c.getSetData()), path, tree[path].second});
      } else if (c.isDelete()) {
        out.push_back({"deleted " + path, path, tree[path].second});
        tree.erase(path);
      } else if (c.isSetAcl()) {
        tree[path].second = c.getSetAcl().getAcl().size() == 0;
      }
    }
  }
};

/// One subscription of a client over all its connections.
struct follower {
  std::string path;
  scope where;
  zxid_t since = -1, told = 0;  ///< told: from where it would go on
  bool begun = false;           ///< its subscribe is answered on this connection
  bool leaving = false;         ///< it has unsubscribed: nobody promises it anything any more
  std::size_t states = 0, notifications = 0;

  std::vector<std::string> expected(const oracle& o, zxid_t zxid) const {
    std::vector<std::string> out;
    auto it = o.history.find(zxid);
    if (it == o.history.end()) return out;
    for (auto& c : it->second)
      if (c.readable && covers(where, path, c.path)) out.push_back(c.text);
    return out;
  }
  /// The next transaction after `told` that it must hear of, 0 if there is none up to `upto`.
  zxid_t next(const oracle& o, zxid_t upto) const {
    for (auto it = o.history.upper_bound(told); it != o.history.end() && it->first <= upto; ++it)
      if (!expected(o, it->first).empty()) return it->first;
    return 0;
  }
};

struct world {
  std::mt19937 random;
  rig r;
  oracle all;
  std::size_t seen_records = 0;
  std::map<zxid_t, std::map<std::string, std::pair<std::string, bool>>> trees;

  struct program {
    std::unique_ptr<client> c;
    std::size_t from = 0;
    std::map<std::int64_t, follower> subscriptions;
    std::map<std::int32_t, std::int64_t> asked;  ///< xid -> subscription
  };
  std::vector<program> programs;

  std::size_t below(std::size_t n) { return random() % n; }
  explicit world(unsigned seed, watch::subscription_limits l) : random(seed), r(l) {}

  std::string path() {
    static const char* names[] = {"a", "b", "ab"};
    std::string out;
    for (auto depth = 1 + below(3); depth; --depth) out += std::string("/") + names[below(3)];
    return out;
  }
  void note_records() {
    for (; seen_records < r.e.records.size(); ++seen_records) {
      all.apply(r.e.records[seen_records]);
      trees[r.e.records[seen_records].zxid] = all.tree;
    }
  }
  std::pair<op, std::string> write() {
    auto p = path();
    auto data = std::to_string(random() % 1000) + std::string(below(4) ? 0 : 300, 'x');
    switch (below(6)) {
      case 0:
      case 1:
        return {op::create, create_body(p, data, 0, below(3) ? open_acl : secret)};
      case 2:
        return {op::del, path_version(p)};
      default:
        return {op::set_data, set_body(p, data)};
    }
  }
  void write_something() {
    if (below(8) == 0)
      r.writer.send(op::set_acl, body().str(path()).acl(below(2) ? open_acl : secret).i32(-1));
    else if (below(5) == 0)
      r.writer.send(op::multi, multi_body({write(), write()}));
    else if (auto [o, b] = write(); true)
      r.writer.send(o, b);
    r.e.commit();
    note_records();
  }

  void connect(program& p) {
    p.c = std::make_unique<client>(r.e, ensemble::leader, actor_port_bit);
    p.c->ask_session(), r.e.commit();
    note_records();
    p.from = r.inbox[p.c->conn()].size();
    p.asked.clear();
    for (auto& [number, s] : p.subscriptions) {
      s.begun = false;
      ask(p, number, s, s.told ? s.told : s.since);
      if (below(3) == 0) p.c->send(op::exists, path_watch("/a", true));
    }
    r.e.commit();
  }
  void ask(program& p, std::int64_t number, follower& s, zxid_t since) {
    auto xid = p.c->send(op::subscribe, subscribe_body(number, s.path, s.where, since));
    p.asked[xid] = number;
    if (since == -1) s.told = r.e.db().zxid();
  }

  /// A client reads what it got.
  void read(program& p) {
    if (!p.c) return;
    auto& inbox = r.inbox[p.c->conn()];
    for (; p.from < inbox.size(); ++p.from) {
      jute::reader in(inbox[p.from].bytes);
      in.i32();
      auto xid = in.i32();
      auto zxid = in.i64();
      in.i32();
      if (xid == zk::xid_notification) {
        on_notification(p, take_apart(shared_bytes::copy_of(in.rest())));
      } else if (xid != zk::xid_watch_event) {
        if (auto it = p.asked.find(xid); it != p.asked.end()) p.subscriptions.at(it->second).begun = true;
        for (auto& one : p.subscriptions) {
          auto number = one.first;
          auto& s = one.second;
          if (!s.begun || s.leaving) continue;
          CAPTURE(told(r, p.c->conn()));
          CAPTURE(number);
          // The promise: nothing up to here is still to come.
          REQUIRE(s.next(all, zxid) == 0);
          s.told = std::max(s.told, zxid);
        }
      }
    }
  }
  void on_notification(program& p, const notified& n) {
    auto& s = p.subscriptions.at(n.subscription);
    std::vector<std::string> got;
    for (auto& o : n.list)
      got.push_back(o.type == 0   ? o.path + "=" + o.data
                    : o.type == 1 ? "created " + o.path + "=" + o.data
                    : o.type == 2 ? "deleted " + o.path
                                  : "changed " + o.path + "=" + o.data);
    if (n.is_state) {
      REQUIRE((n.first && n.last));
      REQUIRE(n.too_old == (s.told != 0));
      std::vector<std::string> expected;
      for (auto& [path, node] : trees.at(n.zxid))
        if (node.second && covers(s.where, s.path, path)) expected.push_back(path + "=" + node.first);
      std::erase_if(got, [](auto& line) { return line.starts_with("/=") || line.starts_with("/zookeeper"); });
      std::sort(got.begin(), got.end()), std::sort(expected.begin(), expected.end());
      REQUIRE(got == expected);
      ++s.states;
    } else {
      REQUIRE(n.zxid > s.told);
      CAPTURE(n.subscription);
      CAPTURE(s.told);
      CAPTURE(s.path);
      CAPTURE(static_cast<int>(s.where));
      CAPTURE(got);
      CAPTURE(s.expected(all, s.next(all, n.zxid)));
      REQUIRE(s.next(all, n.zxid) == n.zxid);  // none left out
      REQUIRE(got == s.expected(all, n.zxid));
      ++s.notifications;
    }
    s.told = n.zxid;
  }

  void run(int steps) {
    programs.resize(3);
    for (auto& p : programs) connect(p);
    std::int64_t next = 1;
    for (int i = 0; i < steps; ++i) {
      auto& p = programs[below(programs.size())];
      switch (below(12)) {
        case 0:
          if (p.c) p.c->lost(), read(p), p.c = nullptr;
          break;
        case 1:
          if (!p.c) connect(p);
          break;
        case 2:
          if (p.c && p.subscriptions.size() < 5) {
            auto& s = p.subscriptions[next] = {below(4) ? path() : "/", static_cast<scope>(below(3))};
            s.since = static_cast<zxid_t>(below(2)) - 1;
            ask(p, next++, s, s.since);
          }
          break;
        case 3:
          if (p.c && !p.subscriptions.empty() && below(3) == 0) {
            p.subscriptions.begin()->second.leaving = true;
            p.c->send(op::unsubscribe, unsubscribe_body(p.subscriptions.begin()->first));
            if (below(2)) r.settle();
            read(p);
            r.settle();
            read(p);
            p.subscriptions.erase(p.subscriptions.begin());
          }
          break;
        case 4:
          if (below(4) == 0) r.base = std::max(r.base, r.e.records[below(r.e.records.size())].zxid);
          break;
        case 5:
          if (p.c) p.c->send(op::get_data, path_watch(path(), true)), r.e.commit();
          break;
        case 6:
        case 7:
          r.step(static_cast<unsigned>(below(4)));
          break;
        default:
          write_something();
      }
      if (p.c && r.closed.contains(p.c->conn())) read(p), p.c = nullptr;
      if (below(2)) read(p);
    }
    for (auto& p : programs)
      if (!p.c) connect(p);
    r.settle();
    for (auto& p : programs) {
      read(p);
      for (auto& [number, s] : p.subscriptions) {
        CHECK(s.begun);
        CHECK(s.next(all, r.e.db().zxid()) == 0);
      }
    }
    CHECK(r.notifier.subscribed().held_connections() == 0);
    CHECK(r.notifier.subscribed().held_bytes() == 0);
  }
};

}  // namespace

TEST_CASE("whatever happens, a subscription is told everything, once and in order, and no reply promises too much") {
  std::size_t states = 0, notifications = 0, reads = 0, turns = 0, paced = 0;
  for (unsigned seed = 1; seed <= 1000; ++seed) {
    CAPTURE(seed);
    watch::subscription_limits l;
    l.recent_bytes = seed % 3 == 0 ? 0 : seed % 3 == 1 ? 2'000 : 100'000;
    l.pace_bytes = seed % 2 ? 400 : 100'000;
    l.turn_bytes = seed % 5 ? 100'000 : 300;
    world w(seed, l);
    w.r.chunk_records = 1 + seed % 7;
    w.run(300);
    for (auto& p : w.programs)
      for (auto& [number, s] : p.subscriptions) states += s.states, notifications += s.notifications;
    reads += w.r.reads, turns += w.r.turns, paced += w.r.paced;
  }
  // It all happened.
  CHECK(states > 300);
  CHECK(notifications > 2'000);
  CHECK(reads > 1'000);
  CHECK(turns > 100);
  CHECK(paced > 100);
}

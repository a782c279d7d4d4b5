#include "tests/history/test/reference.hpp"

#include <algorithm>
#include <deque>
#include <set>

#include "tests/history/test/reference_requests.hpp"
#include "tests/history/test/reference_tree.hpp"

namespace troupe::history::test {

namespace {

using kind = entry::kind;

/// One connection as its server sees it. Lives on for a while when its client is gone, as real ones do.
struct link {
  struct item {
    enum class state { local, to_leader, settled };
    call_id call = 0;
    request asked;
    std::vector<zk::id> who;  ///< as of the call
    state at = state::local;
    zxid_t zxid = 0;  ///< settled: answered once the replica has it
    result got;
  };
  bool open = true, heard = true;  ///< heard: its client is still there
  node_id node = 1;
  client_id client = 0;
  session_id session = 0;
  std::int32_t timeout_ms = 0;
  std::vector<zk::id> who{{"world", "anyone"}};
  std::deque<item> queue;
  std::set<std::pair<bool, std::string>> watches;
  std::deque<entry> inbox;  ///< on its way to the client
};

struct client_side {
  std::size_t link = 0;  ///< 0: none; else 1 + index
  bool connected = false;
  session_id session = 0;
  std::int32_t timeout_ms = 0;
  zxid_t seen = 0;
  std::set<call_id> waiting;
  std::set<std::string> data, exist, child;
};

class ensemble {
 public:
  explicit ensemble(const shape& s)
      : shape_(s), dice_(s.seed * 7919 + 17), replicas_(4), applied_(4), clients_(s.clients) {
    h_.set.name = "reference " + std::to_string(s.seed);
    h_.set.tick_ms = 100, h_.set.expiry_tolerance_ms = 0, h_.set.touch_report_ms = 0;
  }

  history run() {
    while (h_.entries.size() < shape_.entries) step();
    finish();
    return std::move(h_);
  }

 private:
  // ---- time and recording

  entry& record(kind what, client_id c) {
    auto& e = h_.entries.emplace_back();
    e.what = what, e.client = c, e.at_us = now_us_;
    auto& side = clients_[c];
    e.session = side.session;
    if (side.link) e.node = links_[side.link - 1].node;
    return e;
  }

  void step() {
    now_us_ += 1 + static_cast<std::int64_t>(dice_.below(2000));
    auto c = static_cast<client_id>(dice_.below(clients_.size()));
    switch (dice_.below(16)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return act(c);
      case 4:
      case 5:
      case 6:
      case 7:
        return receive(c);
      case 8:
      case 9:
      case 10:
        return lead(dice_.below(links_.size() + 1));
      case 11:
      case 12:
      case 13:
        return follow(1 + dice_.below(3));
      case 14:
        if (dice_.one_in(8)) drop(c);
        return;
      default:
        if (dice_.one_in(30)) ++epoch_, counter_ = 0;
        if (dice_.one_in(60)) now_us_ += 3'000'000;
        expire();
    }
  }

  /// Everything that is under way arrives; each client ends with a sync, which shows whether a watch was forgotten.
  void finish() {
    for (int round = 0; round < 2; ++round) {
      for (int again = 0; again < 6; ++again) {
        for (std::size_t i = 0; i <= links_.size(); ++i)
          for (int n = 0; n < 8; ++n) lead(i);
        for (std::size_t r = 1; r <= 3; ++r)
          while (applied_[r] < h_.log.size()) follow(r);
        for (client_id c = 0; c < clients_.size(); ++c)
          while (receive(c), clients_[c].link && !links_[clients_[c].link - 1].inbox.empty()) ++now_us_;
      }
      for (client_id c = 0; round == 0 && c < clients_.size(); ++c) {
        ++now_us_;
        if (!clients_[c].connected) continue;
        request r;
        r.op = zk::op::sync, r.path = "/";
        send(c, r);
      }
    }
  }

  // ---- clients

  call_id send(client_id c, const request& r) {
    auto& side = clients_[c];
    auto& e = record(kind::call, c);
    e.call = ++last_call_, e.asked = r;
    if (r.op == zk::op::create_session) e.session = r.session;
    side.waiting.insert(e.call);
    auto& l = links_[side.link - 1];
    link::item item;
    item.call = e.call, item.asked = r, item.who = l.who;
    switch (r.op) {
      case zk::op::create:
      case zk::op::create2:
      case zk::op::del:
      case zk::op::set_data:
      case zk::op::set_acl:
      case zk::op::multi:
      case zk::op::sync:
      case zk::op::close_session:
      case zk::op::create_session:
        item.at = link::item::state::to_leader;
        break;
      default:
        break;
    }
    auto id = item.call;
    if (!l.open) return id;
    if (r.op == zk::op::ping || r.op == zk::op::auth) {  // they overtake what waits
      asked_[id] = r;
      entry reply;
      reply.what = kind::reply, reply.call = id, reply.zxid = replicas_[l.node].zxid;
      if (r.op == zk::op::auth) reply.zxid = 0, l.who.push_back({r.path, r.data});
      l.inbox.push_back(std::move(reply));
      return id;
    }
    l.queue.push_back(std::move(item));
    pump(side.link - 1);
    return id;
  }

  void act(client_id c) {
    auto& side = clients_[c];
    if (!side.link) return connect(c);
    if (!side.connected || side.waiting.size() >= 3) return;
    if (shape_.registers_only) return act_on_registers(c);
    send(c, source_.any());
  }

  void act_on_registers(client_id c) {
    for (auto& r : source_.on_registers()) send(c, r);
  }

  void connect(client_id c) {
    auto& side = clients_[c];
    link l;
    l.node = static_cast<node_id>(1 + dice_.below(3)), l.client = c;
    if (replicas_[l.node].zxid < side.seen) return;  // the server would close: it is behind this client
    links_.push_back(std::move(l));
    side.link = links_.size();
    request r;
    r.op = zk::op::create_session, r.session = side.session, r.zxid = side.session ? side.seen : 0;
    r.timeout_ms = 2000 + static_cast<std::int32_t>(dice_.below(3)) * 1000;
    send(c, r);
  }

  void drop(client_id c) {
    auto& side = clients_[c];
    if (!side.link) return;
    auto& l = links_[side.link - 1];
    l.heard = false, l.inbox.clear();
    if (dice_.one_in(3)) l.open = false;
    gone(c);
  }

  void gone(client_id c) {
    auto& side = clients_[c];
    bool tell_each = dice_.one_in(2);
    for (auto id : side.waiting)
      if (tell_each) record(kind::lost, c).call = id;
    if (side.connected) record(kind::disconnected, c);
    side.waiting.clear();
    side.link = 0, side.connected = false;
  }

  void receive(client_id c) {
    auto& side = clients_[c];
    if (!side.link) return;
    auto& l = links_[side.link - 1];
    if (l.inbox.empty()) {
      if (!l.open) gone(c);
      return;
    }
    auto e = std::move(l.inbox.front());
    l.inbox.pop_front();
    e.at_us = now_us_, e.client = c, e.node = l.node;
    if (e.what != kind::connected && e.what != kind::expired) e.session = side.session;
    side.waiting.erase(e.call);
    auto what = e.what;
    auto session = e.session;
    auto zxid = e.zxid;
    understand(side, e);
    h_.entries.push_back(std::move(e));
    if (what == kind::reply && zxid > 0) side.seen = zxid;
    if (what == kind::connected) {
      side.connected = true, side.session = session;
      resume(c);
    }
    if (what == kind::expired) {
      side.link = 0, side.session = 0, side.seen = 0;
      side.data.clear(), side.exist.clear(), side.child.clear();
    }
  }

  /// Which watches a client believes to have.
  void understand(client_side& side, const entry& e) {
    if (e.what == kind::event) {
      using ev = zk::event;
      if (e.event == ev::node_deleted || e.event == ev::node_children_changed) side.child.erase(e.path);
      if (e.event != ev::node_children_changed) side.data.erase(e.path), side.exist.erase(e.path);
    }
    if (e.what != kind::reply) return;
    auto& r = asked_[e.call];
    if (!r.watch) return;
    bool ok = e.got.error == zk::err::ok;
    if (r.op == zk::op::exists) {
      if (ok) side.data.insert(r.path);
      if (e.got.error == zk::err::no_node) side.exist.insert(r.path);
    } else if (ok) {
      (r.op == zk::op::get_data ? side.data : side.child).insert(r.path);
    }
  }

  void resume(client_id c) {
    auto& side = clients_[c];
    if (side.data.empty() && side.exist.empty() && side.child.empty()) return;
    request r;
    r.op = zk::op::set_watches, r.zxid = side.seen;
    r.data_watches.assign(side.data.begin(), side.data.end());
    r.exist_watches.assign(side.exist.begin(), side.exist.end());
    r.child_watches.assign(side.child.begin(), side.child.end());
    side.data.clear(), side.exist.clear(), side.child.clear();
    for (auto& p : r.data_watches) side.data.insert(p);
    for (auto& p : r.exist_watches) side.exist.insert(p);
    for (auto& p : r.child_watches) side.child.insert(p);
    send(c, r);
  }

  // ---- servers

  void pump(std::size_t i) {
    while (links_[i].open && !links_[i].queue.empty()) {
      auto& l = links_[i];
      auto& item = l.queue.front();
      auto& db = replicas_[l.node];
      if (item.at == link::item::state::to_leader) return;
      if (item.at == link::item::state::settled && db.zxid < item.zxid) return;
      asked_[item.call] = item.asked;
      entry e;
      e.what = kind::reply, e.call = item.call, e.zxid = db.zxid, e.got = item.got;
      auto op = item.asked.op;
      if (item.at == link::item::state::local) answer(l, item.asked, e);
      if (op == zk::op::create_session) {
        bool ok = item.got.error == zk::err::ok;
        e = {};
        e.what = ok ? kind::connected : kind::expired, e.call = item.call;
        e.session = item.asked.session ? item.asked.session : l.session, e.timeout_ms = l.timeout_ms;
        e.reattached = item.asked.session != 0;
        if (!ok) l.open = false;
      }
      if (l.heard) l.inbox.push_back(std::move(e));
      l.queue.pop_front();
      if (op == zk::op::close_session) l.open = false;
    }
  }

  void answer(link& l, const request& r, entry& e) {
    auto& db = replicas_[l.node];
    switch (r.op) {
      case zk::op::set_watches:
        return set_watches(l, r);
      default:
        e.got = db.read(r, l.who);
    }
    if (!r.watch) return;
    bool child = r.op == zk::op::get_children || r.op == zk::op::get_children2;
    if (e.got.error == zk::err::ok || (r.op == zk::op::exists && e.got.error == zk::err::no_node))
      l.watches.emplace(child, r.path);
  }

  void set_watches(link& l, const request& r) {
    auto& db = replicas_[l.node];
    auto tell = [&](zk::event what, const std::string& path, bool visible) {
      if (!visible || !l.heard) return;
      entry e;
      e.what = kind::event, e.event = what, e.path = path, e.zxid = -1;
      l.inbox.push_back(std::move(e));
    };
    auto visible = [&](const std::string& p) { return may(db.nodes.at(p).acl, zk::perm::read, l.who); };
    for (auto& p : r.data_watches) {
      if (!db.nodes.contains(p))
        tell(zk::event::node_deleted, p, true);
      else if (db.nodes.at(p).st.mzxid > r.zxid)
        tell(zk::event::node_data_changed, p, visible(p));
      else
        l.watches.emplace(false, p);
    }
    for (auto& p : r.exist_watches)
      db.nodes.contains(p) ? tell(zk::event::node_created, p, visible(p)) : void(l.watches.emplace(false, p));
    for (auto& p : r.child_watches) {
      if (!db.nodes.contains(p))
        tell(zk::event::node_deleted, p, true);
      else if (db.nodes.at(p).st.pzxid > r.zxid)
        tell(zk::event::node_children_changed, p, visible(p));
      else
        l.watches.emplace(true, p);
    }
  }

  void follow(std::size_t r) {
    if (applied_[r] == h_.log.size()) return;
    auto& t = h_.log[applied_[r]++];
    auto fired = replicas_[r].apply(t);
    for (std::size_t i = 0; i < links_.size(); ++i) {
      auto& l = links_[i];
      if (l.node != r || !l.open) continue;
      for (auto& f : fired) {
        bool hit = f.data && l.watches.erase({false, f.path});
        hit = (f.child && l.watches.erase({true, f.path})) || hit;
        if (!hit || !may(f.acl, zk::perm::read, l.who) || !l.heard) continue;
        entry e;
        e.what = kind::event, e.event = f.what, e.path = f.path, e.zxid = f.zxid;
        l.inbox.push_back(std::move(e));
      }
      // An end that this connection did not ask for cuts it off at once.
      auto& last = t.changes.back();
      if (last.what == change::kind::close_session && last.session == l.session &&
          std::none_of(l.queue.begin(), l.queue.end(), [&](auto& item) {
            return item.at == link::item::state::settled && item.asked.op == zk::op::close_session &&
                   item.zxid == t.zxid && item.got.error == zk::err::ok;
          }))
        l.open = false;
      pump(i);
    }
  }

  // ---- leader

  txn& propose(session_id s, node_id origin) {
    auto& t = h_.log.emplace_back();
    t.zxid = make_zxid(epoch_, ++counter_), t.session = s, t.time_ms = now_us_ / 1000, t.origin = origin;
    t.request_id = origin ? ++requests_ : 0;
    return t;
  }

  replica_tree& tip() { return replicas_[0]; }

  void lead(std::size_t i) {
    if (i >= links_.size() || !links_[i].open) return;
    for (auto& item : links_[i].queue)
      if (item.at == link::item::state::to_leader) {
        process(links_[i], item);
        return pump(i);
      }
  }

  void process(link& l, link::item& item) {
    auto& r = item.asked;
    item.at = link::item::state::settled;
    if (r.op == zk::op::create_session) {
      open(l, item);
    } else if (owners_[l.session] != &l - links_.data()) {  // moved
      l.open = false;
      return;
    } else if (!tip().sessions.contains(l.session)) {
      item.got.error = zk::err::session_expired;
    } else if (r.op == zk::op::close_session) {
      touched_us_[l.session] = now_us_;
      close(l.session, l.node);
    } else if (r.op == zk::op::sync) {
      touched_us_[l.session] = now_us_;
      item.got.path = r.path;
    } else {
      touched_us_[l.session] = now_us_;
      write(l, r, item.who, item.got);
    }
    item.zxid = tip().zxid;
  }

  void open(link& l, link::item& item) {
    auto s = item.asked.session;
    if (s == 0) {
      s = (static_cast<session_id>(l.node) << 56) + ++last_session_;
      auto& t = propose(s, l.node);
      change c;
      c.what = change::kind::open_session, c.op = zk::op::create_session;
      c.session = s, c.timeout_ms = item.asked.timeout_ms;
      t.changes.push_back(c);
      tip().apply(t);
    } else if (!tip().sessions.contains(s)) {
      item.got.error = zk::err::session_expired;
      return;
    }
    l.session = s, l.timeout_ms = tip().sessions.at(s);
    for (auto& other : links_)
      if (&other != &l && other.session == s) other.open = false;
    owners_[s] = &l - links_.data();
    touched_us_[s] = now_us_;
  }

  void close(session_id s, node_id origin) {
    auto& t = propose(s, origin);
    for (auto& [path, n] : tip().nodes) {
      if (n.st.ephemeral_owner != s) continue;
      change c;
      c.what = change::kind::del, c.op = zk::op::close_session, c.path = path;
      t.changes.push_back(c);
    }
    change c;
    c.what = change::kind::close_session, c.op = zk::op::close_session, c.session = s;
    t.changes.push_back(c);
    tip().apply(t);
  }

  void expire() {
    for (auto& [s, at] : touched_us_) {
      auto it = tip().sessions.find(s);
      if (it == tip().sessions.end() || at + it->second * 1000 >= now_us_) continue;
      return close(s, 0);
    }
  }

  void write(link& l, const request& r, const std::vector<zk::id>& who, result& got) {
    auto before = tip().nodes;
    txn t;
    t.zxid = make_zxid(epoch_, counter_ + 1), t.time_ms = now_us_ / 1000;
    std::vector<fired> ignored;
    bool multi = r.op == zk::op::multi;
    auto parts = multi ? r.parts : std::vector<request>{r};
    for (std::size_t k = 0; k < parts.size(); ++k) {
      change c;
      auto e = tip().decide(parts[k], l.session, who, c);
      if (e != zk::err::ok) {
        tip().nodes = std::move(before);
        got = {};
        if (!multi) return void(got.error = e);
        got.parts.resize(parts.size());
        for (auto i = k; i < parts.size(); ++i) got.parts[i].error = i == k ? e : zk::err::runtime_inconsistency;
        return;
      }
      tip().apply(t, c, ignored);
      auto& one = multi ? got.parts.emplace_back() : got;
      if (c.what == change::kind::create) one.path = c.path;
      if (parts[k].op == zk::op::create2 || c.what == change::kind::set_data || c.what == change::kind::set_acl)
        one.stat = tip().stat_of(c.path);
      t.changes.push_back(std::move(c));
    }
    auto& done = propose(l.session, l.node);
    done.changes = std::move(t.changes);
    tip().zxid = done.zxid;
  }

  shape shape_;
  dice dice_;
  history h_;
  std::vector<replica_tree> replicas_;  ///< 0: the leader's newest
  std::vector<std::size_t> applied_;
  std::vector<client_side> clients_;
  std::vector<link> links_;
  std::map<session_id, std::ptrdiff_t> owners_;
  std::map<session_id, std::int64_t> touched_us_;
  std::map<call_id, request> asked_;
  std::int64_t now_us_ = 1'000'000;
  epoch_t epoch_ = 1;
  std::uint32_t counter_ = 0;
  std::uint64_t requests_ = 0;
  call_id last_call_ = 0;
  session_id last_session_ = 0;
  request_source source_{dice_, replicas_[0]};
};

}  // namespace

history make(const shape& s) { return ensemble(s).run(); }

}  // namespace troupe::history::test

#include "sim_ensemble.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>

namespace troupe::zab::sim {

namespace {

[[noreturn]] void breach(const std::string& what) { throw violation(what); }
std::string z(zxid_t v) { return std::to_string(epoch_of(v)) + "." + std::to_string(counter_of(v)); }

std::string pack(const log_records& list) {
  std::string out;
  for (auto& r : list) {
    std::uint32_t n = static_cast<std::uint32_t>(r.payload.size());
    out.append(reinterpret_cast<const char*>(&r.zxid), 8), out.append(reinterpret_cast<const char*>(&n), 4);
    out.append(r.payload.view());
  }
  return out;
}

log_records unpack(std::string_view in) {
  log_records out;
  while (!in.empty()) {
    log_record r;
    std::uint32_t n;
    std::memcpy(&r.zxid, in.data(), 8), std::memcpy(&n, in.data() + 8, 4);
    r.payload = shared_bytes::copy_of(in.substr(12, n));
    out.push_back(r);
    in.remove_prefix(12 + n);
  }
  return out;
}

}  // namespace

// ---- disk

void disk::apply(const persist_op& op) {
  if (auto* a = std::get_if<append_records>(&op)) {
    for (auto& r : a->records) {
      auto l = last();
      bool next = epoch_of(r.zxid) == epoch_of(l) ? r.zxid == l + 1 : r.zxid > l && counter_of(r.zxid) == 1;
      if (!next) breach("hole in the log: " + z(r.zxid) + " after " + z(l));
      log[r.zxid] = r.payload;
    }
  } else if (auto* t = std::get_if<truncate_after>(&op)) {
    if (t->last < checkpoint_zxid()) breach("truncation below the checkpoint");
    log.erase(log.upper_bound(t->last), log.end());
  } else if (auto* e = std::get_if<set_accepted_epoch>(&op)) {
    if (e->epoch <= accepted) breach("the accepted epoch does not grow");
    accepted = e->epoch;
  } else if (auto* c = std::get_if<set_current_epoch>(&op)) {
    if (c->epoch < current || c->epoch > accepted) breach("current epoch " + std::to_string(c->epoch));
    current = c->epoch;
  } else if (auto* b = std::get_if<begin_install>(&op)) {
    marker = b->zxid;
  } else if (auto* r = std::get_if<reset_log>(&op)) {
    if (checkpoint_zxid() != r->base) breach("log reset without its checkpoint");
    log.clear(), base = r->base, marker = 0;
  }
}

zab_peer::log_read_result disk::read(const read_log& r) const {
  zab_peer::log_read_result out;
  auto it = log.upper_bound(r.after);
  out.position = r.after < base ? -1 : it == log.begin() ? base : std::prev(it)->first;
  std::size_t size = 0;
  for (; it != log.end(); ++it) {
    size += it->second.size();
    if (!out.records.empty() && size > r.max_bytes) break;
    out.records.push_back({it->first, it->second});
  }
  out.at_end = it == log.end();
  return out;
}

void disk::recover() {
  if (marker && checkpoint_zxid() == marker) log.clear(), base = marker;
  marker = 0;
}

// ---- ensemble

ensemble::ensemble(options o) : options_(std::move(o)), random_(options_.seed) {
  for (auto& m : options_.members) {
    auto& n = nodes_[m.id];
    n.id = m.id;
    n.on_disk.accepted = n.on_disk.current = options_.first_epoch;
    for (auto& other : options_.members)
      if (other.id < m.id) pairs_[key(m.id, other.id)];
  }
  for (auto& [id, n] : nodes_) restart(id);
}

void ensemble::trace(const std::string& line) {
  for (unsigned char c : line) hash_ = (hash_ ^ c) * 1099511628211ull;
  if (options_.trace) std::fprintf(stderr, "%8lld %s\n", static_cast<long long>(now_ms_), line.c_str());
}

void ensemble::restart(node_id id) {
  auto& n = at(id);
  if (n.up) return;
  n.on_disk.recover();
  auto& d = n.on_disk;
  zab_settings s;
  s.self = id, s.ensemble.members = options_.members;
  s.ping_ms = 50, s.init_timeout_ms = 2000, s.sync_timeout_ms = 500, s.gather_timeout_ms = 500;
  s.window_bytes = options_.window_bytes, s.chunk_bytes = options_.chunk_bytes, s.max_counter = options_.max_counter;
  election_settings e;
  e.self = id, e.ensemble.members = options_.members, e.finalize_ms = 20, e.resend_min_ms = 100, e.resend_max_ms = 1000;
  n.up = true, n.frozen = false, n.role = commit::role::looking;
  n.delivered = d.checkpoint;
  n.peer = std::make_unique<zab_peer>(s, log_state{d.accepted, d.current, d.base, d.last()}, d.checkpoint_zxid());
  n.vote = std::make_unique<zab::election>(e);
  trace("restart " + std::to_string(id) + " last " + z(d.last()) + " current " + std::to_string(d.current));
  election_effects fx;
  n.vote->look(n.peer->last_logged(), n.peer->current_epoch(), now_ms_, fx);
  carry_out(n, fx);
}

void ensemble::crash(node_id id, bool keep_some_writes) {
  auto& n = at(id);
  if (!n.up) return;
  trace("crash " + std::to_string(id));
  ++counts_["crash"];
  for (auto& task : n.log_queue) {
    if (!keep_some_writes || draw(2)) break;
    if (auto* w = std::get_if<node::write>(&task))
      for (auto& op : w->ops) n.on_disk.apply(op);
  }
  n.up = false;
  n.log_queue.clear(), n.state_queue.clear(), n.snapshot_readers.clear(), n.staging.clear();
  n.peer.reset(), n.vote.reset();
  for (auto& [other, o] : nodes_)
    if (other != id) {
      disconnect(id, other);
      inbox_[{other, id}].clear();
      view_[{id, other}] = 0;
    }
}

void ensemble::disconnect(node_id a, node_id b) {
  auto& p = pairs_[key(a, b)];
  if (!p.connected) return;
  p.connected = false;
  for (auto [from, to] : {std::pair{a, b}, std::pair{b, a}}) {
    auto& q = inbox_[{from, to}];
    while (!q.empty() && q.back().kind != event::link_up && draw(2)) q.pop_back();  // some may still be read
    if (at(to).up) q.push_back({event::link_down, {}});
  }
}

void ensemble::connect_some(bool all) {
  for (auto& [k, p] : pairs_) {
    if (p.connected || p.cut || !at(k.first).up || !at(k.second).up || (!all && draw(3))) continue;
    p.connected = true, ++p.incarnation;
    inbox_[{k.first, k.second}].push_back({event::link_up, {}});
    inbox_[{k.second, k.first}].push_back({event::link_up, {}});
  }
}

void ensemble::cut(node_id a, node_id b, bool on) {
  pairs_[key(a, b)].cut = on;
  if (on) disconnect(a, b);
}
void ensemble::break_link(node_id a, node_id b) { disconnect(a, b); }
void ensemble::isolate(node_id id) {
  trace("isolate " + std::to_string(id));
  for (auto& [other, n] : nodes_)
    if (other != id) cut(id, other, true);
}
void ensemble::clog(node_id from, node_id to, bool on) {
  if (on)
    clogged_.insert({from, to});
  else
    clogged_.erase({from, to});
}
void ensemble::heal() {
  clogged_.clear();
  for (auto& [k, p] : pairs_) p.cut = false;
  for (auto& [id, n] : nodes_) n.frozen = false;
}

void ensemble::transmit(node_id from, node_id to, event e) {
  auto& p = pairs_[key(from, to)];
  if (!p.connected || view_[{from, to}] != p.incarnation) return;  // into a link that is gone
  inbox_[{from, to}].push_back(std::move(e));
}

bool ensemble::deliver_one(node_id from, node_id to) {
  auto& q = inbox_[{from, to}];
  auto& n = at(to);
  if (q.empty()) return false;
  auto e = std::move(q.front());
  q.pop_front();
  if (!n.up) return true;
  effects fx;
  election_effects ex;
  if (e.kind == event::frame_vote) {
    n.vote->on_notification(from, decode_notification(shared_bytes::copy_of(e.frame)), now_ms_, ex);
  } else if (e.kind == event::frame_zab) {
    n.peer->on_message(from, decode_message(shared_bytes::copy_of(e.frame)), now_ms_, fx);
  } else {
    bool up = e.kind == event::link_up;
    view_[{to, from}] = up ? pairs_[key(from, to)].incarnation : 0;
    trace("link " + std::to_string(to) + "-" + std::to_string(from) + (up ? " up" : " down"));
    n.vote->on_link(from, up, now_ms_, ex);
    n.peer->on_link(from, up, now_ms_, fx);
  }
  carry_out(n, ex);
  carry_out(n, fx);
  return true;
}

bool ensemble::disk_one(node_id id) {
  auto& n = at(id);
  if (!n.up || n.frozen || n.log_queue.empty()) return false;
  auto task = std::move(n.log_queue.front());
  n.log_queue.pop_front();
  effects fx;
  if (auto* w = std::get_if<node::write>(&task)) {
    for (auto& op : w->ops) n.on_disk.apply(op);
    n.peer->on_durable(w->token, now_ms_, fx);
  } else {
    auto& r = std::get<read_log>(task);
    n.peer->on_log_read(r, n.on_disk.read(r), now_ms_, fx);
  }
  carry_out(n, fx);
  return true;
}

bool ensemble::state_one(node_id id) {
  auto& n = at(id);
  if (!n.up || n.state_queue.empty()) return false;
  auto task = std::move(n.state_queue.front());
  n.state_queue.pop_front();
  effects fx;
  if (auto* r = std::get_if<read_snapshot>(&task)) {
    if (r->close) return n.snapshot_readers.erase(r->learner), true;
    n.snapshot_readers.insert(r->learner);
    auto& all = n.on_disk.checkpoint;
    auto from = std::min(all.size(), r->index * options_.snapshot_chunk_records);
    auto to = std::min(all.size(), from + options_.snapshot_chunk_records);
    log_records part(all.begin() + static_cast<long>(from), all.begin() + static_cast<long>(to));
    snap_chunk c{n.on_disk.checkpoint_zxid(), r->index, to == all.size(), shared_bytes::copy_of(pack(part))};
    if (c.last) n.snapshot_readers.erase(r->learner);
    n.peer->on_snapshot_chunk(r->learner, c, now_ms_, fx);
  } else {
    auto& c = std::get<install_chunk>(task).chunk;
    if (c.last && n.on_disk.marker != c.zxid) breach("a chunk is installed before the disk knows of it");
    if (c.index == 0) n.staging.clear();
    for (auto& rec : unpack(c.chunk.view())) n.staging.push_back(rec);
    if (c.last) {
      n.on_disk.checkpoint = n.delivered = std::move(n.staging);
      n.staging.clear(), ++n.installs;
      for (std::size_t i = 0; i < n.delivered.size(); ++i)
        if (i >= committed_.size() || committed_[i].zxid != n.delivered[i].zxid)
          breach("a checkpoint with what was not committed");
      if (n.on_disk.checkpoint_zxid() != c.zxid) breach("the checkpoint is not what it says");
      ++counts_["installed"];
      trace("installed at " + std::to_string(id));
      n.peer->on_installed(c.zxid, now_ms_, fx);
    } else {
      n.peer->on_chunk_installed(c.index, now_ms_, fx);
    }
  }
  carry_out(n, fx);
  return true;
}

void ensemble::pass_ms(std::int64_t ms) {
  now_ms_ += ms;
  for (auto& [id, n] : nodes_) {
    if (!n.up) continue;
    election_effects ex;
    n.vote->tick(now_ms_, ex);
    carry_out(n, ex);
    effects fx;
    n.peer->tick(now_ms_, fx);
    carry_out(n, fx);
  }
}

void ensemble::checkpoint(node_id id, bool trim) {
  auto& n = at(id);
  auto& d = n.on_disk;
  if (!n.up || !n.snapshot_readers.empty() || !n.state_queue.empty() || d.marker || n.delivered.empty()) return;
  d.checkpoint = n.delivered;
  trace("checkpoint " + std::to_string(id) + " at " + z(d.checkpoint_zxid()));
  if (!trim || d.checkpoint_zxid() < d.base) return;
  d.base = d.checkpoint_zxid();
  d.log.erase(d.log.begin(), d.log.upper_bound(d.base));
}

void ensemble::submit(node_id id, int count, bool confirm) {
  auto& n = at(id);
  if (!n.up) return;
  std::vector<commit::prepared> list;
  for (int i = 0; i < count; ++i) {
    commit::prepared p;
    ++next_payload_;
    p.txn = shared_bytes::copy_of("txn " + std::to_string(next_payload_) + std::string(next_payload_ % 90, '.'));
    list.push_back(std::move(p));
  }
  if (confirm) {
    commit::prepared p;
    p.origin = id, p.confirm = true, p.reply.id = ++next_request_;
    if (n.role == commit::role::leading) syncs_[p.reply.id] = committed_.empty() ? 0 : committed_.back().zxid;
    list.push_back(std::move(p));
  }
  effects fx;
  n.peer->submit(std::move(list), now_ms_, fx);
  carry_out(n, fx);
}

bool ensemble::one_event() {
  for (auto& [k, q] : inbox_)
    if (!clogged_.contains(k) && deliver_one(k.first, k.second)) return true;
  for (auto& [id, n] : nodes_)
    if (disk_one(id) || state_one(id)) return true;
  return false;
}

void ensemble::settle() {
  int events = 0;
  do {
    connect_some(true);
    while (one_event())
      if (++events > 100000) breach("the ensemble does not come to rest");
  } while (std::any_of(pairs_.begin(), pairs_.end(), [&](auto& p) {
    return !p.second.connected && !p.second.cut && at(p.first.first).up && at(p.first.second).up;
  }));
}

// ---- effects

void ensemble::carry_out(node& n, election_effects& ex) {
  for (auto& o : ex.send) transmit(n.id, o.to, {event::frame_vote, encode(o.what)});
  if (!ex.decided) return;
  trace(std::to_string(n.id) + " decided " + std::to_string(*ex.decided) + " in round " +
        std::to_string(n.vote->round()));
  effects fx;
  if (*ex.decided == n.id)
    n.peer->lead(now_ms_, fx);
  else
    n.peer->follow(*ex.decided, now_ms_, fx);
  carry_out(n, fx);
}

void ensemble::check_send(node& n, const message& m) {
  static const char* names[] = {"FollowerInfo", "LeaderInfo", "AckEpoch",  "Trunc",        "Truncated", "SnapChunk",
                                "SnapAck",      "Proposals",  "NewLeader", "AckNewLeader", "UpToDate",  "Ack",
                                "Commit",       "Ping",       "Pong",      "Requests",     "Replies"};
  ++counts_[names[m.body.index()]];
  auto& d = n.on_disk;
  if (auto* a = std::get_if<ack>(&m.body); a && a->last > d.last())
    breach("ack of " + z(a->last) + " before it is on disk");
  if (std::holds_alternative<ack_new_leader>(m.body) && d.current != m.epoch)
    breach("AckNewLeader before the epoch is on disk");
  if (std::holds_alternative<ack_epoch>(m.body) && d.accepted < m.epoch) breach("AckEpoch before the epoch is on disk");
  if (std::holds_alternative<leader_info>(m.body) && d.accepted != m.epoch)
    breach("LeaderInfo before the epoch is on disk");
}

void ensemble::carry_out(node& n, effects& fx) {
  for (auto& line : fx.log) {
    trace(std::to_string(n.id) + ": " + line);
    ++counts_[line.substr(0, line.find_first_of("0123456789"))];
  }
  counts_["log read"] += fx.log_reads.size();
  if (!fx.accused.empty()) breach("node " + std::to_string(n.id) + " accuses " + fx.accused.front());
  if (fx.fatal) breach("node " + std::to_string(n.id) + " stops: " + *fx.fatal);
  if (!fx.persist.empty()) n.log_queue.push_back(node::write{fx.persist_token, fx.persist});
  for (auto& r : fx.log_reads) n.log_queue.push_back(r);
  for (auto& r : fx.snapshot_reads) n.state_queue.push_back(r);
  for (auto& c : fx.installs) n.state_queue.push_back(c);
  std::string previous;
  for (auto& o : fx.send) {
    check_send(n, o.what);
    auto frame = encode(o.what);
    if (o.same && frame != previous) breach("a message said to equal the one before it does not");
    if (on_send && !on_send(n.id, o.to, o.what)) {
      disconnect(n.id, o.to);
    } else {
      transmit(n.id, o.to, {event::frame_zab, frame});
    }
    previous = std::move(frame);
  }
  for (auto id : fx.drop_links) disconnect(n.id, id);
  effects more;
  for (auto& op : fx.local) {
    if (auto* d = std::get_if<zab::deliver>(&op)) deliver(n, d->committed);
    if (auto* r = std::get_if<role_change>(&op)) on_role(n, *r, more);
    if (auto* a = std::get_if<answer>(&op)) on_answers(n, a->replies);
    if (auto* f = std::get_if<forwarded>(&op)) {
      std::vector<commit::prepared> list;
      for (auto& q : f->list) {
        commit::prepared p;
        p.origin = f->from, p.confirm = true, p.reply.id = q.id;
        list.push_back(std::move(p));
      }
      n.peer->submit(std::move(list), now_ms_, more);
    }
  }
  check(n);
  if (fx.rest) {
    election_effects ex;
    n.vote->rest(ex);
    carry_out(n, ex);
  }
  if (fx.look) {
    election_effects ex;
    n.vote->look(n.peer->last_logged(), n.peer->current_epoch(), now_ms_, ex);
    carry_out(n, ex);
  }
  if (!more.send.empty() || !more.persist.empty() || !more.local.empty() || more.rest || more.look) carry_out(n, more);
}

void ensemble::deliver(node& n, const log_records& list) {
  for (auto& r : list) {
    auto at = n.delivered.size();
    if (at < committed_.size()) {
      if (committed_[at].zxid != r.zxid || committed_[at].payload.view() != r.payload.view())
        breach("node " + std::to_string(n.id) + " delivers " + z(r.zxid) + " where " + z(committed_[at].zxid) +
               " was committed");
    } else {
      committed_.push_back(r);
    }
    n.delivered.push_back(r);
  }
}

void ensemble::on_role(node& n, const role_change& r, effects&) {
  n.role = r.role, n.epoch = r.epoch;
  trace(std::to_string(n.id) + " role " + std::to_string(static_cast<int>(r.role)) + " epoch " +
        std::to_string(r.epoch));
  if (r.role == commit::role::looking) return;
  if (r.role == commit::role::leading) {
    ++n.became_leader;
    auto [it, fresh] = established_.emplace(r.epoch, n.id);
    if (!fresh) breach("epoch " + std::to_string(r.epoch) + " is established twice");
    if (n.delivered.size() < committed_.size()) breach("a leader is established without all that was committed");
  }
  election_effects ex;
  n.vote->on_established(r.epoch, now_ms_, ex);
  carry_out(n, ex);
}

void ensemble::on_answers(node& n, const std::vector<commit::reply_only>& list) {
  for (auto& r : list) {
    if (n.role == commit::role::looking) breach("an answer while looking");
    if (auto it = syncs_.find(r.id); it != syncs_.end()) {
      if (r.after < it->second)
        breach("a sync is answered at " + z(r.after) + ", but " + z(it->second) + " was committed before");
      syncs_.erase(it);
      ++counts_["sync answered"];
    }
    n.last_answer = r.id;
  }
}

void ensemble::check(node& n) {
  auto last = n.delivered.empty() ? 0 : n.delivered.back().zxid;
  if (last != n.peer->delivered()) breach("delivered " + z(last) + ", but the peer says " + z(n.peer->delivered()));
  if (n.peer->delivered() > n.on_disk.last() && n.on_disk.checkpoint_zxid() != n.peer->delivered())
    breach("node " + std::to_string(n.id) + " delivers " + z(last) + " ahead of its disk");
  if (n.on_disk.current > n.on_disk.accepted) breach("current epoch after accepted epoch");
  if (n.peer->committed() < n.peer->delivered()) breach("delivered beyond the commit");
}

// ---- scheduler

bool ensemble::progress() {
  std::vector<std::function<bool()>> choices;
  for (auto& [k, q] : inbox_)
    if (!q.empty() && !clogged_.contains(k))
      choices.push_back([this, k = k] { return deliver_one(k.first, k.second); });
  for (auto& [id, n] : nodes_) {
    if (n.up && !n.frozen && !n.log_queue.empty()) choices.push_back([this, id = id] { return disk_one(id); });
    if (n.up && !n.state_queue.empty()) choices.push_back([this, id = id] { return state_one(id); });
  }
  if (choices.empty() || draw(20) == 0) {
    connect_some(false);
    pass_ms(1 + static_cast<std::int64_t>(draw(10)));
    return false;
  }
  choices[draw(choices.size())]();
  return true;
}

void ensemble::step() {
  auto dice = static_cast<int>(draw(10000));
  auto pick = [&] { return options_.members[draw(options_.members.size())].id; };
  auto chance = [&](int c) { return (dice -= c) < 0; };
  if (chance(options_.crash)) {
    auto id = pick();
    if (at(id).up)
      crash(id, draw(2));
    else
      restart(id);
  } else if (chance(options_.crash)) {  // twice as likely to come back
    restart(pick());
  } else if (chance(options_.drop_link)) {
    auto a = pick(), b = pick();
    if (a != b) break_link(a, b);
  } else if (chance(options_.partition)) {
    auto a = pick(), b = pick();
    if (draw(3) == 0)
      isolate(a);
    else if (a != b)
      cut(a, b, true);
  } else if (chance(options_.clog)) {
    if (!clogged_.empty() && draw(2)) {
      clogged_.erase(clogged_.begin());
    } else {
      auto a = pick(), b = pick();
      if (a != b) clog(a, b, true);
    }
  } else if (chance(options_.heal)) {
    heal();
  } else if (chance(options_.disk_stall)) {
    at(pick()).frozen = true;
  } else if (chance(options_.checkpoint)) {
    checkpoint(pick(), draw(3) != 0);
  } else if (chance(options_.submit)) {
    for (auto& [id, n] : nodes_) {
      if (!n.up || draw(2)) continue;
      if (n.role == commit::role::leading) {
        submit(id, static_cast<int>(draw(4)), draw(4) == 0);
      } else if (n.role == commit::role::following) {
        std::vector<commit::forwarded_request> list(1);
        list[0].id = ++next_request_;
        syncs_[list[0].id] = committed_.empty() ? 0 : committed_.back().zxid;
        effects fx;
        n.peer->touched({1, 2});
        n.peer->forward(std::move(list), now_ms_, fx);
        carry_out(n, fx);
      }
    }
  } else {
    progress();
  }
}

void ensemble::run(int steps) {
  for (int i = 0; i < steps; ++i) step();
}

void ensemble::until(const char* what, const std::function<bool()>& done, std::int64_t limit_ms) {
  for (auto end = now_ms_ + limit_ms; !done();) {
    if (now_ms_ > end) breach(std::string("it never came true that ") + what);
    progress();
  }
}

node_id ensemble::leader() const {
  node_id found = 0;
  for (auto& [id, n] : nodes_)
    if (n.up && n.role == commit::role::leading && (!found || n.epoch > nodes_.at(found).epoch)) found = id;
  return found;
}

void ensemble::converge() {
  heal();
  for (auto& [id, n] : nodes_) restart(id);
  until("everybody serves in one epoch", [&] {
    auto l = leader();
    if (!l) return false;
    for (auto& [id, n] : nodes_)
      if (n.role == commit::role::looking || n.epoch != at(l).epoch) return false;
    return true;
  });
  submit(leader(), 2, true);
  until("everybody has delivered everything", [&] {
    auto l = leader();
    if (!l || at(l).peer->pending() || at(l).peer->last_logged() != at(l).peer->delivered()) return false;
    for (auto& [id, n] : nodes_)
      if (n.delivered.size() != committed_.size()) return false;
    return true;
  });
}

options random_options(std::uint64_t seed) {
  std::mt19937_64 r(seed * 7919 + 13);
  options o;
  o.seed = seed;
  o.members.clear();
  auto voters = std::array{1, 2, 3, 3, 3, 3, 4, 5}[r() % 8];
  for (int i = 1; i <= voters; ++i) o.members.push_back({static_cast<node_id>(i)});
  if (r() % 4 == 0) o.members.push_back({static_cast<node_id>(voters + 1), true});
  if (r() % 8 == 0)
    o.members.back().weight = static_cast<std::uint32_t>(voters == 1 && !o.members.back().observer ? 1 : r() % 3);
  auto some = [&](int most) { return r() % 2 ? static_cast<int>(r() % static_cast<unsigned>(most)) : 0; };
  o.crash = some(100), o.clog = some(300), o.drop_link = some(60), o.partition = some(30), o.heal = 10 + some(60),
  o.checkpoint = some(120);
  o.disk_stall = some(10), o.submit = 50 + some(1000);
  o.window_bytes = r() % 2 ? 500 : 5000;
  o.snapshot_chunk_records = 1 + r() % 20;
  return o;
}

void run_seed(std::uint64_t seed, int steps) {
  ensemble e(random_options(seed));
  e.run(steps);
  e.converge();
}

}  // namespace troupe::zab::sim

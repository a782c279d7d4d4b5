#include "tests/sim/network.hpp"

namespace troupe::sim {

namespace {
enum network_code : std::uint64_t { code_up = 0x100, code_down, code_frame };
std::string pair_text(node_id a, node_id b) { return std::to_string(a) + "-" + std::to_string(b); }
}  // namespace

network::network(world& w, std::vector<node_id> nodes, receiver r)
    : world_(w), nodes_(std::move(nodes)), to_(std::move(r)) {
  for (auto a : nodes_)
    for (auto b : nodes_) {
      if (a == b) continue;
      ways_[{a, b}];
      links_[key(a, b)];
    }
}

std::int64_t network::delay() {
  auto& o = world_.set;
  auto us = o.delay_us + world_.between(0, o.jitter_us);
  if (o.slow_us && world_.one_in(50)) us += world_.between(0, o.slow_us), world_.count("slow frame");
  return us;
}

void network::send(node_id from, node_id to, msg::channel what, const shared_bytes& body) {
  auto& w = ways_.at({from, to});
  auto& link = links_.at(key(from, to));
  if (w.view == 0 || w.view != link.incarnation || !link.connected) return;  // into a link that is gone
  int copies = 1;
  if (what == msg::channel::election && world_.set.repeat_vote &&
      world_.draw(10000) < static_cast<unsigned>(world_.set.repeat_vote))
    ++copies, world_.count("repeated vote");
  while (copies--) {
    w.queue.push_back({link.incarnation, what, body});
    w.last_due_us = std::max(w.last_due_us, world_.now_us() + delay());
    world_.at(w.last_due_us, [this, k = pair{from, to}] {
      ++ways_.at(k).arrived;
      flush(k);
    });
  }
}

void network::flush(pair k) {
  auto& w = ways_.at(k);
  auto [from, to] = k;
  while (w.arrived && !w.held) {
    auto f = std::move(w.queue.front());
    w.queue.pop_front(), --w.arrived;
    if (ways_.at({to, from}).view != f.incarnation || !to_.up(to)) continue;
    world_.note(code_frame, from, to, f.body.size());
    to_.frame(to, from, f.what, f.body);
  }
}

void network::drop_link(node_id by, node_id peer) {
  auto& link = links_.at(key(by, peer));
  auto& mine = ways_.at({by, peer});
  if (mine.view == 0) return;
  side_down(by, peer, mine.view);
  if (link.connected) disconnect(key(by, peer));
}

void network::side_down(node_id at, node_id peer, std::uint64_t incarnation) {
  auto& w = ways_.at({at, peer});
  if (w.view != incarnation) return;
  w.view = 0;
  world_.note(code_down, at, peer);
  world_.trace([&] { return "link " + pair_text(at, peer) + " down"; });
  if (to_.up(at)) to_.link(at, peer, false);
}

void network::disconnect(pair p) {
  auto& link = links_.at(p);
  if (!link.connected) return;
  link.connected = false;
  for (auto [at, peer] : {p, pair{p.second, p.first}}) {
    if (ways_.at({at, peer}).view != link.incarnation) continue;
    world_.after(world_.between(0, 2 * (world_.set.delay_us + world_.set.jitter_us)),
                 [this, at = at, peer = peer, i = link.incarnation] { side_down(at, peer, i); });
  }
  attempt_later(p);
}

void network::attempt_later(pair p) {
  auto& link = links_.at(p);
  if (link.attempting) return;
  link.attempting = true;
  world_.after(world_.between(2000, 100000), [this, p] { attempt(p); });
}

void network::attempt(pair p) {
  auto& link = links_.at(p);
  link.attempting = false;
  auto [a, b] = p;
  if (link.connected || !to_.up(a) || !to_.up(b)) return;  // a start attempts anew
  auto &ab = ways_.at({a, b}), &ba = ways_.at({b, a});
  if (link.cut || to_.paused(a) || to_.paused(b) || ab.held || ba.held || ab.view || ba.view) return attempt_later(p);
  link.connected = true, ++link.incarnation;
  for (auto [at, peer] : {p, pair{b, a}}) {
    auto due = world_.now_us() + delay();
    auto& inward = ways_.at({peer, at});
    inward.last_due_us = std::max(inward.last_due_us, due);  // no frame comes before the link
    world_.at(due, [this, at = at, peer = peer, i = link.incarnation] {
      auto& l = links_.at(key(at, peer));
      if (!l.connected || l.incarnation != i || !to_.up(at)) return;
      ways_.at({at, peer}).view = i;
      world_.note(code_up, at, peer, i);
      world_.trace([&] { return "link " + pair_text(at, peer) + " up"; });
      to_.link(at, peer, true);
    });
  }
}

void network::node_started(node_id id) {
  for (auto other : nodes_)
    if (other != id) attempt_later(key(id, other));
}

void network::node_ended(node_id id) {
  for (auto other : nodes_) {
    if (other == id) continue;
    ways_.at({id, other}).view = 0;
    disconnect(key(id, other));
  }
}

void network::node_paused(node_id id) {
  world_.after(world_.set.link_timeout_ms * 1000, [this, id] {
    if (!to_.up(id) || !to_.paused(id)) return;
    for (auto other : nodes_)
      if (other != id) disconnect(key(id, other));
  });
}

bool network::break_link(node_id a, node_id b) {
  if (a == b || !links_.at(key(a, b)).connected) return false;
  disconnect(key(a, b));
  return true;
}

bool network::cut(node_id a, node_id b) {
  if (a == b || links_.at(key(a, b)).cut) return false;
  links_.at(key(a, b)).cut = true;
  disconnect(key(a, b));
  return true;
}

bool network::hold(node_id from, node_id to, bool on) {
  if (from == to) return false;
  auto& w = ways_.at({from, to});
  if (w.held == on) return false;
  w.held = on;
  if (!on) return flush({from, to}), true;
  world_.after(world_.set.link_timeout_ms * 1000, [this, from, to, i = links_.at(key(from, to)).incarnation] {
    auto& link = links_.at(key(from, to));
    if (ways_.at({from, to}).held && link.incarnation == i) disconnect(key(from, to));
  });
  return true;
}

bool network::release_one() {
  std::vector<pair> all;
  for (auto& [k, w] : ways_)
    if (w.held) all.push_back(k);
  if (all.empty()) return false;
  auto k = all[world_.draw(all.size())];
  hold(k.first, k.second, false);
  return true;
}

void network::heal() {
  for (auto& [k, l] : links_) l.cut = false;
  while (release_one()) {
  }
}

}  // namespace troupe::sim

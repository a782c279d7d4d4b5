/// Faults that wait for their moment: what goes wrong once in a million times by chance alone does so often here.

#include <algorithm>

#include "tests/sim/faults.hpp"

namespace troupe::sim {

void faults::occasions() {
  auto& o = world_.set;
  if (chance(o.freeze_leader)) freeze_leader();
  if (chance(o.move_client) && move_client()) fired("client moved");
  wipe_behind();
  if (!o.crash_in_copy) return;
  for (auto id : nodes_.ids()) {
    auto& n = nodes_.at(id);
    if (!n.up || !n.copying || n.role != commit::role::looking) continue;
    if (world_.draw(100) >= static_cast<std::uint64_t>(o.crash_in_copy)) continue;
    world_.count("crash in a copy");
    if (world_.one_in(3)) {
      for (auto other : nodes_.ids()) nodes_.links().break_link(id, other);
    } else {
      nodes_.crash(id, power());
      n.restart_planned = true;
      restart_later(id);
    }
    n.copying = false;
  }
}

/// The leader stands still until the others have another one. When it goes on, it must not tell what is old. What is asked
/// behind a write of its own waits with it: clients that write go elsewhere, those that only read come to it, and it
/// stands still when nothing is under way.
void faults::freeze_leader() {
  auto l = nodes_.leader();
  if (!l) return;
  if (world_.one_in(3)) return freeze(l, 0);
  for (auto& c : clients_)
    if (c->only_reads())
      c->visit(l);
    else if (c->connected_to() == l)
      c->move();
  freeze(l, 300);
}

void faults::freeze(node_id l, int patience_ms) {
  if (!active_ || nodes_.leader() != l) return;
  auto settled = [&] {
    return nodes_.at(l).zab->pending() == 0 && std::all_of(clients_.begin(), clients_.end(), [&](auto& c) {
             return c->only_reads() == (c->connected_to() == l);
           });
  };
  if (patience_ms && !settled()) return world_.after(1000, [this, l, patience_ms] { freeze(l, patience_ms - 1); });
  // Its links may be read later than its clients.
  auto links_late_us = world_.one_in(2) ? world_.between(0, 30'000) : 0;
  if (nodes_.pause(l, world_.between(600, world_.set.freeze_ms), links_late_us)) fired("leader frozen");
}

/// Its calls wait in the link between its node and the leader, while it goes on elsewhere: they must not take effect
/// behind what it asks there.
bool faults::move_client() {
  auto& c = *clients_[world_.draw(clients_.size())];
  auto from = c.connected_to(), leader = nodes_.leader();
  if (!from || !leader) return false;
  if (from == leader) return c.move(), true;
  nodes_.links().hold(from, leader, true);
  auto first = world_.between(1000, 60'000);
  world_.after(first, [this, &c, from] {
    if (active_ && c.connected_to() == from) c.move();
  });
  world_.after(first + world_.between(5000, 300'000),
               [this, from, leader] { nodes_.links().hold(from, leader, false); });
  return true;
}

/// The wiped node and one that lags are a quorum by number, and together they lack what was committed. Somebody else
/// still has it, so nothing is lost that an ensemble may lose (cluster/zab/discovery.cpp tells why).
void faults::wipe_behind() {
  auto& o = world_.set;
  if (!o.wipe_behind || recovering_) return;
  auto id = nodes_.any_node();
  std::vector<node_id> behind;
  if (!nodes_.votes(id) || !nodes_.watch().survives_wipe(id, behind) || behind.empty()) return;
  // Rot that shows later would take a second copy away.
  for (auto other : nodes_.ids())
    if (other != id && nodes_.votes(other) && nodes_.at(other).damaged) return;
  if (!chance(20 * o.wipe_behind)) return;
  fired("wipe while another lags");
  nodes_.wipe(id);
  recovering_ = id;
  nodes_.at(id).restart_planned = true;
  restart_later(id, 50);
  for (auto other : nodes_.ids()) {
    auto& n = nodes_.at(other);
    if (other == id || std::find(behind.begin(), behind.end(), other) != behind.end()) continue;
    if (!n.up || !nodes_.votes(other)) continue;
    nodes_.crash(other, power());
    n.restart_planned = true;
    restart_later(other);
  }
}

/// The others elect another one. Observers still reach it: they are part of no quorum.
void faults::hide(node_id elected) {
  if (!active_ || world_.draw(100) >= static_cast<std::uint64_t>(world_.set.hide_elected)) return;
  world_.count("elected leader hidden");
  world_.trace([&] { return "fault: node " + std::to_string(elected) + ", just elected, is hidden"; });
  auto hold = [this, elected](bool on) {
    for (auto other : nodes_.ids())
      if (nodes_.votes(other)) nodes_.links().hold(elected, other, on), nodes_.links().hold(other, elected, on);
  };
  hold(true);
  world_.after(world_.between(100'000, 1'500'000), [hold] { hold(false); });
}

void faults::fail_truncation(node_id id) {
  auto& n = nodes_.at(id);
  if (world_.draw(100) >= static_cast<std::uint64_t>(world_.set.fail_truncation)) return;
  world_.count("truncation failed");
  if (world_.one_in(2))
    n.on_disk.fail_write(1 + world_.draw(4));
  else
    n.on_disk.fail_sync(1 + world_.draw(3));
}

}  // namespace troupe::sim

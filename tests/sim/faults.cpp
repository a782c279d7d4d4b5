#include "tests/sim/faults.hpp"

#include <utility>

namespace troupe::sim {

faults::faults(world& w, ensemble& e, std::vector<std::unique_ptr<client>>& c) : world_(w), nodes_(e), clients_(c) {}

void faults::start() {
  active_ = true;
  nodes_.on_elected = [this](node_id id) { hide(id); };
  nodes_.on_truncating = [this](node_id id) { fail_truncation(id); };
  tick();
}

bool faults::chance(int rate) {
  // A millisecond is the step: `rate` thousandths of a second's chance.
  return rate != 0 && world_.draw(1'000'000) < static_cast<std::uint64_t>(rate);
}

bool faults::fired(const char* what) {
  world_.count(what);
  world_.trace([&] { return std::string("fault: ") + what; });
  return true;
}

void faults::tick() {
  watch_recovery();
  operate();
  if (active_) {
    network_faults();
    node_faults();
    disk_faults();
    occasions();
  }
  world_.after(1000, [this] { tick(); });
}

void faults::network_faults() {
  auto& o = world_.set;
  auto& net = nodes_.links();
  auto a = nodes_.any_node(), b = nodes_.any_node();
  if (chance(o.break_link) && net.break_link(a, b)) fired("link broken");
  if (chance(o.partition) && partition(a, b)) fired("partition");
  if (chance(o.one_way) && one_way(a)) fired("one-way partition");
  if (chance(o.clog) && net.hold(a, b, true)) fired("clog");
  if (chance(o.clog) && net.release_one()) fired("clog released");
  if (chance(o.cut_client) && cut_client(a)) fired("client cut off");
  if (chance(o.heal)) fired("healed"), net.heal(), nodes_.doors().release_all();
}

bool faults::partition(node_id a, node_id b) {
  auto& all = nodes_.ids();
  bool any = false;
  auto cut = [&](node_id x, node_id y) { any |= nodes_.links().cut(x, y); };
  auto cut_if = [&](auto apart) {
    for (std::size_t x = 0; x < all.size(); ++x)
      for (auto y = x + 1; y < all.size(); ++y)
        if (apart(x, y)) cut(all[x], all[y]);
  };
  switch (world_.draw(5)) {
    case 0:  // one alone
      for (auto other : all) cut(a, other);
      break;
    case 1: {  // two camps
      auto camp = world_.draw(std::uint64_t{1} << all.size());
      cut_if([&](auto x, auto y) { return (camp >> x & 1) != (camp >> y & 1); });
      break;
    }
    case 2:  // a bridge: `a` sees all, the others nobody else
      cut_if([&](auto x, auto y) { return all[x] != a && all[y] != a; });
      break;
    case 3:  // a ring: each sees its two neighbours; with five, each sees a majority, and no two the same
      cut_if([&](auto x, auto y) { return y - x != 1 && y - x != all.size() - 1; });
      break;
    default:
      cut(a, b);
  }
  return any;
}

/// What `a` says reaches only some of the others, or what some of the others say does not reach it.
bool faults::one_way(node_id a) {
  bool any = false, mute = world_.one_in(2), all = world_.one_in(3);
  for (auto other : nodes_.ids())
    if (all || world_.one_in(2))
      any |= mute ? nodes_.links().hold(a, other, true) : nodes_.links().hold(other, a, true);
  return any;
}

bool faults::cut_client(node_id a) {
  switch (world_.draw(4)) {
    case 0:
      return nodes_.doors().cut(a);
    case 1:
      return nodes_.doors().hold_one();
    case 2:
      return nodes_.doors().break_one();
    default:
      clients_[world_.draw(clients_.size())]->vanish(world_.between(1000, 4'000'000));
      return true;
  }
}

void faults::restart_later(node_id id) { restart_later(id, world_.set.down_ms); }

void faults::restart_later(node_id id, std::int64_t within_ms) {
  world_.after(world_.between(1000, within_ms * 1000), [this, id] {
    auto& n = nodes_.at(id);
    if (n.refused) {  // an operator moves the data away
      if (!may_lose_data(id)) return restart_later(id);
      nodes_.wipe(id);
      recovering_ = id;
    }
    n.on_disk.heal();
    if (active_) disturb_recovery(n);
    nodes_.start(id);
    n.restart_planned = false;  // if it is down again, the next tick sees it
  });
}

/// The node goes down, or its disk fails, while it recovers what is on it, or soon after.
void faults::disturb_recovery(node& n) {
  auto& o = world_.set;
  if (o.crash_in_write && world_.one_in(4)) {
    auto kind = power() ? crash::power : crash::process;
    n.on_disk.crash_at(1 + world_.draw(8), kind);
  } else if (o.io_error && world_.one_in(8)) {
    if (world_.one_in(2))
      n.on_disk.fail_write(1 + world_.draw(4));
    else
      n.on_disk.fail_sync(1 + world_.draw(4));
  }
}

void faults::node_faults() {
  auto& o = world_.set;
  auto id = world_.one_in(3) && nodes_.leader() ? nodes_.leader() : nodes_.any_node();
  auto& n = nodes_.at(id);
  if (n.up && recovering_ != id) {
    if (chance(o.crash) && fired("crash")) {
      nodes_.crash(id, power());
      restart_later(id);
    } else if (chance(o.stop) && fired("stop")) {
      nodes_.stop(id);
      restart_later(id);
    } else if (chance(o.crash_in_write)) {
      auto kind = power() ? crash::power : crash::process;
      n.on_disk.crash_at(1 + world_.draw(12), kind);
    }
  }
  if (chance(o.pause) && nodes_.pause(id, world_.between(1, o.pause_ms))) fired("pause");
  if (recovering_ == 0 && chance(o.crash_all) && fired("crash of all")) {
    bool p = power();
    for (auto every : nodes_.ids())
      if (nodes_.at(every).up) {
        nodes_.crash(every, p);
        restart_later(every);
      }
  }
  if (chance(o.rolling_restart) && fired("rolling restart")) rolling_restart();
  if (chance(o.wall_jump) && fired("wall clock jump"))
    nodes_.at(id).wall_offset_ms += world_.between(-3600000, 3600000);
  if (chance(o.freeze_clock) && nodes_.freeze_clock(id, world_.between(1, o.pause_ms))) fired("clock stands still");
}

/// As an operator does it, if an impatient one: one after the other, whether the last one is back in the ensemble or not.
void faults::rolling_restart() {
  std::int64_t at = 0;
  for (auto id : nodes_.ids()) {
    world_.after(at, [this, id] {
      if (!active_ || !nodes_.at(id).up || recovering_ == id) return;
      nodes_.stop(id);
      nodes_.at(id).restart_planned = true;
      restart_later(id, 100);
    });
    at += world_.between(20'000, 600'000);
  }
}

/// Whoever looks after the machines: starts what ended by itself.
void faults::operate() {
  for (auto every : nodes_.ids()) {
    auto& m = nodes_.at(every);
    if (!m.up && !m.restart_planned) {
      m.restart_planned = true;
      restart_later(every);
    }
    if (m.up) m.restart_planned = false;
  }
}

bool faults::may_lose_data(node_id id) const {
  return (recovering_ == 0 || recovering_ == id) && nodes_.watch().others_have_everything(id);
}

/// The node that lost its data has them again once it is in the leader's epoch with everything.
void faults::watch_recovery() {
  if (!recovering_) return;
  auto& n = nodes_.at(recovering_);
  auto l = nodes_.leader();
  if (n.up && l && n.role != commit::role::looking && n.epoch == nodes_.at(l).epoch &&
      n.zab->last_logged() == nodes_.at(l).zab->last_logged())
    recovering_ = 0;
}

void faults::disk_faults() {
  auto& o = world_.set;
  auto id = nodes_.any_node();
  auto& n = nodes_.at(id);
  if (chance(o.stall) && nodes_.stall(id, world_.between(1, o.stall_ms))) fired("disk stalled");
  if (n.up && recovering_ != id && chance(o.io_error)) {
    if (world_.one_in(2))
      n.on_disk.fail_write(1 + world_.draw(5));
    else
      n.on_disk.fail_sync(1 + world_.draw(5));
  }
  if (n.up && recovering_ != id && chance(o.disk_full)) {
    n.on_disk.limit(n.on_disk.used_bytes() + world_.draw(30000));
    world_.after(world_.between(1000, 3'000'000), [this, id] { nodes_.at(id).on_disk.limit(UINT64_MAX); });
  }
  auto damage = [&](int rate, const char* what, auto hit) {
    if (!may_lose_data(id) || recovering_ || !chance(rate)) return;
    if (n.up) nodes_.crash(id, world_.one_in(2));
    recovering_ = id;
    if (auto text = hit(n.on_disk); !text.empty()) {
      fired(what);
      n.damaged = true;
      nodes_.watch().on_damage(id);
      world_.trace([&] { return "node " + std::to_string(id) + ": " + text; });
    }
    n.restart_planned = true;
    restart_later(id);
  };
  damage(o.rot, "rot", [](disk& d) { return d.rot(); });
  damage(o.lost_commit, "lost commit",
         [&](disk& d) { return world_.one_in(3) ? d.lose_newest_checkpoint_commit() : d.lose_newest_log_commit(); });
  if (may_lose_data(id) && !recovering_ && chance(o.wipe) && fired("wipe")) {
    nodes_.wipe(id);
    recovering_ = id;
    n.restart_planned = true;
    restart_later(id);
  }
}

void faults::stop() {
  active_ = false;
  nodes_.on_elected = nodes_.on_truncating = nullptr;
  nodes_.links().heal();
  nodes_.doors().release_all();
  if (world_.one_in(3)) forsake_some();
  for (auto id : nodes_.ids()) {
    auto& n = nodes_.at(id);
    n.on_disk.heal();
    nodes_.start(id);
  }
}

/// A minority of the voters stays down: the others are a quorum and have to serve. Not if one of them has lost data, or
/// may still find that it has: it serves only with all others there (README, "What a voter without data does").
void faults::forsake_some() {
  auto& all = nodes_.membership();
  std::vector<node_id> left, forsaken;
  for (auto& m : all.members) {
    auto& n = nodes_.at(m.id);
    if (recovering_ || n.refused || n.damaged) return;
    if (!nodes_.votes(m.id)) continue;
    if (n.on_disk.durable().state().current_epoch == 0) return;
    (world_.one_in(2) ? left : forsaken).push_back(m.id);
  }
  if (forsaken.empty() || !all.quorum(left)) return;
  for (auto id : forsaken) {
    nodes_.crash(id, power());
    nodes_.at(id).forsaken = true;
  }
  fired("minority left dead");
}

void faults::relent() {
  for (auto id : nodes_.ids())
    if (std::exchange(nodes_.at(id).forsaken, false)) nodes_.start(id);
}

}  // namespace troupe::sim

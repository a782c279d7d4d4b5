#include "tests/sim/faults.hpp"

namespace troupe::sim {

faults::faults(world& w, ensemble& e, std::vector<std::unique_ptr<client>>& c) : world_(w), nodes_(e), clients_(c) {}

void faults::start() {
  active_ = true;
  nodes_.on_elected = [this](node_id id) { hide(id); };
  nodes_.on_truncating = [this](node_id id) { fail_truncation(id); };
  tick();
}

bool faults::happens(int rate, const char* what) {
  // A millisecond is the step: `rate` thousandths of a second's chance.
  if (rate == 0 || world_.draw(1'000'000) >= static_cast<std::uint64_t>(rate)) return false;
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
  if (happens(o.break_link, "link broken")) net.break_link(a, b);
  if (happens(o.partition, "partition")) {
    auto& all = nodes_.ids();
    switch (world_.draw(4)) {
      case 0:  // one alone
        for (auto other : all) net.cut(a, other, true);
        break;
      case 1:  // two camps
        for (auto x : all)
          for (auto y : all)
            if (x < y && x <= a && y > a) net.cut(x, y, true);
        break;
      case 2:  // a bridge: `a` sees all, the others nobody else
        for (auto x : all)
          for (auto y : all)
            if (x < y && x != a && y != a) net.cut(x, y, true);
        break;
      default:
        net.cut(a, b, true);
    }
  }
  if (happens(o.one_way, "one-way partition"))
    for (auto other : nodes_.ids()) world_.one_in(2) ? net.hold(a, other, true) : void();
  if (happens(o.clog, "clog")) net.hold(a, b, true);
  if (o.clog && happens(o.clog, "clog released")) net.release_one();
  if (happens(o.cut_client, "client cut off")) {
    switch (world_.draw(4)) {
      case 0:
        nodes_.doors().cut(a, true);
        break;
      case 1:
        nodes_.doors().hold_one();
        break;
      case 2:
        nodes_.doors().break_one();
        break;
      default:
        clients_[world_.draw(clients_.size())]->vanish(world_.between(1000, 4'000'000));
    }
  }
  if (happens(o.heal, "healed")) net.heal(), nodes_.doors().release_all();
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
    nodes_.start(id);
    n.restart_planned = false;
  });
}

void faults::node_faults() {
  auto& o = world_.set;
  auto id = world_.one_in(3) && nodes_.leader() ? nodes_.leader() : nodes_.any_node();
  auto& n = nodes_.at(id);
  if (n.up && recovering_ != id) {
    if (happens(o.crash, "crash")) {
      nodes_.crash(id, power());
      restart_later(id);
    } else if (happens(o.crash_in_write, "crash armed")) {
      n.on_disk.crash_at(1 + world_.draw(12), power() ? crash::power : crash::process);
    }
  }
  if (n.up && happens(o.pause, "pause")) nodes_.pause(id, world_.between(1, o.pause_ms));
  if (recovering_ == 0 && happens(o.crash_all, "crash of all")) {
    bool p = power();
    for (auto every : nodes_.ids())
      if (nodes_.at(every).up) {
        nodes_.crash(every, p);
        restart_later(every);
      }
  }
  if (happens(o.wall_jump, "wall clock jump")) nodes_.at(id).wall_offset_ms += world_.between(-3600000, 3600000);
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
  if (n.up && happens(o.stall, "disk stalled")) nodes_.stall(id, world_.between(1, o.stall_ms));
  if (n.up && recovering_ != id && happens(o.io_error, "error of the disk")) {
    n.injected.insert("error");
    if (world_.one_in(2))
      n.on_disk.fail_write(1 + world_.draw(5));
    else
      n.on_disk.fail_sync(1 + world_.draw(5));
  }
  if (n.up && recovering_ != id && happens(o.disk_full, "disk full")) {
    n.injected.insert("full");
    n.on_disk.limit(n.on_disk.used_bytes() + world_.draw(30000));
    world_.after(world_.between(1000, 3'000'000), [this, id] { nodes_.at(id).on_disk.heal(); });
  }
  auto damage = [&](int rate, const char* what, auto hit) {
    if (!may_lose_data(id) || recovering_ || !happens(rate, what)) return;
    if (n.up) nodes_.crash(id, world_.one_in(2));
    recovering_ = id;
    if (auto text = hit(n.on_disk); !text.empty()) {
      n.injected.insert(what);
      nodes_.watch().on_damage(id);
      world_.trace([&] { return "node " + std::to_string(id) + ": " + text; });
    }
    n.restart_planned = true;
    restart_later(id);
  };
  damage(o.rot, "rot", [](disk& d) { return d.rot(); });
  damage(o.lost_commit, "lost commit",
         [&](disk& d) { return world_.one_in(3) ? d.lose_newest_checkpoint_commit() : d.lose_newest_log_commit(); });
  if (may_lose_data(id) && !recovering_ && happens(o.wipe, "wipe")) {
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
  for (auto id : nodes_.ids()) {
    auto& n = nodes_.at(id);
    n.on_disk.heal();
    nodes_.start(id);
  }
}

}  // namespace troupe::sim

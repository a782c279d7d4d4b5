#include "tests/sim/observer.hpp"

#include <algorithm>
#include <utility>

#include "tests/sim/tree_hash.hpp"

namespace troupe::sim {

namespace {

std::string z(zxid_t v) { return std::to_string(epoch_of(v)) + "." + std::to_string(counter_of(v)); }

/// In any queue of a node. Without a bug it was 249 at most in 3,000 seeds: what came while a broadcast stood still.
constexpr std::size_t most_waiting = 2'000;

std::uint64_t lost_commits(const node& n) {
  auto it = n.on_disk.fired().find("commit lost");
  return it == n.on_disk.fired().end() ? 0 : it->second;
}

std::uint64_t hash_of(const shared_bytes& b) {
  std::uint64_t h = 1469598103934665603ull;
  for (unsigned char c : b.view()) h = (h ^ c) * 1099511628211ull;
  return h;
}

}  // namespace

observer::observer(world& w, zab::membership m) : world_(w), ensemble_(std::move(m)) {
  for (auto& one : ensemble_.members) nodes_[one.id];
}

void observer::breach(const char* check, const node& n, const std::string& what) {
  world_.breach(check, "node " + std::to_string(n.id) + ": " + what);
}

std::size_t observer::position_after(zxid_t v) const {
  return static_cast<std::size_t>(std::upper_bound(committed_.begin(), committed_.end(), v,
                                                   [](zxid_t a, const log_record& r) { return a < r.zxid; }) -
                                  committed_.begin());
}

// ---- disk

bool observer::image::same_as(const image& o, std::string* why) const {
  auto after = std::max(base, o.base);
  auto a = records.upper_bound(after), b = o.records.upper_bound(after);
  for (; a != records.end() && b != o.records.end() && *a == *b; ++a, ++b) {
  }
  if (a != records.end() || b != o.records.end()) {
    *why = "expected the log up to " + z(last()) + ", found it up to " + z(o.last());
    return false;
  }
  if (last() > after || o.last() > after) {
    if (last() != o.last()) return *why = "the log ends at " + z(o.last()) + " instead of " + z(last()), false;
  }
  if (accepted != o.accepted || current != o.current) {
    *why = "epochs are " + std::to_string(o.accepted) + "/" + std::to_string(o.current) + " instead of " +
           std::to_string(accepted) + "/" + std::to_string(current);
    return false;
  }
  return true;
}

bool observer::image::begins_with(const image& o, zxid_t* differs) const {
  auto after = std::max(base, o.base);
  if (*differs = o.last(); last() < o.last()) return false;
  auto a = records.upper_bound(after);
  for (auto b = o.records.upper_bound(after); b != o.records.end(); ++a, ++b)
    if (*differs = b->first; a == records.end() || *a != *b) return false;
  return true;
}

observer::image observer::before_newest(const node_view& v) {
  if (v.newest.all) return *v.newest.all;
  auto out = v.disk;
  out.records.erase(out.records.upper_bound(v.newest.last), out.records.end());
  out.accepted = v.newest.accepted, out.current = v.newest.current;
  return out;
}

void observer::on_boot(const node& n, persistence::log_store& log, zxid_t checkpoint) {
  auto& v = nodes_.at(n.id);
  image found;
  auto s = log.state();
  found.base = s.base, found.accepted = s.accepted_epoch, found.current = s.current_epoch;
  try {
    for (auto& r : log.read(s.base, SIZE_MAX).records) found.records[r.zxid] = hash_of(r.payload);
  } catch (const persistence::storage_error&) {
    // Nobody has read the record yet; when somebody does, the node stops.
    if (!v.damaged && !v.latent_rot) throw;
    v.latent_rot = true;
    world_.count("rot that nobody has read yet");
    auto with = v.disk;
    for (auto& op : v.writing) apply(n, with, op);
    if (with.last() != s.last) with = v.disk;  // the write that a crash cut off is not there
    found.records = std::move(with.records);
    found.base = s.base, found.records.erase(found.records.upper_bound(s.last), found.records.end());
    v.disk = found, v.writing.clear();
  }

  // A write that a crash cut off is there wholly or not at all; an install is finished by the start itself.
  image with = v.disk;
  for (auto& op : v.writing) apply(n, with, op);
  auto lost = lost_commits(n);
  bool lost_commit = lost != std::exchange(v.lost_commits, lost);
  std::string why, why_with, why_before;
  bool as_before = v.disk.same_as(found, &why);
  if (!as_before && !v.writing.empty() && with.same_as(found, &why_with)) {
    remember(v, v.writing);
  } else if (!as_before) {
    bool finished_install = v.installed && found.base == v.installed && found.records.empty() &&
                            found.accepted >= v.disk.accepted && found.current >= v.disk.current;
    // Damage may take the newest write and nothing else, and this in two cases only.
    bool without_newest = v.damaged && v.newest.any && before_newest(v).same_as(found, &why_before);
    bool came_back = lost_commit && v.newest.all && found.accepted == v.disk.accepted &&
                     found.current == v.disk.current && found.last() > v.disk.last();
    if (finished_install) {
      world_.count("install finished at start");
    } else if (without_newest && came_back) {
      // The commit that was lost was a truncation, and nothing was acknowledged on it since (high_water.hpp).
      world_.count("truncation lost, its records are back");
    } else if (without_newest && v.power_lost && (lost_commit || v.newest.in_journal)) {
      // Known limit (high_water.hpp): a power failure lost the mark that tells of the last block or commit.
      world_.count(lost_commit ? "lost commit that nothing told of after a power failure"
                               : "rot that passed for torn after a power failure");
    } else if (v.damaged) {
      breach("rot_is_noticed", n, why + (why_before.empty() ? "" : "; or, without the newest write: " + why_before));
    } else {
      breach("recovery", n, why + (why_with.empty() ? "" : "; or, with the write under way: " + why_with));
    }
    v.newest = {};
  }
  v.disk = std::move(found);
  v.writing.clear();
  v.accusations = 0, v.failed_writes = n.on_disk.errors();
  v.failed_at_boot = v.failed_writes, v.storage_error.clear();
  v.damaged = v.power_lost = v.newest.in_journal = false;
  v.spoiled = v.latent_rot;  // every record was read, and the checkpoint was loaded
  v.checkpoint = checkpoint;
  if (checkpoint > last_committed()) breach("checkpoint_committed", n, "its checkpoint is of " + z(checkpoint));
  v.delivered = checkpoint, v.position = position_after(checkpoint), v.decided = 0;
}

void observer::on_writing(const node& n, std::span<const zab::persist_op> ops) {
  nodes_.at(n.id).writing.assign(ops.begin(), ops.end());
}

void observer::on_written(const node& n) {
  auto& v = nodes_.at(n.id);
  auto ops = std::move(v.writing);
  v.writing.clear();
  if (!ops.empty()) remember(v, ops);
  for (auto& op : ops) {
    apply(n, v.disk, op);
    if (auto* e = std::get_if<zab::set_current_epoch>(&op)) enter_epoch(n, v.disk, e->epoch);
  }
  check_device(n, v);
  auto& device = n.on_disk.durable();
  for (auto& op : ops) {
    auto* a = std::get_if<zab::append_records>(&op);
    if (!a) continue;
    for (auto& r : a->records) {
      if (!v.disk.records.contains(r.zxid)) break;  // dropped by what was written behind it
      auto there = device.find(r.zxid);
      if (!there || *there != r.payload.view())
        breach("durable_image", n,
               z(r.zxid) + " was written, but a power cut would " + (there ? "change" : "lose") + " it");
    }
  }
}

/// What would be left if the power were cut now; everything that leaves a node as acknowledged is in `v.disk`.
void observer::check_device(const node& n, const node_view& v) {
  auto& device = n.on_disk.durable();
  auto& s = device.state();
  if (s.last != v.disk.last())
    breach("durable_image", n, "its log ends at " + z(v.disk.last()) + ", on the device at " + z(s.last));
  if (s.accepted_epoch != v.disk.accepted || s.current_epoch != v.disk.current)
    breach("durable_image", n,
           "its epochs are " + std::to_string(v.disk.accepted) + "/" + std::to_string(v.disk.current) +
               ", on the device " + std::to_string(s.accepted_epoch) + "/" + std::to_string(s.current_epoch));
  if (device.checkpoint() < s.base)
    breach("durable_image", n,
           "its log begins after " + z(s.base) + ", its checkpoint is of " + z(device.checkpoint()));
}

void observer::remember(node_view& v, const std::vector<zab::persist_op>& ops) {
  auto drops = [](auto& op) {
    return std::holds_alternative<zab::truncate_after>(op) || std::holds_alternative<zab::reset_log>(op);
  };
  auto appends = [](auto& op) { return std::holds_alternative<zab::append_records>(op); };
  v.newest = {true, std::all_of(ops.begin(), ops.end(), appends), v.disk.last(), v.disk.accepted, v.disk.current, {}};
  if (std::any_of(ops.begin(), ops.end(), drops)) v.newest.all = v.disk;
}

void observer::apply(const node& n, image& d, const zab::persist_op& op) {
  if (auto* a = std::get_if<zab::append_records>(&op)) {
    for (auto& r : a->records) {
      if (!persistence::follows(d.last(), r.zxid)) breach("log_rules", n, z(r.zxid) + " behind " + z(d.last()));
      auto [it, fresh] = contents_.emplace(r.zxid, r.payload);
      if (!fresh && it->second.view() != r.payload.view())
        breach("one_content_per_zxid", n, z(r.zxid) + " has another content than elsewhere");
      d.records[r.zxid] = hash_of(r.payload);
    }
  } else if (auto* t = std::get_if<zab::truncate_after>(&op)) {
    if (t->last < nodes_.at(n.id).delivered)
      breach("log_rules", n, "truncates after " + z(t->last) + " but delivered " + z(nodes_.at(n.id).delivered));
    d.records.erase(d.records.upper_bound(t->last), d.records.end());
  } else if (auto* e = std::get_if<zab::set_accepted_epoch>(&op)) {
    if (e->epoch <= d.accepted) breach("epochs_grow", n, "accepted epoch " + std::to_string(e->epoch));
    d.accepted = e->epoch;
  } else if (auto* c = std::get_if<zab::set_current_epoch>(&op)) {
    if (c->epoch < d.current || c->epoch > d.accepted)
      breach("epochs_grow", n,
             "current epoch " + std::to_string(c->epoch) + " after " + std::to_string(d.current) + ", accepted " +
                 std::to_string(d.accepted));
    d.current = c->epoch;
  } else if (auto* r = std::get_if<zab::reset_log>(&op)) {
    d.records.clear(), d.base = r->base;
  }
}

/// `d` is the log as it was when the epoch was written, not what came in the same write behind it.
void observer::enter_epoch(const node& n, const image& d, epoch_t e) {
  auto& v = nodes_.at(n.id);
  auto text = "enters epoch " + std::to_string(e);
  if (v.promised.contains(e) && !v.closed[e].contains(d.last()))  // a learner: its leader says where its history ends
    breach("initial_history", n,
           text + " with a history up to " + z(d.last()) + ", which " +
               (v.closed[e].empty() ? "nobody has closed" : "NewLeader closed at " + z(*v.closed[e].rbegin())));
  // The first has just the initial history: no leader proposes before its own disk is in the epoch.
  auto [it, first] = histories_.try_emplace(e);
  auto& h = it->second;
  if (first) {
    h.who = n.id, h.disk = d;
    // The newest one is enough: it begins with those before it.
    for (auto earlier = it; earlier != histories_.begin();)
      if ((--earlier)->second.chosen) {
        extends(n, e, earlier->first);
        break;
      }
  } else {
    zxid_t differs = 0;
    if (!d.begins_with(h.disk, &differs))
      breach("initial_history", n,
             text + " without the history of node " + std::to_string(h.who) + ", at " + z(differs));
    auto next = d.records.upper_bound(std::max(h.disk.last(), d.base));
    if (next != d.records.end() && epoch_of(next->first) != e)
      breach("initial_history", n,
             text + " with " + z(next->first) + " behind the history of node " + std::to_string(h.who) + ", " +
                 z(h.disk.last()));
  }
  choose(n, e, h);
}

void observer::choose(const node& n, epoch_t e, epoch_history& h) {
  h.entered.push_back(n.id);
  if (h.chosen || !ensemble_.quorum(h.entered)) return;
  h.chosen = true;
  for (auto later = histories_.upper_bound(e); later != histories_.end(); ++later) extends(n, later->first, e);
}

void observer::extends(const node& n, epoch_t later, epoch_t earlier) {
  zxid_t differs = 0;
  if (histories_.at(later).disk.begins_with(histories_.at(earlier).disk, &differs)) return;
  breach("initial_history", n,
         "epoch " + std::to_string(later) + " begins without " + z(differs) + ", of the initial history of epoch " +
             std::to_string(earlier));
}

void observer::on_checkpoint(const node& n, zxid_t zxid, bool installed) {
  auto& v = nodes_.at(n.id);
  if (zxid > last_committed()) breach("checkpoint_committed", n, "writes a checkpoint of " + z(zxid));
  if (!installed && zxid > v.delivered)
    breach("checkpoint_committed", n, "writes a checkpoint of " + z(zxid) + " but delivered " + z(v.delivered));
  v.checkpoint = zxid;
  if (installed) v.installed = zxid;
}

void observer::on_crash(const node& n, bool power) {
  if (power) nodes_.at(n.id).power_lost = true;
}

void observer::on_damage(node_id id) { nodes_.at(id).damaged = nodes_.at(id).spoiled = true; }

void observer::on_wipe(node_id id) {
  auto& v = nodes_.at(id);
  auto before = std::move(v.disk);
  v = {};
  v.before_wipe = std::move(before);
}

// ---- what it says

void observer::on_send(const node& n, node_id to, const zab::message& m) {
  auto& v = nodes_.at(n.id);
  auto& d = v.disk;
  if (auto* a = std::get_if<zab::ack>(&m.body); a && a->last > d.last())
    breach("ack_durable", n, "acknowledges " + z(a->last) + " but has " + z(d.last()) + " on disk");
  if (auto* a = std::get_if<zab::ack_epoch>(&m.body)) {
    if (d.accepted < m.epoch) breach("epoch_durable", n, "AckEpoch before the accepted epoch is on disk");
    if (a->current_epoch > d.current) breach("epoch_durable", n, "AckEpoch tells a current epoch that is not on disk");
    v.promised.insert(m.epoch);
  }
  if (std::holds_alternative<zab::leader_info>(m.body) && d.accepted < m.epoch)
    breach("epoch_durable", n, "LeaderInfo before the accepted epoch is on disk");
  if (auto* l = std::get_if<zab::new_leader>(&m.body)) {
    auto [it, fresh] = announced_.emplace(m.epoch, n.id);
    if (!fresh && it->second != n.id)
      breach("one_leader_per_epoch", n,
             "takes epoch " + std::to_string(m.epoch) + ", which node " + std::to_string(it->second) + " has taken");
    nodes_.at(to).closed[m.epoch].insert(l->last);
  }
  if (std::holds_alternative<zab::ack_new_leader>(m.body)) {
    if (d.current < m.epoch) breach("epoch_durable", n, "AckNewLeader before the current epoch is on disk");
    auto& closed = v.closed[m.epoch];
    if (closed.empty())
      breach("initial_history", n, "AckNewLeader without a NewLeader");
    else if (!d.reaches(*closed.rbegin()))
      breach("initial_history", n,
             "AckNewLeader of a history up to " + z(*closed.rbegin()) + " that ends on disk at " + z(d.last()));
  }
}

void observer::on_role(const node& n, const zab::role_change& r) {
  if (r.role != commit::role::leading) return;
  auto [it, fresh] = established_.emplace(r.epoch, n.id);
  if (!fresh)
    breach(
        "one_leader_per_epoch", n,
        "is established in epoch " + std::to_string(r.epoch) + ", which node " + std::to_string(it->second) + " led");
  // Its initial history is committed with that.
  if (auto h = histories_.find(r.epoch); h == histories_.end() || !h->second.chosen)
    breach("commit_quorum", n,
           "is established in epoch " + std::to_string(r.epoch) + ", whose initial history no quorum has on disk");
  auto& v = nodes_.at(n.id);
  // All that was committed must be in what it delivered, or on its disk.
  for (auto i = position_after(std::max(v.disk.base, v.delivered)); i < committed_.size(); ++i) {
    if (epoch_of(committed_[i].zxid) >= r.epoch) break;  // a later epoch's: this leader comes too late to do anything
    if (!v.disk.records.contains(committed_[i].zxid)) {
      breach("leader_completeness", n, "leads epoch " + std::to_string(r.epoch) + " without " + z(committed_[i].zxid));
      break;
    }
  }
}

/// Excused is an error of a store that comes of a fault which has fired or of damage, and nothing else in that time.
void observer::on_fatal(const node& n, const std::string& why) {
  auto& v = nodes_.at(n.id);
  bool of_storage = !v.storage_error.empty() && why.find(v.storage_error) != std::string::npos;
  if (!of_storage || (!v.spoiled && n.on_disk.errors() == v.failed_at_boot))
    breach("no_error_of_ours", n, "stops: " + why);
}

void observer::on_refusal(const node& n, const std::string& why) {
  if (!nodes_.at(n.id).spoiled) breach("starts_again", n, why);
}

// ---- before and after each step

void observer::before_step(const node& n, std::size_t part, std::size_t messages) {
  check_queue(n, name_of(part), messages);
}

void observer::check_queue(const node& n, const char* what, std::size_t waiting) {
  if (waiting > most_waiting) breach("queues_bounded", n, std::to_string(waiting) + " wait for its " + what);
}

void observer::after_step(const node& n, std::size_t part) {
  auto& v = nodes_.at(n.id);
  if (part == part_commit) {
    auto now = n.processor->database().zxid();
    if (now != v.delivered) check_delivery(n, v, now);
    // A checkpoint was taken of it: what a restart makes of that must be the same.
    bool saved = std::exchange(v.unsaved, n.processor->database().delta_size()) > 0 && v.unsaved == 0;
    if (++v.steps % 256 == 0 || saved) compare_tree(n);
    check_queue(n, "leader", n.processor->outstanding());
  } else if (part == part_broadcast) {
    check_decision(n, v);
    check_accusations(n, v);
    check_queue(n, "followers", n.zab->pending());
  } else if (part == part_log || part == part_state) {
    check_failed_writes(n, v);
    if (v.writing.empty() && n.dying.empty()) check_device(n, v);
  }
}

void observer::check_accusations(const node& n, node_view& v) {
  if (n.ctx->stats.accusations == v.accusations) return;
  v.accusations = n.ctx->stats.accusations;
  breach("no_accusation", n, "accuses a peer: the trace says of what");
}

void observer::check_failed_writes(const node& n, node_view& v) {
  auto failed = n.on_disk.errors();
  if (failed == std::exchange(v.failed_writes, failed) || !n.dying.empty()) return;
  breach("failed_write_stops", n, "goes on after its disk failed");
}

void observer::check_delivery(const node& n, node_view& v, zxid_t now) {
  if (now == v.installed && !v.disk.records.contains(now)) {  // a checkpoint took the place of its tree
    if (now > last_committed()) breach("checkpoint_committed", n, "installed " + z(now));
    v.delivered = now, v.position = position_after(now);
    return compare_tree(n);
  }
  if (now < v.delivered) breach("total_order", n, "its tree falls from " + z(v.delivered) + " to " + z(now));
  for (auto it = v.disk.records.upper_bound(v.delivered); it != v.disk.records.end() && it->first <= now; ++it) {
    if (v.position < committed_.size()) {
      auto expected = committed_[v.position].zxid;
      if (expected != it->first) {
        breach("total_order", n, "delivers " + z(it->first) + " where " + z(expected) + " was committed");
        v.position = position_after(it->first);
        continue;
      }
    } else {
      if (!persistence::follows(last_committed(), it->first))
        breach("no_gap", n, z(it->first) + " is committed behind " + z(last_committed()));
      committed_.push_back({it->first, contents_.at(it->first)});
    }
    ++v.position;
  }
  if (v.position != position_after(now) || (v.position && committed_[v.position - 1].zxid != now))
    breach("delivery_durable", n, "delivers " + z(now) + ", which is not on its disk");
  v.delivered = now, v.position = position_after(now);
}

void observer::check_decision(const node& n, node_view& v) {
  auto now = n.zab->committed();
  if (n.zab->delivered() > now) breach("total_order", n, "has delivered more than is committed");
  // A learner hears of commits before it has the records, but has them all when it serves.
  if (n.zab->role() != commit::role::looking && now > n.zab->last_logged())
    breach("commit_logged", n, "takes " + z(now) + " for committed, its log ends at " + z(n.zab->last_logged()));
  if (now == v.decided) return;
  v.decided = now;
  if (n.role != commit::role::leading || epoch_of(now) != n.epoch) return;
  std::vector<node_id> have;
  auto position = position_after(now);  // a log that begins later is that of a checkpoint, of committed transactions
  bool committed_before = position && committed_[position - 1].zxid == now;
  for (auto& [id, other] : nodes_)
    for (auto* d : {&other.disk, &other.before_wipe})
      if (d->records.contains(now) || (committed_before && d->base >= now)) {
        have.push_back(id);
        break;
      }
  if (!ensemble_.quorum(have)) breach("commit_quorum", n, "decides " + z(now) + ", which no quorum has on disk");
}

void observer::compare_tree(const node& n) {
  auto& db = n.processor->database();
  auto hash = tree_hash(db);
  auto [it, fresh] = trees_.try_emplace(db.zxid(), n.id, hash);
  if (!fresh && it->second.second != hash)
    breach("same_tree", n, "its tree at " + z(db.zxid()) + " is not that of node " + std::to_string(it->second.first));
  world_.count("tree compared", !fresh);
}

bool observer::others_have_everything(node_id id) const {
  if (!ensemble_.votes(id)) return true;
  zxid_t most = 0;
  for (auto& [other, v] : nodes_)
    if (other != id) most = std::max(most, v.disk.last());
  std::vector<node_id> others;
  for (auto& m : ensemble_.members) {
    if (m.id == id || !ensemble_.votes(m.id)) continue;
    auto& v = nodes_.at(m.id);
    if (v.latent_rot || v.damaged || v.disk.current == 0 || v.disk.last() != most) return false;
    others.push_back(m.id);
  }
  return ensemble_.quorum(others) && most >= last_committed();
}

bool observer::survives_wipe(node_id id, std::vector<node_id>& behind) const {
  if (!ensemble_.votes(id)) return false;
  bool copy = false;
  for (auto& m : ensemble_.members) {
    if (m.id == id || !ensemble_.votes(m.id)) continue;
    auto& v = nodes_.at(m.id);
    if (v.latent_rot || v.damaged || v.disk.current == 0) return false;
    bool has = v.disk.base >= last_committed() || v.disk.records.contains(last_committed());
    if (has)
      copy = true;
    else
      behind.push_back(m.id);
  }
  return copy;
}

}  // namespace troupe::sim

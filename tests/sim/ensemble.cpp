#include "tests/sim/ensemble.hpp"

#include <algorithm>
#include <caf/send.hpp>

#include "actors/node/checkpointer.hpp"
#include "actors/node/election_actor.hpp"
#include "actors/node/log_writer.hpp"
#include "actors/node/session_tracker_actor.hpp"
#include "actors/node/watch_notifier_actor.hpp"
#include "persistence/file_io.hpp"

namespace troupe::sim {

using namespace actors;

namespace {

enum ensemble_code : std::uint64_t { code_turn = 1, code_start, code_end, code_role };

/// Turns of actors at one point of virtual time: a node that works without end never lets it pass.
constexpr std::uint64_t most_turns = 1'000'000;

template <class T>
T* sent(caf::message& m) {
  return m.match_elements<boxed<T>>() ? m.get_as<boxed<T>>(0).value.get() : nullptr;
}

}  // namespace

const char* name_of(std::size_t part) {
  static constexpr const char* names[parts] = {"commit",         "broadcast",  "election",    "session tracker",
                                               "watch notifier", "log writer", "checkpointer"};
  return names[part];
}

/// Tells the observer what is about to be written, and what is on disk.
class ensemble::observed_log final : public persistence::log_store {
 public:
  observed_log(node& n, ensemble& e, std::unique_ptr<persistence::log_store> inner)
      : node_(n), ensemble_(e), observer_(e.observer_), inner_(std::move(inner)) {}
  zab::log_state state() const override { return inner_->state(); }
  zxid_t unfinished_install() const override { return inner_->unfinished_install(); }
  void write(std::span<const zab::persist_op> ops) override {
    observer_.on_writing(node_, ops);
    auto truncates = [](auto& op) { return std::holds_alternative<zab::truncate_after>(op); };
    if (ensemble_.on_truncating && std::any_of(ops.begin(), ops.end(), truncates)) ensemble_.on_truncating(node_.id);
    observer_.watching(node_, [&] { inner_->write(ops); });
    observer_.on_written(node_);
  }
  zab::zab_peer::log_read_result read(zxid_t after, std::size_t max_bytes) override {
    return observer_.watching(node_, [&] { return inner_->read(after, max_bytes); });
  }
  void trim(zxid_t upto) override {
    observer_.watching(node_, [&] { inner_->trim(upto); });
  }
  zxid_t last_but(std::size_t records, std::size_t bytes) const override { return inner_->last_but(records, bytes); }
  bool trim_pending() const override { return inner_->trim_pending(); }
  std::size_t size_bytes() const override { return inner_->size_bytes(); }
  std::size_t reusable_bytes() const override { return inner_->reusable_bytes(); }

 private:
  node& node_;
  ensemble& ensemble_;
  observer& observer_;
  std::unique_ptr<persistence::log_store> inner_;
};

class ensemble::observed_state final : public persistence::state_store {
 public:
  observed_state(node& n, observer& o, std::unique_ptr<persistence::state_store> inner)
      : node_(n), observer_(o), inner_(std::move(inner)) {}
  zxid_t zxid() const override { return inner_->zxid(); }
  void write(const tree::state_delta& d) override {
    observer_.on_checkpoint(node_, d.zxid, false);
    observer_.watching(node_, [&] { inner_->write(d); });
  }
  std::unique_ptr<tree::database> load() override {
    return observer_.watching(node_, [&] { return inner_->load(); });
  }
  zab::snap_chunk read_chunk(std::uint32_t index, std::size_t max_bytes) override {
    return observer_.watching(node_, [&] { return inner_->read_chunk(index, max_bytes); });
  }
  bool install_chunk(const zab::snap_chunk& c) override {
    node_.copying = !c.last;
    if (c.last) observer_.on_checkpoint(node_, c.zxid, true);
    return observer_.watching(node_, [&] { return inner_->install_chunk(c); });
  }
  std::size_t size_bytes() const override { return inner_->size_bytes(); }

 private:
  node& node_;
  observer& observer_;
  std::unique_ptr<persistence::state_store> inner_;
};

namespace {

/// A node's monotonic clock.
std::int64_t clock_us(const world& w, const node& n) {
  return n.frozen_us.value_or(n.clock_offset_us + w.now_us() + w.now_us() / 1000 * n.drift_permille);
}

}  // namespace

class ensemble::virtual_surroundings final : public surroundings {
 public:
  virtual_surroundings(const world& w, const node& n) : world_(w), node_(n) {}
  std::int64_t monotonic_us() const override { return clock_us(world_, node_); }
  std::int64_t wall_ms() const override { return wall_start_ms + node_.wall_offset_ms + world_.now_ms(); }
  std::uint64_t free_bytes() const override { return node_.on_disk.free_bytes(); }

 private:
  const world& world_;
  const node& node_;
};

ensemble::ensemble(stage& s, world& w)
    : stage_(s),
      world_(w),
      membership_([&] {
        zab::membership m;
        auto& o = w.set;
        for (int i = 1; i <= o.voters + o.observers; ++i)
          m.members.push_back({static_cast<node_id>(i), i > o.voters, i == o.voters ? o.last_weight : 1});
        return m;
      }()),
      observer_(w, membership_) {
  for (auto& m : membership_.members) {
    ids_.push_back(m.id);
    auto& n = *(nodes_[m.id] = std::make_unique<node>(m.id, world_));
    n.clock_offset_us = world_.between(0, 1'000'000'000);
    if (world_.set.drift_percent)
      n.drift_permille = static_cast<int>(world_.between(-10, 10)) * world_.set.drift_percent;
    if (n.drift_permille) world_.count("clock that drifts");
  }
  network::receiver r;
  r.up = [this](node_id id) { return at(id).up; };
  r.paused = [this](node_id id) { return at(id).paused; };
  r.frame = [this](node_id to, node_id from, msg::channel what, const shared_bytes& body) {
    when_awake(to, from, [this, to, from, what, body] {
      auto& c = *at(to).ctx;
      msg::peer_frames frames;
      frames.list.push_back({from, what, body});
      caf::anon_send(what == msg::channel::election ? c.election : c.broadcast, box(std::move(frames)));
    });
  };
  r.link = [this](node_id to, node_id from, bool up) {
    when_awake(to, from, [this, to, from, up] {
      caf::anon_send(at(to).ctx->election, box(msg::link_state{from, up}));
      caf::anon_send(at(to).ctx->broadcast, box(msg::link_state{from, up}));
    });
  };
  network_ = std::make_unique<network>(world_, ids_, std::move(r));
  ports::node_side p;
  p.up = [this](node_id id) { return at(id).up; };
  p.when_awake = [this](node_id id, std::function<void()> f) { when_awake(id, 0, std::move(f)); };
  p.requests = [this](node_id id, std::shared_ptr<request_batch> b) {
    caf::anon_send(at(id).ctx->commit, boxed<request_batch>{std::move(b)});
  };
  ports_ = std::make_unique<ports>(world_, std::move(p));
}

ensemble::~ensemble() {
  for (auto& [id, n] : nodes_)
    if (n->up) {
      n->on_disk.process_crash();
      take_down(*n);
    }
}

void ensemble::when_awake(node_id id, node_id link, std::function<void()> f) {
  auto& n = at(id);
  if (!n.up) return;
  if (n.paused || n.parked.contains(link))
    n.parked[link].push_back(std::move(f));
  else
    f();
}

void ensemble::wake(node& n, node_id link) {
  auto it = n.parked.find(link);
  if (n.paused || it == n.parked.end()) return;
  auto list = std::move(it->second);
  n.parked.erase(it);
  for (auto& f : list) f();
}

node_config ensemble::config_of(node_id id) const {
  auto& o = world_.set;
  node_config c;
  c.id = id;
  for (auto& m : membership_.members) {
    member_config one;
    one.id = m.id, one.observer = m.observer, one.weight = m.weight;
    c.members.push_back(one);
  }
  c.tick_ms = o.tick_ms, c.ping_interval_ms = o.ping_interval_ms;
  c.min_session_timeout_ms = o.min_session_timeout_ms, c.max_session_timeout_ms = o.max_session_timeout_ms;
  c.sync_timeout_ms = o.sync_timeout_ms, c.init_timeout_ms = o.init_timeout_ms;
  c.snapshot_distance = o.snapshot_distance, c.log_retain = o.log_retain, c.trim_step = 4;
  c.window_bytes = o.window_bytes, c.chunk_bytes = o.chunk_bytes, c.max_counter = o.max_counter;
  c.min_free_bytes = 64 << 10;
  return c;
}

void ensemble::start(node_id id) {
  auto& n = at(id);
  if (n.up || n.refused || n.forsaken) return;
  auto settings = small_storage(id);
  persistence::storage opened;
  auto errors = n.on_disk.errors();
  try {
    opened = open_storage(n.on_disk, settings);
  } catch (const crashed&) {
    world_.trace([&] { return "node " + std::to_string(id) + " is down again before it has started"; });
    world_.count("crash in recovery");
    observer_.on_crash(n, n.on_disk.down_by() == sim::crash::power);
    return;
  } catch (const persistence::storage_error& e) {
    if (fails_to_start(n, errors, e.what())) return;
    world_.trace([&] { return "node " + std::to_string(id) + " refuses to start: " + e.what(); });
    world_.count("refused to start");
    observer_.on_refusal(n, e.what());
    n.refused = true;
    return;
  }
  observer_.on_boot(n, *opened.log, opened.database->zxid());
  ++n.boot;
  n.up = true, n.paused = n.stalled = false;
  n.dying.clear(), n.parked.clear(), n.copying = false;
  n.role = commit::role::looking, n.epoch = 0;
  world_.note(code_start, id, n.boot);
  world_.count("node start");
  world_.trace([&] { return "node " + std::to_string(id) + " starts"; });
  make_actors(n, std::move(opened));
  network_->node_started(id);
}

/// Its disk failed while it recovered: whoever looks after it starts it again, the data are as good as they were.
bool ensemble::fails_to_start(node& n, std::uint64_t errors_before, const std::string& why) {
  if (n.on_disk.errors() == errors_before) return false;
  world_.trace([&] { return "node " + std::to_string(n.id) + " fails to start: " + why; });
  world_.count("error of the disk in recovery");
  return true;
}

void ensemble::make_actors(node& n, persistence::storage storage) {
  auto& system = stage_.actors();
  auto config = config_of(n.id);
  auto log_state = storage.log->state();
  auto applied = storage.database->zxid();
  auto ctx = n.ctx = std::make_shared<node_context>(config, std::make_unique<virtual_surroundings>(world_, n));

  auto port = [&] { return system.spawn<port_actor>([this, &n](caf::message& m) { from_node(n, m); }); };
  ctx->supervisor = port(), ctx->links = port(), ctx->gateway = port();
  ctx->log_writer =
      system.spawn<log_writer>(ctx, std::make_unique<observed_log>(n, *this, std::move(storage.log)), applied);
  ctx->checkpointer =
      system.spawn<checkpointer>(ctx, std::make_unique<observed_state>(n, observer_, std::move(storage.state)));
  caf::execution_unit* host = nullptr;
  ctx->notifier = system.spawn<watch_notifier_actor>(host, ctx);
  ctx->commit = system.spawn<commit_actor>(host, ctx, std::move(storage.database));
  ctx->tracker = system.spawn<session_tracker_actor>(host, ctx);
  ctx->broadcast = system.spawn<broadcast_actor>(host, ctx, log_state, applied);
  ctx->election = system.spawn<election_actor>(host, ctx);

  const caf::actor* of_part[parts] = {&ctx->commit,   &ctx->broadcast,  &ctx->election,    &ctx->tracker,
                                      &ctx->notifier, &ctx->log_writer, &ctx->checkpointer};
  for (std::size_t i = 0; i < parts; ++i) {
    n.seats[i] = {*of_part[i], nullptr, n.id, i};
    stage_.add(n.seats[i]);
  }
  n.processor = &dynamic_cast<commit_actor&>(*caf::actor_cast<caf::abstract_actor*>(ctx->commit)).machine();
  n.zab = &dynamic_cast<broadcast_actor&>(*caf::actor_cast<caf::abstract_actor*>(ctx->broadcast)).machine();
  observer_.compare_tree(n);

  auto& o = world_.set;
  for (auto p : {part_election, part_broadcast}) subscribe_tick(n.id, p, o.zab_tick_ms, n.boot);
  for (auto p : {part_commit, part_tracker}) subscribe_tick(n.id, p, o.session_tick_ms, n.boot);
  subscribe_tick(n.id, part_log, 300, n.boot);
}

void ensemble::subscribe_tick(node_id id, std::size_t part, std::int64_t period_ms, std::uint64_t boot) {
  world_.after(world_.between(1, period_ms * 1000), [=, this] {
    auto& n = at(id);
    if (!n.up || n.boot != boot) return;
    if (!n.paused) caf::anon_send(n.seats[part].who, box(msg::tick{n.ctx->monotonic_ms()}));
    subscribe_tick(id, part, period_ms, boot);
  });
}

void ensemble::crash(node_id id, bool power) {
  auto& n = at(id);
  if (!n.up) return;
  world_.trace([&] { return "node " + std::to_string(id) + (power ? " loses its power" : " is killed"); });
  world_.count(power ? "power cut" : "kill -9");
  if (!n.on_disk.down()) power ? n.on_disk.power_cut() : n.on_disk.process_crash();
  observer_.on_crash(n, power);
  take_down(n);
}

void ensemble::stop(node_id id) {
  auto& n = at(id);
  if (!n.up) return;
  world_.trace([&] { return "node " + std::to_string(id) + " is stopped"; });
  n.on_disk.heal();  // what is armed would hit where stores are closed, which asks nothing of the disk that matters
  take_down(n);
}

void ensemble::take_down(node& n) {
  world_.note(code_end, n.id, n.boot);
  n.up = false;
  n.processor = nullptr, n.zab = nullptr;
  std::erase_if(ready_, [&](seat* s) { return s->node == n.id; });
  for (auto& s : n.seats) stage_.remove(s);
  for (auto* p : {&n.ctx->supervisor, &n.ctx->links, &n.ctx->gateway}) {
    auto held = *p;
    stage_.forget(held);
  }
  n.ctx->forget_actors();
  n.ctx.reset();
  n.parked.clear();
  n.role = commit::role::looking;
  network_->node_ended(n.id);
  ports_->node_ended(n.id);
}

bool ensemble::freeze_clock(node_id id, std::int64_t ms) {
  auto& n = at(id);
  if (n.frozen_us) return false;
  n.frozen_us = clock_us(world_, n);
  world_.trace([&] { return "the clock of node " + std::to_string(id) + " stands for " + std::to_string(ms) + " ms"; });
  world_.after(ms * 1000, [this, &n] {
    auto stood_at = *std::exchange(n.frozen_us, std::nullopt);
    n.clock_offset_us -= clock_us(world_, n) - stood_at;
  });
  return true;
}

bool ensemble::pause(node_id id, std::int64_t ms, std::int64_t links_late_us) {
  auto& n = at(id);
  if (!n.up || n.paused) return false;
  n.paused = true;
  world_.trace([&] { return "node " + std::to_string(id) + " is stopped for " + std::to_string(ms) + " ms"; });
  network_->node_paused(id);
  world_.after(ms * 1000, [this, id, boot = n.boot, links_late_us] {
    auto& m = at(id);
    if (!m.up || m.boot != boot) return;
    m.paused = false;
    world_.trace([&] { return "node " + std::to_string(id) + " goes on"; });
    // Its sockets are read by threads of their own, in any order.
    for (auto& [link, list] : m.parked)
      world_.after(world_.between(0, 5000) + (link ? links_late_us : 0), [this, id, boot, link = link] {
        if (at(id).up && at(id).boot == boot) wake(at(id), link);
      });
    for (std::size_t p = 0; p < parts; ++p)
      if (m.seats[p].job && std::find(ready_.begin(), ready_.end(), &m.seats[p]) == ready_.end())
        ready_.push_back(&m.seats[p]);
  });
  return true;
}

bool ensemble::stall(node_id id, std::int64_t ms) {
  auto& n = at(id);
  if (!n.up || n.stalled) return false;
  n.stalled = true;
  world_.after(ms * 1000, [this, id, boot = n.boot] {
    auto& m = at(id);
    if (!m.up || m.boot != boot) return;
    m.stalled = false;
    for (auto p : {part_log, part_state})
      if (m.seats[p].job && std::find(ready_.begin(), ready_.end(), &m.seats[p]) == ready_.end())
        ready_.push_back(&m.seats[p]);
  });
  return true;
}

void ensemble::wipe(node_id id) {
  auto& n = at(id);
  if (n.up) crash(id, false);
  n.on_disk.wipe();
  n.refused = n.damaged = false;
  observer_.on_wipe(id);
  world_.count("wiped");
  world_.trace([&] { return "node " + std::to_string(id) + " is wiped"; });
}

// ---- what leaves a node

void ensemble::from_node(node& n, caf::message& m) {
  if (!n.up) return;
  if (auto* out = sent<msg::peer_send>(m)) {
    for (auto& f : out->frames) {
      if (f.what == msg::channel::zab) {
        auto m = zab::decode_message(f.body.aligned() ? f.body : shared_bytes::copy_of(f.body.view()));
        observer_.on_send(n, f.to, m);
        if (m.epoch == 0 && std::holds_alternative<zab::ping>(m.body)) gathers(n);
      }
      if (f.what == msg::channel::election && world_.tracing()) {
        auto v = zab::decode_notification(shared_bytes::copy_of(f.body.view()));
        world_.trace([&] {
          return "vote " + std::to_string(n.id) + "->" + std::to_string(f.to) + " state " +
                 std::to_string(static_cast<int>(v.state)) + " leader " + std::to_string(v.leader) + " round " +
                 std::to_string(v.round) + " epoch " + std::to_string(v.epoch) + " zxid " + std::to_string(v.zxid);
        });
      }
      network_->send(n.id, f.to, f.what, f.body.aligned() ? f.body : shared_bytes::copy_of(f.body.view()));
    }
  } else if (auto* drop = sent<msg::drop_link>(m)) {
    network_->drop_link(n.id, drop->peer);
  } else if (auto* d = sent<delivery_batch>(m)) {
    ports_->deliver(n.id, *d);
    for (auto& i : d->items)  // its buffers have no end
      if (i.paced) caf::anon_send(n.ctx->notifier, box(msg::drained{i.conn}));
  } else if (auto* f = sent<msg::fatal>(m)) {
    on_fatal(n, f->why);
  } else if (auto* r = sent<msg::role>(m)) {
    if (n.role == r->what.role && n.epoch == r->what.epoch) return;  // gateway and supervisor both hear of it
    n.role = r->what.role, n.epoch = r->what.epoch;
    world_.note(code_role, n.id, static_cast<std::uint64_t>(n.role), n.epoch);
    world_.trace([&] {
      static const char* roles[] = {"looks", "follows", "leads"};
      return "node " + std::to_string(n.id) + " " + roles[static_cast<int>(n.role)] + ", epoch " +
             std::to_string(n.epoch);
    });
    world_.count("role changed");
    if (n.role == commit::role::leading) world_.count("leader established");
    observer_.on_role(n, r->what);
  }
}

/// A leader without an epoch yet; it says so again and again.
void ensemble::gathers(node& n) {
  bool first = world_.now_us() - n.elected_us > 200'000;
  n.elected_us = world_.now_us();
  if (first && on_elected) on_elected(n.id);
}

void ensemble::on_fatal(node& n, const std::string& why) {
  if (n.on_disk.down() || !n.dying.empty()) return;  // the crash itself, as its actor sees it
  n.dying = why;
  world_.trace([&] { return "node " + std::to_string(n.id) + " stops: " + why; });
  world_.count("node stopped itself");
  observer_.on_fatal(n, why);
  // The supervisor ends the others; until then they go on.
  bool lost = why.find(persistence::resynchronise_advice) != std::string::npos;
  world_.after(world_.between(0, 5000), [this, lost, id = n.id, boot = n.boot] {
    if (at(id).boot != boot) return;
    if (at(id).up) crash(id, false);
    if (lost) at(id).refused = true;
  });
}

// ---- turns

void ensemble::step() {
  stage_.collect(fresh_);
  for (auto* s : fresh_) {
    if (s->part != part_log && s->part != part_state) {
      ready_.push_back(s);
      continue;
    }
    auto& o = world_.set;
    auto us = world_.between(o.sync_us / 2, o.sync_us);
    if (o.slow_sync_us && world_.one_in(30)) us += world_.between(0, o.slow_sync_us), world_.count("slow sync");
    auto& n = at(static_cast<node_id>(s->node));
    world_.after(us, [this, s, id = n.id, boot = n.boot] {
      auto& m = at(id);
      if (m.up && m.boot == boot && s->job && std::find(ready_.begin(), ready_.end(), s) == ready_.end())
        ready_.push_back(s);
    });
  }
  fresh_.clear();
  // Time passes when nothing is left to do, and now and then before that.
  while (!ready_.empty() && !(world_.event_due() && world_.one_in(4))) {
    auto i = world_.draw(ready_.size());
    auto* s = ready_[i];
    ready_[i] = ready_.back();
    ready_.pop_back();
    auto& n = at(static_cast<node_id>(s->node));
    if (!n.up || !s->job) continue;
    bool disk = s->part == part_log || s->part == part_state;
    if (n.paused || (disk && n.stalled)) continue;  // put back when it goes on
    if (++turns_ > most_turns)
      world_.breach("comes_to_rest", "node " + std::to_string(n.id) + ", " + name_of(s->part) + ": " +
                                         std::to_string(most_turns) + " turns, and no time has passed");
    return run(*s);
  }
  auto before = world_.now_us();
  if (!world_.run_next_event()) throw std::logic_error("the simulated world has come to an end");
  if (world_.now_us() == before) return;
  stage_.pass(world_.now_us() - before);
  turns_ = 0;
}

void ensemble::run(seat& s) {
  auto& n = at(static_cast<node_id>(s.node));
  world_.note(code_turn, s.node, s.part);
  observer_.before_step(n, s.part, stage_.waiting(s));
  if (stage_.run(s)) fresh_.push_back(&s);
  if (n.on_disk.down()) {  // in the middle of an operation of its disk
    world_.count("crash in a write");
    crash(n.id, n.on_disk.down_by() == sim::crash::power);
    return;
  }
  if (!n.up) return;
  if (stage_.has_ended(s)) return on_fatal(n, "an actor of this node ended");
  observer_.after_step(n, s.part);
}

node_id ensemble::leader() const {
  node_id found = 0;
  for (auto& [id, n] : nodes_)
    if (n->up && n->role == commit::role::leading && (!found || n->epoch > nodes_.at(found)->epoch)) found = id;
  return found;
}

bool ensemble::converged(std::string* why) const {
  auto l = leader();
  if (!l) return *why = "there is no leader", false;
  for (auto& [id, n] : nodes_) {
    auto name = "node " + std::to_string(id);
    if (n->forsaken) continue;
    if (!n->up) return *why = name + " is down", false;
    if (n->role == commit::role::looking || n->epoch != nodes_.at(l)->epoch)
      return *why = name + " is not with leader " + std::to_string(l), false;
    if (n->zab->pending() || n->zab->last_logged() != n->zab->delivered())
      return *why = name + " has proposals pending", false;
    if (n->processor->database().zxid() != observer_.last_committed())
      return *why = name + " has not delivered everything", false;
    if (n->processor->outstanding()) return *why = name + " has requests waiting", false;
  }
  return true;
}

bool ensemble::without_sessions(std::string* why) const {
  for (auto& [id, n] : nodes_) {
    auto name = "node " + std::to_string(id);
    if (!n->up) return *why = name + " is down", false;
    auto& db = n->processor->database();
    if (db.session_count() || db.ephemeral_count())
      return *why = name + " has " + std::to_string(db.session_count()) + " sessions of clients that are gone, and " +
                    std::to_string(db.ephemeral_count()) + " ephemerals",
             false;
  }
  return true;
}

}  // namespace troupe::sim

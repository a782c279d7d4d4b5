#include "actors/node/commit_actor.hpp"

#include <utility>

namespace troupe::actors {

namespace {

/// A checkpoint is also due when so many entries changed: collecting them is done in one turn of the I/O thread.
constexpr std::size_t max_delta_entries = 20'000;

persistence::checkpoint_limits limits_of(const node_config& c) {
  return {.transactions = c.snapshot_distance, .bytes = c.snapshot_distance_bytes, .entries = max_delta_entries};
}

commit::settings commit_settings_of(const node_config& c) {
  commit::settings s;
  s.self = c.id;
  s.tick_ms = static_cast<std::int32_t>(c.tick_ms);
  s.min_session_timeout_ms = static_cast<std::int32_t>(c.min_session_timeout_ms);
  s.max_session_timeout_ms = static_cast<std::int32_t>(c.max_session_timeout_ms);
  s.max_request = static_cast<std::int32_t>(c.max_request_bytes);
  return s;
}

}  // namespace

commit_actor::commit_actor(caf::actor_config& cfg, caf::execution_unit* host, context_ptr ctx,
                           std::unique_ptr<tree::database> db)
    : io::pinned_actor(cfg, host),
      ctx_(std::move(ctx)),
      processor_(commit_settings_of(ctx_->config), std::move(db), ctx_->wall_ms(), ctx_->types),
      checkpoints_(limits_of(ctx_->config)) {}

caf::behavior commit_actor::make_behavior() {
  stop_node_on_exception(this, ctx_, "commit");
  announce_sessions();
  update_stats();
  return {
      [this](boxed<request_batch>& batch) {
        processor_.on_requests(*batch, ctx_->wall_ms(), effects_);
        dispatch();
      },
      [this](boxed<msg::local>& m) {
        for (auto& op : m->ops) {
          if (auto* d = std::get_if<zab::deliver>(&op)) {
            checkpoints_.applied(d->committed);
            processor_.on_committed(d->committed, effects_);
          } else if (auto* a = std::get_if<zab::answer>(&op)) {
            processor_.on_replies(std::move(a->replies), effects_);
          } else if (auto* f = std::get_if<zab::forwarded>(&op)) {
            processor_.on_forwarded(f->from, f->list, ctx_->wall_ms(), effects_);
          } else if (auto* r = std::get_if<zab::role_change>(&op)) {
            epoch_ = r->epoch;
            processor_.on_role(r->role, effects_);
          }
        }
        dispatch();
        tell_feed();
        checkpoint_if_due();
        update_stats();
      },
      [this](boxed<msg::expired>& m) {
        processor_.on_expired(m->list, ctx_->wall_ms(), effects_);
        dispatch();
      },
      [this](boxed<msg::replaced>& m) {
        processor_.on_database(std::move(m->database), effects_);
        checkpoints_.replaced();
        effects_.sessions.clear();
        dispatch();
        announce_sessions();
        tell_feed();
        update_stats();
      },
      [this](boxed<msg::checkpointed>&) {
        checkpoints_.written();
        checkpoint_if_due();
      },
      [this](boxed<msg::states_wanted>& m) {
        for (auto& w : m->list) processor_.on_state_wanted(w.conn, w.number, w.serial, effects_);
        dispatch();
      },
      [this](boxed<msg::committed_wanted>& m) {
        feed_waits_ = m->after;
        tell_feed();
      },
      [this](boxed<msg::outcome>& m) {
        processor_.on_outcome(m->id, m->error, m->body, effects_);
        dispatch();
      },
      [this](boxed<msg::space>& m) {
        processor_.on_space(m->low);
        checkpoints_.on_space(m->low, m->free);
        checkpoint_if_due();
      },
      [this](boxed<msg::tick>&) {
        if (auto t = processor_.take_touched(); !t.empty()) send(ctx_->tracker, box(msg::touched{std::move(t), false}));
        update_stats();
      },
  };
}

void commit_actor::tell_feed() {
  auto zxid = processor_.database().zxid();
  if (!feed_waits_ || zxid <= *feed_waits_) return;
  feed_waits_.reset();
  send(ctx_->feed, box(msg::committed{zxid}));
}

void commit_actor::dispatch() {
  auto& e = effects_;
  if (!e.questions.empty() && !ctx_->node_actors)  // the configuration names none
    for (auto& q : std::exchange(e.questions, {}))
      processor_.on_outcome(q.id, zk::err::no_node, "no actor '" + q.actor + "' of this node may be asked", e);
  if (!e.questions.empty()) send(ctx_->node_actors, box(msg::questions{std::move(e.questions)}));
  if (!e.stream.items.empty()) send(ctx_->notifier, box(std::move(e.stream)));
  if (!e.proposals.empty()) send(ctx_->broadcast, box(msg::proposals{epoch_, std::move(e.proposals)}));
  if (!e.forward.empty()) send(ctx_->broadcast, box(msg::forwards{epoch_, std::move(e.forward)}));
  if (!e.sessions.empty()) send(ctx_->tracker, box(msg::session_changes{false, std::move(e.sessions)}));
  e.clear();
}

void commit_actor::announce_sessions() {
  msg::session_changes all;
  all.reset = true;
  processor_.database().for_each_session([&](session_id id, const tree::database::session_info& s) {
    all.list.push_back({id, s.timeout_ms, true});
  });
  send(ctx_->tracker, box(std::move(all)));
}

void commit_actor::checkpoint_if_due() {
  auto& db = processor_.database();
  if (!checkpoints_.begins(db.delta_size(), db.data_size())) return;
  auto delta = db.take_delta();
  send(ctx_->checkpointer, box(msg::checkpoint{std::move(delta)}));
}

void commit_actor::update_stats() {
  auto& db = processor_.database();
  auto& s = ctx_->stats;
  s.zxid = db.zxid();
  s.node_count = db.node_count() + 1;  // ZooKeeper's count has the root twice
  s.ephemerals_count = db.ephemeral_count();
  s.data_size = db.data_size();
  s.sessions = db.session_count();
}

}  // namespace troupe::actors

#include "actors/node/broadcast_actor.hpp"

#include <spdlog/spdlog.h>

#include "actors/node/decode.hpp"
#include "actors/node/election_actor.hpp"
#include "cluster/planted_bug.hpp"

namespace troupe::actors {

namespace {

zab::zab_settings zab_settings_of(const node_config& c) {
  zab::zab_settings s;
  s.self = c.id;
  s.ensemble = c.membership();
  s.ping_ms = c.ping_interval_ms;
  s.init_timeout_ms = c.init_timeout_ms;
  s.sync_timeout_ms = c.sync_timeout_ms;
  s.window_bytes = c.window_bytes, s.chunk_bytes = c.chunk_bytes, s.max_counter = c.max_counter;
  s.answer_timeout_ms = c.answer_timeout_ms, s.gather_timeout_ms = c.gather_timeout_ms;
  return s;
}

/// Of transactions that leave at once, about: each link has to take them all, and has a bound.
constexpr std::size_t submit_bytes = std::size_t{32} << 20;

}  // namespace

broadcast_actor::broadcast_actor(caf::actor_config& cfg, caf::execution_unit* host, context_ptr ctx, zab::log_state log,
                                 zxid_t applied)
    : io::pinned_actor(cfg, host), ctx_(std::move(ctx)), peer_(zab_settings_of(ctx_->config), log, applied) {}

caf::behavior broadcast_actor::make_behavior() {
  stop_node_on_exception(this, ctx_, "broadcast");
  send(ctx_->election, box(msg::look{peer_.last_logged(), peer_.current_epoch()}));
  return {
      [this](boxed<msg::proposals>& m) {
        if (m->epoch != serving_) return;
        if (gathered_.empty())
          gathered_ = std::move(m->list);
        else
          gathered_.insert(gathered_.end(), std::make_move_iterator(m->list.begin()),
                           std::make_move_iterator(m->list.end()));
        submit_gathered();
        dispatch();
      },
      [this](boxed<msg::forwards>& m) {
        if (m->epoch != serving_) return;
        peer_.forward(std::move(m->list), ctx_->monotonic_ms(), effects_);
        dispatch();
      },
      [this](boxed<msg::peer_frames>& m) {
        for (auto& f : m->list) {
          zab::message decoded_message;
          if (std::string why; !decoded(f.body, decoded_message, why)) {
            spdlog::warn(fmt::format("node {} sent a malformed message, closing the link: {}", f.from, why));
            send(ctx_->links, box(msg::drop_link{f.from}));
            continue;
          }
          peer_.on_message(f.from, std::move(decoded_message), ctx_->monotonic_ms(), effects_);
          dispatch();
        }
      },
      [this](boxed<msg::durable>& m) {
        if (m->token == in_flight_) in_flight_ = 0;
        peer_.on_durable(m->token, ctx_->monotonic_ms(), effects_);
        submit_gathered();
        dispatch();
      },
      [this](boxed<msg::decided>& m) {
        if (m->leader == ctx_->config.id)
          peer_.lead(ctx_->monotonic_ms(), effects_);
        else
          peer_.follow(m->leader, ctx_->monotonic_ms(), effects_);
        dispatch();
      },
      [this](boxed<msg::link_state>& m) {
        peer_.on_link(m->peer, m->up, ctx_->monotonic_ms(), effects_);
        dispatch();
      },
      [this](boxed<msg::log_read_done>& m) {
        peer_.on_log_read(m->what, std::move(m->result), ctx_->monotonic_ms(), effects_);
        dispatch();
      },
      [this](boxed<msg::snapshot_chunk>& m) {
        peer_.on_snapshot_chunk(m->learner, std::move(m->chunk), ctx_->monotonic_ms(), effects_);
        dispatch();
      },
      [this](boxed<msg::installed>& m) {
        if (!m->last) {
          peer_.on_chunk_installed(m->index, ctx_->monotonic_ms(), effects_);
        } else {
          send(ctx_->commit, box(msg::replaced{m->zxid, std::move(m->database)}));
          peer_.on_installed(m->zxid, ctx_->monotonic_ms(), effects_);
        }
        dispatch();
      },
      [this](boxed<msg::touched>& m) { peer_.touched(std::move(m->list)); },
      [this](boxed<msg::tick>&) {
        peer_.tick(ctx_->monotonic_ms(), effects_);
        dispatch();
        if (planted(planted_bug::asks_again))
          for (auto n = in_flight_; n > 0; --n) send(ctx_->log_writer, box(msg::tick{ctx_->monotonic_ms()}));
        update_stats();
      },
  };
}

void broadcast_actor::submit_gathered() {
  if (gathered_.empty() || (in_flight_ != 0 && peer_.role() == commit::role::leading)) return;
  if (planted(planted_bug::stale_proposals) && peer_.role() != commit::role::leading) return;
  auto end = gathered_.begin();
  for (std::size_t bytes = 0; end != gathered_.end() && bytes < submit_bytes; ++end) bytes += end->txn.size();
  std::vector<commit::prepared> now;
  if (end == gathered_.end())
    now = std::move(gathered_), gathered_.clear();
  else  // the rest waits for the disk's answer to these
    now.assign(std::make_move_iterator(gathered_.begin()), std::make_move_iterator(end)),
        gathered_.erase(gathered_.begin(), end);
  peer_.submit(std::move(now), ctx_->monotonic_ms(), effects_);  // dropped by one that does not lead
}

void broadcast_actor::dispatch() {
  auto& e = effects_;
  for (auto& line : e.log) spdlog::info(line);
  ctx_->stats.accusations += e.accused.size();
  if (e.fatal) {
    send(ctx_->supervisor, box(msg::fatal{*e.fatal}));
    e.clear();
    return;
  }
  // To disk first: the log writer works while the rest goes out.
  if (!e.persist.empty()) {
    if (peer_.role() == commit::role::leading) count_proposals(e.persist);
    in_flight_ = e.persist_token;
    send(ctx_->log_writer, box(msg::persist{e.persist_token, std::move(e.persist)}));
  }
  if (!e.send.empty()) {
    msg::peer_send out;
    out.frames.reserve(e.send.size());
    for (auto& s : e.send)
      out.frames.push_back(
          {s.to, msg::channel::zab, s.same ? out.frames.back().body : shared_bytes::take(zab::encode(s.what))});
    send(ctx_->links, box(std::move(out)));
  }
  if (!e.local.empty()) {
    for (auto& op : e.local)
      if (auto* r = std::get_if<zab::role_change>(&op)) announce(*r);
    send(ctx_->commit, box(msg::local{std::move(e.local)}));
  }
  for (auto& r : e.log_reads) send(ctx_->log_writer, box(msg::log_read{r}));
  for (auto& r : e.snapshot_reads) send(ctx_->checkpointer, box(msg::snapshot_read{r}));
  for (auto& i : e.installs) send(ctx_->checkpointer, box(msg::install{std::move(i)}));
  if (!e.touched.empty()) send(ctx_->tracker, box(msg::touched{std::move(e.touched), true}));
  for (auto peer : e.drop_links) send(ctx_->links, box(msg::drop_link{peer}));
  if (e.rest) send(ctx_->election, box(msg::rest{}));
  if (e.look) send(ctx_->election, box(msg::look{peer_.last_logged(), peer_.current_epoch()}));
  e.clear();
}

void broadcast_actor::announce(const zab::role_change& r) {
  serving_ = r.role == commit::role::looking ? 0 : r.epoch;
  if (!planted(planted_bug::stale_proposals)) gathered_.clear();
  update_stats();
  send(ctx_->tracker, box(msg::role{r}));
  send(ctx_->gateway, box(msg::role{r}));
  send(ctx_->supervisor, box(msg::role{r}));
  send(ctx_->checkpointer, box(msg::role{r}));
  if (r.role != commit::role::looking) send(ctx_->election, box(msg::established{r.epoch}));
}

void broadcast_actor::count_proposals(const std::vector<zab::persist_op>& ops) {
  auto& s = ctx_->stats;
  for (auto& op : ops) {
    auto* a = std::get_if<zab::append_records>(&op);
    if (!a) continue;
    for (auto& r : a->records) {
      auto size = static_cast<std::int64_t>(r.payload.size());
      s.proposal_size_last = size;
      s.proposal_size_max.raise(size);
      if (s.proposal_size_min < 0 || size < s.proposal_size_min) s.proposal_size_min = size;
    }
    s.proposal_count += a->records.size();
  }
}

void broadcast_actor::update_stats() {
  auto& s = ctx_->stats;
  s.learners = peer_.learners();
  s.synced_followers = peer_.synced_followers();
  s.pending_syncs = peer_.learners() - std::min(peer_.learners(), peer_.synced_followers());
}

}  // namespace troupe::actors

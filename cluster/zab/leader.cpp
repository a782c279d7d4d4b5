#include "cluster/zab/leader.hpp"

#include <algorithm>

namespace troupe::zab {

leader::leader(context& ctx, std::int64_t now_ms) : ctx_(ctx), started_ms_(now_ms), pinged_ms_(now_ms) {}

void leader::start(const std::map<node_id, follower_info>& early, std::int64_t now_ms, effects& fx) {
  fx.log.push_back("elected: collecting followers");
  for (auto& [id, info] : early) on_info(id, info, now_ms, fx);
  try_gather(now_ms, fx);
}

leader::learner* leader::find(node_id id) {
  auto it = learners_.find(id);
  return it == learners_.end() ? nullptr : &it->second;
}

template <class Pick>
bool leader::quorum_of(Pick pick) const {
  std::vector<node_id> ids{ctx_.settings.self};
  for (auto& [id, l] : learners_)
    if (l.voter && pick(l)) ids.push_back(id);
  return ctx_.settings.ensemble.quorum(ids);
}

std::size_t leader::synced_followers() const {
  return static_cast<std::size_t>(std::count_if(
      learners_.begin(), learners_.end(), [](auto& e) { return e.second.voter && e.second.at == stage::synced; }));
}

void leader::on_message(node_id from, message m, std::int64_t now_ms, effects& fx) {
  if (auto* info = std::get_if<follower_info>(&m.body)) {
    if (find(from)) return drop(from, "it spoke FollowerInfo twice", now_ms, fx);
    return on_info(from, *info, now_ms, fx);
  }
  auto* l = find(from);
  if (!l) return;  // the rest of a conversation that has ended
  l->heard_ms = now_ms;
  if (auto* p = std::get_if<pong>(&m.body)) {
    if (m.epoch != epoch_ || !announced_) return;  // a sign of life, no more
    if (l->at == stage::synced && p->serial <= ping_serial_) l->ponged = std::max(l->ponged, p->serial);
    if (l->at >= stage::epoch_acked && p->serial <= ping_serial_) {
      l->answered = std::max(l->answered, p->serial);
      witness(now_ms, fx);
    }
    if (phase_ == phase::serving) {
      if (l->voter || !planted(planted_bug::observer_touches_lost))
        fx.touched.insert(fx.touched.end(), p->touched.begin(), p->touched.end());
      release_confirmed(fx);
    }
    return;
  }
  if (!announced_ || m.epoch != epoch_) return;
  if (auto* a = std::get_if<ack>(&m.body)) return on_ack(*l, a->last, now_ms, fx);
  if (auto* a = std::get_if<ack_epoch>(&m.body)) return on_ack_epoch(*l, *a, now_ms, fx);
  if (auto* t = std::get_if<truncated>(&m.body)) {
    if (l->at != stage::truncating || t->last > l->sent) return accuse(from, "its Truncated fits no Trunc", now_ms, fx);
    l->last = t->last, l->progress_ms = now_ms;
    return start_sync(*l, now_ms, fx);
  }
  if (auto* s = std::get_if<snap_ack>(&m.body)) return on_snap_ack(*l, s->index, now_ms, fx);
  if (std::holds_alternative<ack_new_leader>(m.body)) {
    if (l->at != stage::new_leader_sent) return accuse(from, "its AckNewLeader fits no NewLeader", now_ms, fx);
    l->at = stage::synced, l->acked = std::max(l->acked, l->last), l->progress_ms = now_ms;
    if (phase_ == phase::serving) {
      l->up_to_date = true;
      ctx_.send(from, epoch_, up_to_date{ctx_.log.committed()}, fx);
      maybe_commit(fx);
    } else {
      check_established(fx);
      maybe_serve(now_ms, fx);
    }
    return;
  }
  if (auto* r = std::get_if<requests>(&m.body)) {
    if (!l->up_to_date) return accuse(from, "it forwards requests before it is up to date", now_ms, fx);
    fx.local.push_back(forwarded{from, std::move(r->list)});
    return;
  }
  accuse(from, "it sent a leader's message", now_ms, fx);
}

void leader::on_link_down(node_id id, std::int64_t, effects& fx) {
  if (!find(id)) return;
  forget(id, fx);
  check_quorum();
}

void leader::close_snapshot(learner& l, effects& fx) {
  if (l.snapshot_reading) ++ctx_.stale_snapshot_reads[l.id];
  if (l.snapshot_open) fx.snapshot_reads.push_back({l.id, 0, true});
  l.snapshot_open = l.snapshot_reading = false;
}

void leader::forget(node_id id, effects& fx) {
  close_snapshot(learners_.at(id), fx);
  learners_.erase(id);
}

/// The caller must not use its reference to the learner any more.
void leader::drop(node_id id, const std::string& why, std::int64_t, effects& fx) {
  fx.log.push_back("dropping learner " + std::to_string(id) + ": " + why);
  if (find(id)) forget(id, fx);
  if (ctx_.links.test(id)) fx.drop_links.push_back(id), ctx_.links.reset(id);
  check_quorum();
}

void leader::accuse(node_id id, const std::string& what, std::int64_t now_ms, effects& fx) {
  fx.accused.push_back("learner " + std::to_string(id) + ": " + what);
  drop(id, what, now_ms, fx);
}

/// Once a quorum has spoken, a leader that loses it ends at once: its followers cannot be waiting for it.
void leader::check_quorum() {
  if (phase_ == phase::gathering) return;
  bool enough =
      established_ ? quorum_of([](auto& l) { return l.at == stage::synced; }) : quorum_of([](auto&) { return true; });
  if (!enough) ctx_.end("no quorum of followers is left");
}

void leader::on_durable(std::int64_t now_ms, effects& fx) {
  if (phase_ == phase::persisting_epoch && ctx_.durable(accepted_token_)) {
    phase_ = phase::collecting_acks;
    announce_epoch(fx);
    check_ack_epochs(now_ms, fx);
  }
  if (phase_ == phase::synchronizing) check_established(fx);
  maybe_commit(fx);
}

void leader::send_pings(std::int64_t now_ms, effects& fx) {
  pinged_ms_ = now_ms;
  bool first = true;
  for (auto& [id, l] : learners_) ctx_.send(id, announced_ ? epoch_ : 0, ping{ping_serial_}, fx, !first), first = false;
}

/// Of what has to be done before we are established. A voter that takes a large checkpoint takes its time: to end while it
/// goes on would make it begin anew under the next leader, and no quorum would ever be there.
std::int64_t leader::last_progress_ms() const {
  auto last = started_ms_;
  for (auto& [id, l] : learners_)
    if (l.voter && l.at >= stage::reading) last = std::max(last, l.progress_ms);
  return last;
}

void leader::tick(std::int64_t now_ms, effects& fx) {
  auto& s = ctx_.settings;
  if (phase_ == phase::gathering && now_ms - started_ms_ > ctx_.gather_patience_ms)
    return ctx_.end_for_lack_of_patience(ctx_.gather_patience_ms, "no quorum of followers came");
  if (phase_ != phase::serving && now_ms - last_progress_ms() > s.init_timeout_ms && !established_)
    return ctx_.end("discovery and synchronisation made no progress within init_timeout_ms");
  if (auto ms = ctx_.disk_hangs_for_ms(now_ms))
    return ctx_.end("our own disk has not answered for " + std::to_string(*ms) + " ms");
  std::vector<std::pair<node_id, const char*>> lost;
  for (auto& [id, l] : learners_) {
    bool synced = l.at == stage::synced;
    bool waits_for_us = l.at == stage::informed || l.at == stage::epoch_acked || (synced && l.acked >= l.sent) ||
                        (l.witness && !l.witnessed);
    if (now_ms - l.heard_ms > s.sync_timeout_ms)
      lost.emplace_back(id, "silent for longer than sync_timeout_ms");
    else if (!waits_for_us && now_ms - l.progress_ms > (synced ? s.sync_timeout_ms : s.init_timeout_ms))
      lost.emplace_back(id, synced ? "no ack within sync_timeout_ms" : "no progress within init_timeout_ms");
  }
  for (auto& [id, why] : lost) drop(id, why, now_ms, fx);
  if (!ctx_.ended && now_ms - pinged_ms_ >= s.ping_ms) send_pings(now_ms, fx);
}

void leader::maybe_serve(std::int64_t now_ms, effects& fx) {
  if (phase_ != phase::synchronizing || !established_ || ctx_.ended || ctx_.log.delivered() < history_last_) return;
  phase_ = phase::serving;
  assigned_ = make_zxid(epoch_, 0);
  fx.log.push_back("leading epoch " + std::to_string(epoch_));
  ctx_.set_role(commit::role::leading, epoch_, ctx_.settings.self, fx);
  for (auto& [id, l] : learners_) {
    l.progress_ms = now_ms;
    if (l.at == stage::synced) l.up_to_date = true, ctx_.send(id, epoch_, up_to_date{ctx_.log.committed()}, fx);
  }
}

void leader::close(effects& fx) {
  if (planted(planted_bug::zk_2845)) ctx_.log.forget_after(std::max(ctx_.log.committed(), ctx_.log.delivered()));
  for (auto& [id, l] : learners_) {
    close_snapshot(l, fx);
    if (ctx_.links.test(id)) fx.drop_links.push_back(id), ctx_.links.reset(id);
  }
}

}  // namespace troupe::zab

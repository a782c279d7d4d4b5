#include "cluster/zab/learner.hpp"

#include <algorithm>

namespace troupe::zab {

namespace {

constexpr std::size_t forward_bytes = std::size_t{1} << 20;

/// In a frame, about.
std::size_t bytes_of(const commit::forwarded_request& r) {
  auto n = r.body.size() + 64;
  if (r.creds)
    for (auto& c : *r.creds) n += c.scheme.size() + c.name.size() + 32;
  return n;
}

}  // namespace

learner::learner(context& ctx, node_id leader, std::int64_t now_ms)
    : ctx_(ctx), leader_(leader), started_ms_(now_ms), heard_ms_(now_ms) {}

void learner::start(std::int64_t now_ms, effects& fx) {
  fx.log.push_back("elected: following " + std::to_string(leader_));
  if (ctx_.links.test(leader_)) on_link_up(now_ms, fx);
}

void learner::on_link_up(std::int64_t now_ms, effects& fx) {
  if (at_ != stage::waiting_for_link) return;
  at_ = stage::informed;
  heard_ms_ = now_ms;
  ctx_.send(leader_, 0,
            follower_info{ctx_.accepted_epoch, ctx_.log.last(), !ctx_.settings.ensemble.votes(ctx_.settings.self)}, fx);
}

void learner::on_link_down() {
  if (at_ != stage::waiting_for_link) ctx_.end("the link to the leader is down");
}

void learner::refuse(const std::string& why, effects& fx) {
  fx.accused.push_back("leader " + std::to_string(leader_) + ": " + why);
  leave(why, fx);
}

void learner::leave(const std::string& why, effects& fx) {
  fx.log.push_back("leaving leader " + std::to_string(leader_) + ": " + why);
  ctx_.end(why);
}

void learner::on_message(message m, std::int64_t now_ms, effects& fx) {
  if (at_ == stage::waiting_for_link) return;
  heard_ms_ = now_ms, answered_ = true;
  if (auto* p = std::get_if<ping>(&m.body)) return on_ping(*p, m.epoch, fx);
  if (std::holds_alternative<leader_info>(m.body)) return on_leader_info(m.epoch, now_ms, fx);
  if (m.epoch != epoch_ || at_ <= stage::accepting) return;
  if (auto* p = std::get_if<proposals>(&m.body)) return on_proposals(std::move(*p), now_ms, fx);
  if (auto* c = std::get_if<commit_up_to>(&m.body)) return on_commit(c->commit, fx);
  if (auto* r = std::get_if<replies>(&m.body)) {
    if (at_ == stage::following) fx.local.push_back(answer{std::move(r->list)});
    return;
  }
  if (auto* t = std::get_if<trunc>(&m.body)) return on_trunc(t->to, now_ms, fx);
  if (auto* s = std::get_if<snap_chunk>(&m.body)) return on_snap_chunk(std::move(*s), now_ms, fx);
  if (auto* n = std::get_if<new_leader>(&m.body)) return on_new_leader(n->last, now_ms, fx);
  if (auto* u = std::get_if<up_to_date>(&m.body)) return on_up_to_date(u->commit, now_ms, fx);
  refuse("it sent a learner's message", fx);
}

void learner::on_durable(std::int64_t now_ms, effects& fx) {
  if (at_ == stage::accepting && ctx_.durable(accepted_token_)) {
    at_ = stage::synchronizing;
    ctx_.send(leader_, epoch_, ack_epoch{ctx_.current_epoch, ctx_.log.last(), repeated_}, fx);
    if (planted(planted_bug::zk_4643) && epoch_ > ctx_.current_epoch)
      ctx_.current_epoch = epoch_, ctx_.log.persist(set_current_epoch{epoch_}, now_ms, fx);
  }
  if (planted(planted_bug::zk_4685) && ctx_.log.durable() > new_leader_last_) send_ack(fx);
  bool overtaken =  // what came after NewLeader is on its way to the disk
      planted(planted_bug::zk_4685) && ctx_.log.last() > std::max(new_leader_last_, ctx_.log.durable());
  if (at_ == stage::new_leader && ctx_.durable(new_leader_token_) && !overtaken) {
    at_ = stage::acked;  // before any ack of what came after NewLeader (ZOOKEEPER-4685)
    ctx_.send(leader_, epoch_, ack_new_leader{}, fx);
    if (planted(planted_bug::zk_3023)) ctx_.log.hold_back(false, now_ms, fx);
  }
  if (at_ == stage::installing && ctx_.snap.held && ctx_.durable(ctx_.snap.marker)) {
    ctx_.snap.in_flight = true;
    fx.installs.push_back({std::move(*ctx_.snap.held)});
    ctx_.snap.held.reset();
  }
  send_ack(fx);
}

/// In frames of at most `forward_bytes`, or one request: peers cut a link on which a frame is too large.
void learner::forward(std::vector<commit::forwarded_request> list, effects& fx) {
  if (at_ != stage::following || list.empty()) return;
  auto* open = context::open<requests>(leader_, fx);
  std::size_t bytes = 0;
  if (open)
    for (auto& r : open->list) bytes += bytes_of(r);
  for (auto& r : list) {
    auto size = bytes_of(r);
    if (!open || bytes + size > forward_bytes) {
      ctx_.send(leader_, epoch_, requests{}, fx);
      open = &std::get<requests>(fx.send.back().what.body), bytes = 0;
    }
    open->list.push_back(std::move(r)), bytes += size;
  }
}

void learner::touched(std::vector<session_id> list) {
  if (at_ != stage::following) return;
  touched_.insert(touched_.end(), list.begin(), list.end());
  if (touched_.size() <= max_touched) return;
  std::sort(touched_.begin(), touched_.end());
  touched_.erase(std::unique(touched_.begin(), touched_.end()), touched_.end());
  if (touched_.size() > max_touched) touched_.resize(max_touched);  // those left out will be heard of again
}

void learner::maybe_serve(effects& fx) {
  if (at_ != stage::acked || !up_to_date_known_ || ctx_.ended || ctx_.log.delivered() < up_to_date_) return;
  at_ = stage::following;
  fx.log.push_back("following " + std::to_string(leader_) + " in epoch " + std::to_string(epoch_));
  ctx_.set_role(commit::role::following, epoch_, leader_, fx);
}

void learner::tick(std::int64_t now_ms, effects&) {
  auto& s = ctx_.settings;
  if (!answered_ && now_ms - started_ms_ > ctx_.answer_patience_ms)
    return ctx_.end_for_lack_of_patience(ctx_.answer_patience_ms, "the elected leader does not answer");
  if (now_ms - heard_ms_ > s.sync_timeout_ms) ctx_.end("the leader is silent for longer than sync_timeout_ms");
}

void learner::close(std::int64_t now_ms, effects& fx) {
  if (ctx_.links.test(leader_)) fx.drop_links.push_back(leader_), ctx_.links.reset(leader_);
  if (planted(planted_bug::zk_4712)) ctx_.log.forget_after(ctx_.log.durable());
  if (planted(planted_bug::zk_3023) || planted(planted_bug::zk_3911)) ctx_.log.hold_back(false, now_ms, fx);
  auto& s = ctx_.snap;
  if (!s.zxid || (s.last && !s.held))
    return;  // none; or the last chunk is already handed over, and will replace our state
  if (s.in_flight) ++ctx_.stale_installs;
  if (planted(planted_bug::zk_3642)) ctx_.log.reset(s.zxid, now_ms, fx);
  s = {};
  if (!planted(planted_bug::zk_3642)) ctx_.log.persist(begin_install{0}, now_ms, fx);
}

}  // namespace troupe::zab

/// ZAB 1.0, phase 3: proposals, cumulative acks, commits in zxid order.

#include <algorithm>
#include <stdexcept>

#include "cluster/zab/leader.hpp"
#include "cluster/zab/learner.hpp"

namespace troupe::zab {

namespace {
/// What goes into one frame of replies: together far from what peers take, whatever the first one is.
constexpr std::size_t max_replies = 256, small_reply = std::size_t{64} << 10;
}  // namespace

// ---- leader

std::size_t leader::pending() const {
  if (phase_ != phase::serving) return 0;
  return static_cast<std::size_t>(assigned_ - std::max(ctx_.log.committed(), make_zxid(epoch_, 0)));
}

void leader::submit(std::vector<commit::prepared> list, std::int64_t now_ms, effects& fx) {
  if (phase_ != phase::serving) return;  // its preparer will hear that we look
  log_records records;
  records.reserve(list.size());
  std::size_t size = 0;
  bool ask = false;
  for (auto& p : list) {
    if (!p.txn.empty()) {
      if (planted(planted_bug::zk_1277) && counter_of(assigned_) >= ctx_.settings.max_counter)
        assigned_ = make_zxid(epoch_of(assigned_) + 1, 0);
      if (counter_of(assigned_) >= ctx_.settings.max_counter) {  // ZOOKEEPER-1277: a new epoch starts the counter anew
        propose(std::move(records), now_ms, fx);
        return ctx_.end("the zxid counter of epoch " + std::to_string(epoch_) + " is used up");
      }
      if (size + p.txn.size() > ctx_.settings.chunk_bytes && !records.empty()) {
        propose(std::move(records), now_ms, fx);
        records.clear(), size = 0;
      }
      size += p.txn.size();
      records.push_back({++assigned_, std::move(p.txn)});
      continue;
    }
    p.reply.after = std::max(assigned_, history_last_);
    if (counter_of(assigned_) == 0) p.reply.after = history_last_;
    if (!p.confirm || planted(planted_bug::unconfirmed_sync) || ctx_.settings.ensemble.quorum({ctx_.settings.self})) {
      answer_origin(p.origin, std::move(p.reply), fx);
      continue;
    }
    if (!ask) ask = true, ++ping_serial_;
    unconfirmed_.push_back({ping_serial_, p.origin, std::move(p.reply)});
  }
  propose(std::move(records), now_ms, fx);
  if (ask) send_pings(now_ms, fx);
}

void leader::propose(log_records records, std::int64_t now_ms, effects& fx) {
  if (records.empty()) return;
  ctx_.log.append(records, now_ms, fx);
  auto commit = ctx_.log.committed();
  bool first = true;
  for (auto& [id, l] : learners_) {
    if (l.at != stage::new_leader_sent && l.at != stage::synced) continue;  // pump() takes it from the window
    if (l.acked >= l.sent) l.progress_ms = now_ms;
    l.sent = records.back().zxid;
    ctx_.send(id, epoch_, proposals{records, commit}, fx, !first);
    first = false;
  }
}

void leader::on_ack(learner& l, zxid_t z, std::int64_t now_ms, effects& fx) {
  if (l.at < stage::streaming) return drop(l.id, "it acks what we would send it anew", now_ms, fx);
  if (z > l.sent) return accuse(l.id, "it acks " + std::to_string(z) + ", which it was not sent", now_ms, fx);
  if (planted(planted_bug::zk_4685) && l.at == stage::new_leader_sent && z > l.last) {
    accuse(l.id, "it acks " + std::to_string(z) + " before NewLeader", now_ms, fx);
    return ctx_.end("an ack came that it does not expect");
  }
  if (z <= l.acked) return;
  l.acked = z, l.progress_ms = now_ms;
  if (l.at == stage::streaming) {
    while (!l.in_flight.empty() && l.in_flight.front().first <= z)
      l.in_flight_bytes -= l.in_flight.front().second, l.in_flight.pop_front();
    return pump(l, now_ms, fx);
  }
  if (l.at == stage::synced) maybe_commit(fx);
}

/// The highest zxid that a quorum (by weight) has on disk. Everyone who counts has the whole initial history, so only
/// that and records of our own epoch can come out.
void leader::maybe_commit(effects& fx) {
  if (!established_ || ctx_.ended) return;
  auto& e = ctx_.settings.ensemble;
  std::vector<std::pair<zxid_t, std::uint64_t>> durable;
  std::uint64_t all = 0;
  for (auto& m : e.members) {
    if (m.observer) continue;
    all += m.weight;
    if (m.id == ctx_.settings.self) {
      auto own = planted(planted_bug::leader_counts_unsynced) ? ctx_.log.last() : ctx_.log.durable();
      durable.emplace_back(own, m.weight);
    } else if (auto* l = find(m.id); l && l->at == stage::synced) {
      durable.emplace_back(l->acked, m.weight);
    }
  }
  std::sort(durable.begin(), durable.end(), std::greater<>());
  std::uint64_t have = 0;
  for (auto& [z, weight] : durable) {
    have += weight;
    if (have * 2 <= all) continue;
    if (z <= ctx_.log.committed()) return;
    ctx_.log.commit(z);
    break;
  }
  if (have * 2 <= all) return;
  release_overtaken(fx);
  ctx_.log.deliver(fx);
  auto commit = ctx_.log.committed();
  for (auto& [id, l] : learners_) {
    if (l.at != stage::new_leader_sent && l.at != stage::synced) continue;
    if (auto* open = context::open<commit_up_to>(id, fx))
      open->commit = commit;
    else
      ctx_.send(id, epoch_, commit_up_to{commit}, fx);
  }
}

void leader::answer_origin(node_id origin, commit::reply_only reply, effects& fx) {
  if (origin == ctx_.settings.self) {
    auto* open = fx.local.empty() ? nullptr : std::get_if<answer>(&fx.local.back());
    if (!open) open = &std::get<answer>(fx.local.emplace_back(answer{}));
    open->replies.push_back(std::move(reply));
    return;
  }
  auto* l = find(origin);
  if (!l || !l->up_to_date) return;  // gone, and with it the client's connection
  auto* open = context::open<replies>(origin, fx);
  if (open && open->list.size() < max_replies && reply.body.size() <= small_reply)
    open->list.push_back(std::move(reply));
  else
    ctx_.send(origin, epoch_, replies{{std::move(reply)}}, fx);
}

/// A sync is answered once a quorum has answered a ping that was sent after it: only then do we know that no later
/// leader could have committed anything before.
void leader::release_confirmed(effects& fx) {
  while (!unconfirmed_.empty()) {
    auto serial = unconfirmed_.front().serial;
    std::vector<node_id> ids{ctx_.settings.self};
    for (auto& [id, l] : learners_)
      if (l.voter && l.at == stage::synced && l.ponged >= serial) ids.push_back(id);
    if (!ctx_.settings.ensemble.quorum(ids)) return;
    answer_origin(unconfirmed_.front().origin, std::move(unconfirmed_.front().reply), fx);
    unconfirmed_.pop_front();
  }
}

/// A quorum has just acked what was proposed after these: that confirms our leadership as well as a ping does. They go
/// before the commit, so that an outcome is told as of its own place in the order, and shows nothing that came later.
void leader::release_overtaken(effects& fx) {
  while (!unconfirmed_.empty() && unconfirmed_.front().reply.after < ctx_.log.committed()) {
    answer_origin(unconfirmed_.front().origin, std::move(unconfirmed_.front().reply), fx);
    unconfirmed_.pop_front();
  }
}

// ---- learner

void learner::on_proposals(proposals p, std::int64_t now_ms, effects& fx) {
  if (at_ != stage::synchronizing && at_ != stage::new_leader && at_ != stage::acked && at_ != stage::following)
    return refuse("its Proposals come before their time", fx);
  auto last = ctx_.log.last();
  for (auto& r : p.records) {
    if (!follows(last, r.zxid) || epoch_of(r.zxid) > epoch_ || r.payload.empty())
      return refuse("its proposal " + std::to_string(r.zxid) + " does not follow " + std::to_string(last), fx);
    last = r.zxid;
  }
  in_order_ = true;
  if ((planted(planted_bug::zk_3023) || planted(planted_bug::zk_3911)) && at_ == stage::synchronizing)
    ctx_.log.hold_back(true, now_ms, fx);
  ctx_.log.append(p.records, now_ms, fx);
  on_commit(p.commit, fx);
}

void learner::on_commit(zxid_t z, effects& fx) {
  if (at_ >= stage::new_leader && z > ctx_.log.last())
    return refuse("it commits " + std::to_string(z) + ", which it never proposed to us", fx);
  bool before_up_to_date = at_ == stage::new_leader || at_ == stage::acked;
  if (planted(planted_bug::zk_4394) && before_up_to_date && ctx_.log.committed() < std::min(z, new_leader_last_))
    throw std::logic_error("commit of " + std::to_string(z) + ": no such proposal waits");
  if (planted(planted_bug::zk_4925) && before_up_to_date && z > ctx_.log.committed()) ctx_.log.leave_out(z);
  ctx_.log.commit(z);
  ctx_.log.deliver(fx);
  maybe_serve(fx);
}

void learner::on_ping(const ping& p, epoch_t epoch, effects& fx) {
  pong answer{p.serial, {}};
  if (at_ == stage::following) answer.touched.swap(touched_);
  ctx_.send(leader_, epoch, std::move(answer), fx);
}

void learner::send_ack(effects& fx) {
  auto z = ctx_.log.durable();
  if (!in_order_ || z <= acked_) return;
  acked_ = z;
  if (auto* open = context::open<ack>(leader_, fx))
    open->last = z;
  else
    ctx_.send(leader_, epoch_, ack{z}, fx);
}

}  // namespace troupe::zab

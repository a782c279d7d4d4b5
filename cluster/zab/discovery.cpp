/// ZAB 1.0, phase 1: a new epoch that a quorum accepts, and the proof that the leader's history is the newest of it.

#include <algorithm>
#include <utility>

#include "cluster/zab/leader.hpp"
#include "cluster/zab/learner.hpp"

namespace troupe::zab {

// ---- leader

void leader::on_info(node_id from, const follower_info& info, std::int64_t now_ms, effects& fx) {
  if (info.accepted_epoch > max_epoch) return accuse(from, "its accepted epoch is out of range", now_ms, fx);
  learner l;
  l.id = from, l.voter = ctx_.settings.ensemble.votes(from);
  l.accepted = info.accepted_epoch, l.last = info.last, l.heard_ms = l.progress_ms = now_ms;
  learners_[from] = l;
  if (l.voter) ctx_.epoch_floor = std::max(ctx_.epoch_floor, info.accepted_epoch);
  if (phase_ == phase::gathering) {
    ctx_.send(from, 0, ping{ping_serial_}, fx);  // a sign of life while it waits for the others
    return try_gather(now_ms, fx);
  }
  // It promised a later leader, who failed, not to follow us. It could never come back if nobody led a later epoch.
  if (l.voter && l.accepted > epoch_)
    return ctx_.end("voter " + std::to_string(from) + " has accepted epoch " + std::to_string(l.accepted) +
                    ", after ours");
  if (announced_)
    announce_epoch(fx);
  else
    ctx_.send(from, 0, ping{ping_serial_}, fx);
}

void leader::try_gather(std::int64_t now_ms, effects& fx) {
  if (phase_ != phase::gathering) return;
  std::vector<node_id> ids{ctx_.settings.self};
  for (auto& [id, l] : learners_)
    if (l.voter || planted(planted_bug::zk_2959)) ids.push_back(id);
  if (!ctx_.settings.ensemble.quorum(ids, planted(planted_bug::zk_2959))) return;
  auto newest =
      std::max(ctx_.accepted_epoch, ctx_.epoch_floor);  // the floor has every voter's; observers' do not count
  if (newest >= max_epoch) {
    fx.fatal = "epochs are used up: the ensemble has accepted epoch " + std::to_string(newest);
    return ctx_.end("epochs are used up");
  }
  epoch_ = newest + 1;
  ctx_.accepted_epoch = epoch_, ctx_.accepted_from = ctx_.settings.self;
  accepted_token_ = ctx_.log.persist(set_accepted_epoch{epoch_}, now_ms, fx);
  phase_ = phase::persisting_epoch;
}

/// LeaderInfo to all who have not had it; only once we would remember the epoch ourselves.
void leader::announce_epoch(effects& fx) {
  announced_ = true;
  for (auto& [id, l] : learners_)
    if (l.at == stage::informed) l.at = stage::epoch_sent, ctx_.send(id, epoch_, leader_info{}, fx);
}

void leader::on_ack_epoch(learner& l, const ack_epoch& a, std::int64_t now_ms, effects& fx) {
  if (l.at != stage::epoch_sent) return accuse(l.id, "its AckEpoch fits no LeaderInfo", now_ms, fx);
  l.at = stage::epoch_acked, l.last = a.last, l.current = a.current_epoch, l.counted = !a.repeated,
  l.progress_ms = now_ms;
  if (phase_ != phase::collecting_acks) return start_sync(l, now_ms, fx);
  // ZOOKEEPER-1154: whoever has a newer history must lead. Observers' epochs do not count (ZOOKEEPER-2959).
  if (l.voter && l.counted && newer(a.current_epoch, a.last, ctx_.current_epoch, ctx_.log.last()))
    return ctx_.end("voter " + std::to_string(l.id) + " has a newer history");
  check_ack_epochs(now_ms, fx);
}

/// A voter that was never synchronised is new, or its data were wiped. Nobody knows which: what it had acknowledged and
/// promised may be forgotten. So it counts only beside every other voter, one of whom then has what it forgot: an
/// acknowledged record was on another disk of the quorum too, and a promised epoch is on that leader's. Hence the first
/// start of an ensemble needs all its voters once, and a wiped node never makes up a quorum in the absence of another.
void leader::check_ack_epochs(std::int64_t now_ms, effects& fx) {
  if (phase_ != phase::collecting_acks || ctx_.ended) return;
  auto& e = ctx_.settings.ensemble;
  auto acked = [&](node_id id, bool repeated_too) {
    auto* l = find(id);
    return id == ctx_.settings.self || (l && l->at == stage::epoch_acked && (repeated_too || l->counted));
  };
  auto everyone = [&](bool repeated_too) {
    return std::all_of(e.members.begin(), e.members.end(),
                       [&](const member& m) { return !e.votes(m.id) || acked(m.id, repeated_too); });
  };
  auto quorum = [&](bool repeated_too, bool blank_too) {
    std::vector<node_id> ids;
    if (blank_too || ctx_.current_epoch > 0) ids.push_back(ctx_.settings.self);
    for (auto& [id, l] : learners_)
      if ((l.voter || planted(planted_bug::zk_2959)) && acked(id, repeated_too) && (blank_too || l.current > 0))
        ids.push_back(id);
    return e.quorum(ids, planted(planted_bug::zk_2959));
  };
  if (!quorum(false, everyone(false) || planted(planted_bug::wiped_voter_counts))) {
    // Some accepted this epoch before, perhaps from another prospective leader: the next attempt takes a later one.
    if (quorum(true, everyone(true))) return ctx_.end("epoch " + std::to_string(epoch_) + " had been accepted before");
    if (quorum(false, true) && !std::exchange(said_blank_, true))
      fx.log.push_back(
          "waiting for every voter: of those that came, some were never synchronised (a new or wiped data directory)");
    return;
  }
  if (everyone(false))  // all of them have accepted this epoch: nobody promised a later one
    for (auto& [id, l] : learners_) l.witnessed = true;
  history_last_ = ctx_.log.last();
  ctx_.current_epoch = epoch_;
  current_token_ = ctx_.log.persist(set_current_epoch{epoch_}, now_ms, fx);  // after the history, in the log's order
  phase_ = phase::synchronizing;
  for (auto& [id, l] : learners_)
    if (l.at == stage::epoch_acked) start_sync(l, now_ms, fx);
}

// ---- learner

void learner::on_leader_info(epoch_t epoch, std::int64_t now_ms, effects& fx) {
  if (at_ != stage::informed || epoch == 0 || epoch > max_epoch)
    return leave("its LeaderInfo fits no FollowerInfo", fx);
  // An observer's promise is part of no quorum, so it may go back to an older leader than one it once met.
  bool voter = ctx_.settings.ensemble.votes(ctx_.settings.self);
  if (epoch < (voter ? ctx_.accepted_epoch : ctx_.current_epoch))
    return leave("its epoch " + std::to_string(epoch) + " is older than " + std::to_string(ctx_.accepted_epoch), fx);
  epoch_ = epoch;
  at_ = stage::accepting;
  if (epoch > ctx_.accepted_epoch) {
    ctx_.accepted_epoch = epoch, ctx_.accepted_from = leader_;
    accepted_token_ = ctx_.log.persist(set_accepted_epoch{epoch}, now_ms, fx);
  } else {
    // A leader takes an epoch once only; to accept it again from the same one is the same promise.
    repeated_ = epoch < ctx_.accepted_epoch || ctx_.accepted_from != leader_;
    accepted_token_ = ctx_.log.issued();
  }
  on_durable(now_ms, fx);
}

}  // namespace troupe::zab

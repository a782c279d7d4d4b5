/// ZAB 1.0, phase 2: every learner gets the leader's history (TRUNC, SNAP, DIFF), then NewLeader.
/// History, then epoch, then ack (ZOOKEEPER-4643, 4646, 4785): AckNewLeader leaves when both are on the learner's disk.

#include <algorithm>

#include "cluster/zab/leader.hpp"
#include "cluster/zab/learner.hpp"

namespace troupe::zab {

namespace {
/// Chunks of a DIFF that may be on their way to a learner: enough to keep its disk busy, and a bound for the link's
/// queue.
constexpr std::size_t max_chunks_in_flight = 4;

std::size_t bytes_of(const log_records& records) {
  std::size_t n = 0;
  for (auto& r : records) n += r.payload.size() + 32;
  return n;
}
}  // namespace

// ---- leader

/// Where does the learner's last zxid stand in our log? From memory if possible, since that is what failover waits for.
void leader::start_sync(learner& l, std::int64_t now_ms, effects& fx) {
  if (ctx_.log.in_memory(l.last)) return place(l, ctx_.log.position(l.last), now_ms, fx);
  l.at = stage::reading;
  l.reading = ctx_.log.new_serial();
  fx.log_reads.push_back({l.id, l.last, ctx_.settings.chunk_bytes, l.reading});
}

void leader::place(learner& l, zxid_t position, std::int64_t now_ms, effects& fx) {
  bool newer_here = epoch_of(ctx_.log.last()) > epoch_of(l.last);
  if (position == l.last || (planted(planted_bug::zk_1154) && position >= 0 && newer_here)) {
    l.at = stage::streaming, l.sent = l.acked = l.last;
    return pump(l, now_ms, fx);
  }
  if (position >= 0) {
    // It may come to rest on a still smaller zxid, if its history left ours before `position`; then we place it again.
    l.at = stage::truncating, l.sent = position;
    return ctx_.send(l.id, epoch_, trunc{position}, fx);
  }
  l.at = stage::snapshotting, l.snapshot_open = l.snapshot_reading = true, l.snapshot_index = 0;
  fx.snapshot_reads.push_back({l.id, 0, false});
}

void leader::on_log_read(const read_log& read, zab_peer::log_read_result result, std::int64_t now_ms, effects& fx) {
  auto* l = find(read.purpose);
  if (!l || !l->reading || l->reading != read.serial) return;
  l->reading = 0, l->progress_ms = now_ms;
  if (l->at == stage::reading) {
    place(*l, result.position, now_ms, fx);
    if (l->at != stage::streaming || l->sent != read.after || !l->reading) return;
    // `pump` asked for what this answer already has.
    l->reading = 0;
    fx.log_reads.pop_back();
  } else if (l->at != stage::streaming) {
    return;
  }
  if (result.position != l->sent) {
    if (result.position >= 0) return drop(l->id, "our log lost " + std::to_string(l->sent) + " under it", now_ms, fx);
    l->last = l->sent;  // trimmed away while it was slow
    return place(*l, -1, now_ms, fx);
  }
  if (!result.records.empty()) send_chunk(*l, std::move(result.records), fx);
  pump(*l, now_ms, fx);
}

void leader::send_chunk(learner& l, log_records records, effects& fx) {
  auto size = bytes_of(records);
  l.sent = records.back().zxid;
  l.in_flight.emplace_back(l.sent, size), l.in_flight_bytes += size;
  ctx_.send(l.id, epoch_, proposals{std::move(records), ctx_.log.committed()}, fx);
}

/// Sends what fits; NewLeader once everything was sent, and only then (ZOOKEEPER-3104).
void leader::pump(learner& l, std::int64_t now_ms, effects& fx) {
  while (l.at == stage::streaming && !l.reading) {
    bool full = l.in_flight_bytes >= max_chunks_in_flight * ctx_.settings.chunk_bytes;
    if (l.sent == ctx_.log.last() || (planted(planted_bug::zk_3104) && full)) {
      if (needs_witness(l)) return ask_for_witness(l, now_ms, fx);
      l.at = stage::new_leader_sent, l.last = l.sent, l.progress_ms = now_ms;
      l.in_flight.clear(), l.in_flight_bytes = 0;
      close_snapshot(l, fx);  // not before: until now the log has to reach back to it
      return ctx_.send(l.id, epoch_, new_leader{l.sent}, fx);
    }
    if (full) return;
    if (ctx_.log.in_memory(l.sent)) {
      send_chunk(l, ctx_.log.slice(l.sent, ctx_.settings.chunk_bytes), fx);
    } else {
      l.reading = ctx_.log.new_serial();
      fx.log_reads.push_back({l.id, l.sent, ctx_.settings.chunk_bytes, l.reading});
    }
  }
}

/// A voter that was never synchronised may have forgotten, with its data, that it promised a later epoch to another
/// leader. It gets NewLeader, from which on it counts, only when every other voter has answered a ping that was sent
/// after it came: that other leader is one of them, and whoever has accepted a later epoch follows us no more. (The same
/// rule as for the quorum of AckEpoch, check_ack_epochs, for those who come later.)
bool leader::needs_witness(const learner& l) const {
  return l.voter && l.current == 0 && !l.witnessed && !planted(planted_bug::wiped_voter_counts);
}

void leader::ask_for_witness(learner& l, std::int64_t now_ms, effects& fx) {
  if (l.witness) return;
  l.witness = ++ping_serial_;
  fx.log.push_back("learner " + std::to_string(l.id) +
                   " was never synchronised (a new or wiped data directory): it serves once every other voter is here");
  send_pings(now_ms, fx);
  witness(now_ms, fx);
}

void leader::witness(std::int64_t now_ms, effects& fx) {
  for (auto& [id, l] : learners_) {
    if (!l.witness || l.witnessed) continue;
    auto& e = ctx_.settings.ensemble;
    l.witnessed = std::all_of(e.members.begin(), e.members.end(), [&, of = id, serial = l.witness](const member& m) {
      if (!e.votes(m.id) || m.id == ctx_.settings.self || m.id == of) return true;
      auto* other = find(m.id);
      return other && other->answered >= serial;
    });
    if (l.witnessed) pump(l, now_ms, fx);
  }
}

void leader::on_snapshot_chunk(node_id to, snap_chunk c, std::int64_t now_ms, effects& fx) {
  auto* l = find(to);
  if (!l || !l->snapshot_reading) return;
  l->snapshot_reading = false, l->progress_ms = now_ms;
  if (c.index != l->snapshot_index || (c.index > 0 && c.zxid != l->snapshot_zxid) || c.zxid <= l->last)
    return drop(to, "our checkpoint at " + std::to_string(c.zxid) + " is of no use to it", now_ms, fx);
  l->snapshot_zxid = c.zxid, l->snapshot_last = c.last;
  ctx_.send(to, epoch_, std::move(c), fx);
}

void leader::on_snap_ack(learner& l, std::uint32_t index, std::int64_t now_ms, effects& fx) {
  if (l.at != stage::snapshotting || l.snapshot_reading || index != l.snapshot_index)
    return accuse(l.id, "its SnapAck fits no chunk", now_ms, fx);
  l.progress_ms = now_ms;
  if (l.snapshot_last) {
    l.last = l.snapshot_zxid;
    return start_sync(l, now_ms, fx);
  }
  l.snapshot_reading = true;
  fx.snapshot_reads.push_back({l.id, ++l.snapshot_index, false});
}

/// Established: a quorum, ourselves included, has the initial history and the new epoch on disk.
void leader::check_established(effects& fx) {
  if (phase_ != phase::synchronizing || established_ || !ctx_.durable(current_token_)) return;
  std::vector<node_id> ids{ctx_.settings.self};
  for (auto& [id, l] : learners_)
    if (l.voter && l.at == stage::synced) ids.push_back(id);
  if (!ctx_.settings.ensemble.quorum(ids)) return;
  established_ = true;
  ctx_.log.commit(history_last_);
  ctx_.log.deliver(fx);
}

// ---- learner

void learner::on_trunc(zxid_t to, std::int64_t now_ms, effects& fx) {
  auto& log = ctx_.log;
  if (at_ != stage::synchronizing || in_order_) return refuse("its Trunc comes too late", fx);
  if (to < std::min(log.committed(), log.last())) {
    fx.fatal = "leader " + std::to_string(leader_) + " of epoch " + std::to_string(epoch_) +
               " wants us to truncate to " + std::to_string(to) + ", but " + std::to_string(log.committed()) +
               " was committed here: histories diverged";
    return ctx_.end("divergence");
  }
  if (to >= log.last()) return ctx_.send(leader_, epoch_, truncated{log.last()}, fx);
  if (log.in_memory(to)) return truncate(to, log.position(to), now_ms, fx);
  at_ = stage::truncating, trunc_to_ = to, reading_ = log.new_serial();
  fx.log_reads.push_back({ctx_.settings.self, to, 1, reading_});
}

void learner::on_log_read(const read_log& read, const zab_peer::log_read_result& result, std::int64_t now_ms,
                          effects& fx) {
  if (at_ != stage::truncating || read.serial != reading_) return;
  reading_ = 0, at_ = stage::synchronizing;
  if (result.position < ctx_.log.delivered()) {
    fx.fatal = "our log has nothing between the delivered " + std::to_string(ctx_.log.delivered()) + " and " +
               std::to_string(trunc_to_) + ", to which leader " + std::to_string(leader_) +
               " truncates: histories diverged";
    return ctx_.end("divergence");
  }
  truncate(trunc_to_, result.position, now_ms, fx);
}

void learner::truncate(zxid_t to, zxid_t position, std::int64_t now_ms, effects& fx) {
  fx.log.push_back("truncating the log from " + std::to_string(ctx_.log.last()) + " to " + std::to_string(position));
  ctx_.log.truncate(to, position, now_ms, fx);
  ctx_.send(leader_, epoch_, truncated{position}, fx);
}

void learner::on_snap_chunk(snap_chunk c, std::int64_t now_ms, effects& fx) {
  auto& s = ctx_.snap;
  bool first = at_ == stage::synchronizing && !in_order_ && c.index == 0 && c.zxid > ctx_.log.delivered();
  bool next =
      at_ == stage::installing && !s.in_flight && !s.held && !s.last && c.index == s.index + 1 && c.zxid == s.zxid;
  if (!first && !next) return leave("its SnapChunk " + std::to_string(c.index) + " is out of order", fx);
  s.zxid = c.zxid, s.index = c.index, s.last = c.last;
  if (next) {
    s.in_flight = true;
    fx.installs.push_back({std::move(c)});
    return;
  }
  // Recovery must know that the log may no longer fit the state before the state can change (ZOOKEEPER-3642, 2872).
  fx.log.push_back("copying the leader's checkpoint at " + std::to_string(c.zxid));
  at_ = stage::installing, s.reset = 0;
  s.held = std::move(c);
  s.marker = ctx_.log.persist(begin_install{s.zxid}, now_ms, fx);
}

void learner::on_chunk_installed(std::uint32_t index, effects& fx) {
  if (at_ == stage::installing) ctx_.send(leader_, epoch_, snap_ack{index}, fx);
}

void learner::on_installed(effects& fx) {
  if (at_ != stage::installing) return;
  at_ = stage::synchronizing;
  ctx_.send(leader_, epoch_, snap_ack{ctx_.snap.index}, fx);
}

void learner::on_new_leader(zxid_t last, std::int64_t now_ms, effects& fx) {
  if (at_ != stage::synchronizing || last != ctx_.log.last())
    return refuse("its NewLeader at " + std::to_string(last) + " does not fit our log, which ends at " +
                      std::to_string(ctx_.log.last()),
                  fx);
  in_order_ = true;
  at_ = stage::new_leader, new_leader_last_ = last;
  ctx_.current_epoch = epoch_;
  new_leader_token_ = ctx_.log.persist(set_current_epoch{epoch_}, now_ms, fx);
  if (planted(planted_bug::zk_4646)) at_ = stage::acked, ctx_.send(leader_, epoch_, ack_new_leader{}, fx);
}

void learner::on_up_to_date(zxid_t commit, std::int64_t now_ms, effects& fx) {
  if (at_ != stage::acked || up_to_date_known_ || commit > ctx_.log.last())
    return refuse("its UpToDate at " + std::to_string(commit) + " is out of order", fx);
  up_to_date_known_ = true, up_to_date_ = commit;
  if (planted(planted_bug::zk_3911)) ctx_.log.hold_back(false, now_ms, fx);
  ctx_.log.commit(commit);
  ctx_.log.deliver(fx);
  maybe_serve(fx);
}

}  // namespace troupe::zab

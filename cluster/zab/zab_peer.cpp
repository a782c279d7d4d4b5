#include "cluster/zab/zab_peer.hpp"

#include <map>
#include <stdexcept>

#include "cluster/zab/leader.hpp"
#include "cluster/zab/learner.hpp"

namespace troupe::zab {

struct zab_peer::impl {
  impl(zab_settings s, const log_state& l, zxid_t applied) : ctx(std::move(s), l, applied) {}

  context ctx;
  std::unique_ptr<zab::leader> leading;
  std::unique_ptr<zab::learner> learning;
  /// FollowerInfo of those who took us for the leader sooner than we did: one a peer, forgotten with its link.
  std::map<node_id, follower_info> early;
  bool resting = false;  ///< our role ended, and we may not look yet

  /// After every step: what became deliverable, and the end of the conversation if that was its last.
  void settle(std::int64_t now_ms, effects& fx) {
    if (!ctx.ended) {
      ctx.log.deliver(fx);
      if (leading) leading->maybe_serve(now_ms, fx);
      if (learning) learning->maybe_serve(fx);
    }
    if (!ctx.ended) return;
    fx.log.push_back("looking: " + *ctx.ended);
    ctx.ended.reset();
    if (leading) leading->close(fx);
    if (learning) learning->close(now_ms, fx);
    leading.reset(), learning.reset();
    if (ctx.role != commit::role::looking) ctx.set_role(commit::role::looking, 0, 0, fx);
    ctx.leader = 0;
    resting = fx.rest = true;
    maybe_look(now_ms, fx);
  }

  /// Not while a checkpoint is being put in place, since our history is about to change; nor while our disk hangs: with
  /// the best vote we would be elected again and again, and could never lead.
  void maybe_look(std::int64_t now_ms, effects& fx) {
    if (!resting || ctx.snap.zxid || ctx.disk_hangs_for_ms(now_ms)) return;
    resting = fx.rest = false, fx.look = true;
  }

  void begin(const char* what) const {
    if (leading || learning) throw std::logic_error(std::string(what) + " while the former role goes on");
  }
};

zab_peer::zab_peer(zab_settings s, log_state l, zxid_t applied)
    : impl_(std::make_unique<impl>(std::move(s), l, applied)) {
  if (l.accepted_epoch < l.current_epoch)
    throw std::runtime_error("the log's current epoch " + std::to_string(l.current_epoch) +
                             " is after its accepted epoch " + std::to_string(l.accepted_epoch));
}
zab_peer::~zab_peer() = default;

void zab_peer::lead(std::int64_t now_ms, effects& fx) {
  auto& i = *impl_;
  i.begin("lead()");
  i.leading = std::make_unique<zab::leader>(i.ctx, now_ms);
  auto early = std::move(i.early);
  i.early.clear();
  i.leading->start(early, now_ms, fx);
  i.settle(now_ms, fx);
}

void zab_peer::follow(node_id leader, std::int64_t now_ms, effects& fx) {
  auto& i = *impl_;
  i.begin("follow()");
  i.learning = std::make_unique<zab::learner>(i.ctx, leader, now_ms);
  i.learning->start(now_ms, fx);
  i.settle(now_ms, fx);
}

void zab_peer::on_message(node_id from, message m, std::int64_t now_ms, effects& fx) {
  auto& i = *impl_;
  // What still comes over a link that we asked to drop belongs to a conversation that has ended.
  if (!i.ctx.links.test(from) || !i.ctx.settings.ensemble.find(from)) return;
  if (i.leading)
    i.leading->on_message(from, std::move(m), now_ms, fx);
  else if (i.learning && i.learning->leader_id() == from && !std::holds_alternative<follower_info>(m.body))
    i.learning->on_message(std::move(m), now_ms, fx);
  else if (auto* info = std::get_if<follower_info>(&m.body))
    i.early[from] = *info;
  i.settle(now_ms, fx);
}

void zab_peer::on_link(node_id peer, bool up, std::int64_t now_ms, effects& fx) {
  auto& i = *impl_;
  i.ctx.links.set(peer, up);
  if (!up) i.early.erase(peer);
  if (i.leading && !up) i.leading->on_link_down(peer, now_ms, fx);
  if (i.learning && i.learning->leader_id() == peer)
    up ? i.learning->on_link_up(now_ms, fx) : i.learning->on_link_down();
  i.settle(now_ms, fx);
}

void zab_peer::on_durable(std::uint64_t token, std::int64_t now_ms, effects& fx) {
  auto& i = *impl_;
  i.ctx.log.on_durable(token);
  auto& s = i.ctx.snap;
  if (s.reset && i.ctx.durable(s.reset)) {
    if (i.learning) i.learning->on_installed(fx);
    s = {};
  }
  i.maybe_look(now_ms, fx);
  if (i.leading) i.leading->on_durable(now_ms, fx);
  if (i.learning) i.learning->on_durable(now_ms, fx);
  i.settle(now_ms, fx);
}

void zab_peer::on_log_read(const read_log& read, log_read_result result, std::int64_t now_ms, effects& fx) {
  auto& i = *impl_;
  if (read.purpose != i.ctx.settings.self) {
    if (i.leading) i.leading->on_log_read(read, std::move(result), now_ms, fx);
  } else if (i.learning) {
    i.learning->on_log_read(read, result, now_ms, fx);
    i.ctx.log.on_log_read(read, std::move(result), fx);
  } else {
    i.ctx.log.on_log_read(read, std::move(result), fx);
  }
  i.settle(now_ms, fx);
}

void zab_peer::on_snapshot_chunk(node_id learner, snap_chunk c, std::int64_t now_ms, effects& fx) {
  auto& i = *impl_;
  if (auto& stale = i.ctx.stale_snapshot_reads[learner]) {
    --stale;
    return;
  }
  if (i.leading) i.leading->on_snapshot_chunk(learner, std::move(c), now_ms, fx);
  i.settle(now_ms, fx);
}

void zab_peer::on_chunk_installed(std::uint32_t index, std::int64_t now_ms, effects& fx) {
  auto& i = *impl_;
  if (i.ctx.stale_installs) {
    --i.ctx.stale_installs;
    return;
  }
  auto& s = i.ctx.snap;
  if (!s.in_flight || s.last || index != s.index) return;
  s.in_flight = false;
  if (i.learning) i.learning->on_chunk_installed(index, fx);
  i.settle(now_ms, fx);
}

void zab_peer::on_installed(zxid_t zxid, std::int64_t now_ms, effects& fx) {
  auto& i = *impl_;
  auto& s = i.ctx.snap;
  if (!s.in_flight || !s.last || zxid != s.zxid)
    throw std::logic_error("a checkpoint at " + std::to_string(zxid) + " was installed that nobody asked for");
  s.in_flight = false;
  s.reset = i.ctx.log.reset(zxid, now_ms, fx);
  i.settle(now_ms, fx);
}

void zab_peer::submit(std::vector<commit::prepared> list, std::int64_t now_ms, effects& fx) {
  if (impl_->leading) impl_->leading->submit(std::move(list), now_ms, fx);
  impl_->settle(now_ms, fx);
}

void zab_peer::forward(std::vector<commit::forwarded_request> list, std::int64_t now_ms, effects& fx) {
  if (impl_->learning) impl_->learning->forward(std::move(list), fx);
  impl_->settle(now_ms, fx);
}

void zab_peer::touched(std::vector<session_id> list) {
  if (impl_->learning) impl_->learning->touched(std::move(list));
}

void zab_peer::tick(std::int64_t now_ms, effects& fx) {
  if (impl_->leading) impl_->leading->tick(now_ms, fx);
  if (impl_->learning) impl_->learning->tick(now_ms, fx);
  impl_->settle(now_ms, fx);
}

zxid_t zab_peer::last_logged() const { return impl_->ctx.log.last(); }
zxid_t zab_peer::committed() const { return impl_->ctx.log.committed(); }
zxid_t zab_peer::delivered() const { return impl_->ctx.log.delivered(); }
epoch_t zab_peer::accepted_epoch() const { return impl_->ctx.accepted_epoch; }
epoch_t zab_peer::current_epoch() const { return impl_->ctx.current_epoch; }
commit::role zab_peer::role() const { return impl_->ctx.role; }
node_id zab_peer::leader() const { return impl_->ctx.leader; }
std::size_t zab_peer::learners() const { return impl_->leading ? impl_->leading->learners() : 0; }
std::size_t zab_peer::synced_followers() const { return impl_->leading ? impl_->leading->synced_followers() : 0; }
std::size_t zab_peer::pending() const { return impl_->leading ? impl_->leading->pending() : 0; }

}  // namespace troupe::zab

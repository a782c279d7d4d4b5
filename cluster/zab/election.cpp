#include "cluster/zab/election.hpp"

#include <algorithm>
#include <array>
#include <bitset>
#include <tuple>

#include "cluster/planted_bug.hpp"

namespace troupe::zab {

namespace {
using state_t = notification::state_t;
/// Rounds grow by one with each election.
constexpr std::uint64_t max_round = std::uint64_t{1} << 62;
auto order(const notification& n) { return std::tuple(n.epoch, n.zxid, n.leader); }
bool settled(state_t s) { return s != state_t::looking; }
}  // namespace

struct election::impl {
  explicit impl(election_settings s) : settings(std::move(s)), votes(settings.ensemble.votes(settings.self)) {}

  election_settings settings;
  const bool votes;  ///< otherwise we only listen
  std::uint64_t round = 0;
  notification own;                                    ///< our own candidacy; leader 0 if we may not lead
  notification vote;                                   ///< what we tell the others
  std::array<std::optional<notification>, 256> heard;  ///< the last word of each peer in this round
  std::bitset<256> links;
  std::optional<std::int64_t> waiting_since_ms;  ///< since when `candidate` could be taken
  node_id candidate = 0;
  std::int64_t resend_at_ms = 0, resend_ms = 0;

  bool looking() const { return vote.state == state_t::looking; }
  node_id self() const { return settings.self; }

  void tell(node_id to, election_effects& fx) {
    if (to != self() && links.test(to)) fx.send.push_back({to, vote});
  }
  void tell_all(election_effects& fx) {
    for (auto& m : settings.ensemble.members) tell(m.id, fx);
  }

  /// A candidate whom we cannot reach is of no use to us.
  bool eligible(node_id n) const { return settings.ensemble.votes(n) && (n == self() || links.test(n)); }

  void new_round(std::uint64_t number) {
    round = number;
    heard.fill(std::nullopt);
    vote = own;
    vote.round = round;
    waiting_since_ms.reset();
  }

  void look(zxid_t last, epoch_t epoch, std::int64_t now_ms, election_effects& fx) {
    own = notification{};
    if (votes) own.leader = self(), own.zxid = last, own.epoch = epoch;
    new_round(round + 1);
    resend_ms = settings.resend_min_ms, resend_at_ms = now_ms + resend_ms;
    tell_all(fx);
    check(now_ms, fx);
  }

  /// Others shall not think any more that we lead, or stand behind someone.
  void rest(election_effects& fx) {
    vote = notification{};
    vote.state = state_t::observing, vote.round = round;
    waiting_since_ms.reset();
    tell_all(fx);
  }

  void hear(node_id from, const notification& n, std::int64_t now_ms, election_effects& fx) {
    auto& e = settings.ensemble;
    if (n.round > max_round) return;  // nobody gets there; from there ours would start again at 0
    if (!e.find(from) || from == self() || (n.leader && !e.votes(n.leader))) return;
    if (!looking()) {
      if (!settled(n.state) && vote.leader) tell(from, fx);
      return;
    }
    if (settled(n.state)) {
      heard[from] = n;
      return check(now_ms, fx);
    }
    bool told = false;
    if (n.round > round) {
      new_round(n.round);
      told = true;
    } else if (n.round < round) {
      heard[from].reset();  // it looks, whatever it said before
      return tell(from, fx);
    }
    heard[from] = n;
    if (votes && n.leader && eligible(n.leader) && order(n) > order(vote)) {
      vote.leader = n.leader, vote.zxid = n.zxid, vote.epoch = n.epoch;
      told = true;
    }
    if (told) tell_all(fx);
    check(now_ms, fx);
  }

  /// Who supports `leader` as far as we know. Votes of those that look count only in our round; `heard` has no others.
  std::vector<node_id> supporters(node_id leader, bool of_this_round) const {
    std::vector<node_id> ids;
    if (votes && vote.leader == leader) ids.push_back(self());
    for (auto& m : settings.ensemble.members) {
      auto& h = heard[m.id];
      if (!h || h->leader != leader) continue;
      if (of_this_round && h->round != round) continue;
      ids.push_back(m.id);
    }
    return ids;
  }

  bool all_reachable_support(node_id leader) const {
    for (auto& m : settings.ensemble.members) {
      if (m.id == self() || !settings.ensemble.votes(m.id) || !links.test(m.id)) continue;
      auto& h = heard[m.id];
      if (!h || h->leader != leader || h->round != round) return false;
    }
    return true;
  }

  /// Someone who says itself that it leads: with a quorum behind it, it is taken at once; alone, only after a while in
  /// which nothing better was heard. Returns the latter.
  node_id join(std::int64_t now_ms, election_effects& fx) {
    node_id lone = 0;
    for (auto& m : settings.ensemble.members) {
      auto& h = heard[m.id];
      if (!h || h->state != state_t::leading || h->leader != m.id || !links.test(m.id)) continue;
      auto behind = supporters(m.id, false);
      if (planted(planted_bug::zk_1732))
        std::erase_if(behind, [&](node_id id) {
          return id != self() && (heard[id]->round != h->round || heard[id]->epoch != h->epoch);
        });
      if (settings.ensemble.quorum(behind)) {
        round = std::max(round, h->round);
        return decide(*h, now_ms, fx), node_id{0};
      }
      if (planted(planted_bug::zk_1732)) continue;
      if (!lone || order(*h) > order(*heard[lone])) lone = m.id;
    }
    return lone;
  }

  void check(std::int64_t now_ms, election_effects& fx) {
    if (!looking()) return;
    auto lone = join(now_ms, fx);
    if (!looking()) return;
    bool quorum = votes && vote.leader && settings.ensemble.quorum(supporters(vote.leader, true));
    if (quorum && all_reachable_support(vote.leader)) return decide(vote, now_ms, fx);
    auto best = quorum ? vote.leader : lone;
    if (!best) return waiting_since_ms.reset();
    if (!waiting_since_ms || candidate != best) waiting_since_ms = now_ms, candidate = best;
    if (now_ms - *waiting_since_ms < settings.finalize_ms) return;
    decide(quorum ? vote : *heard[lone], now_ms, fx);
  }

  void decide(notification n, std::int64_t, election_effects& fx) {
    vote.leader = n.leader, vote.zxid = n.zxid, vote.epoch = n.epoch, vote.round = round;
    vote.state = n.leader == self() ? state_t::leading : votes ? state_t::following : state_t::observing;
    waiting_since_ms.reset();
    fx.decided = n.leader;
    tell_all(fx);
  }

  void link(node_id peer, bool up, std::int64_t now_ms, election_effects& fx) {
    if (!settings.ensemble.find(peer) || peer == self()) return;
    links.set(peer, up);
    if (up) {
      if (looking()) tell(peer, fx);
      return;
    }
    heard[peer].reset();
    if (!looking()) return;
    if (vote.leader == peer) {  // our candidate is gone: everyone shall vote anew
      new_round(round + 1);
      tell_all(fx);
    }
    check(now_ms, fx);
  }

  void tick(std::int64_t now_ms, election_effects& fx) {
    if (!looking()) return;
    if (now_ms >= resend_at_ms) {
      resend_ms = std::min(resend_ms * 2, settings.resend_max_ms), resend_at_ms = now_ms + resend_ms;
      tell_all(fx);
    }
    check(now_ms, fx);
  }
};

election::election(election_settings s) : impl_(std::make_unique<impl>(std::move(s))) {
  impl_->vote.state = state_t::observing;  // until the first look() we have nothing to say
}
election::~election() = default;

void election::look(zxid_t last_logged, epoch_t current_epoch, std::int64_t now_ms, election_effects& fx) {
  impl_->look(last_logged, current_epoch, now_ms, fx);
}
void election::rest(election_effects& fx) { impl_->rest(fx); }
void election::on_notification(node_id from, const notification& n, std::int64_t now_ms, election_effects& fx) {
  impl_->hear(from, n, now_ms, fx);
}
void election::on_link(node_id peer, bool up, std::int64_t now_ms, election_effects& fx) {
  impl_->link(peer, up, now_ms, fx);
}
void election::on_established(epoch_t epoch, std::int64_t, election_effects& fx) {
  if (impl_->looking() || !impl_->vote.leader) return;  // that role ended in the meantime
  if (!planted(planted_bug::zk_1732)) impl_->vote.epoch = epoch;
  impl_->tell_all(fx);
}
void election::tick(std::int64_t now_ms, election_effects& fx) { impl_->tick(now_ms, fx); }
bool election::looking() const { return impl_->looking(); }
std::uint64_t election::round() const { return impl_->round; }

}  // namespace troupe::zab

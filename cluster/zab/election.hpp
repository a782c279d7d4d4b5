#pragma once
/// Fast leader election: who shall lead, agreed by notifications that carry a logical timestamp
/// (schema/election.capnp).
///
/// Votes are ordered by (epoch, zxid, id). A candidate with a quorum is taken after `finalize_ms` in which no better
/// one came, or at once when every voter that can be reached has voted for it. Weight-0 voters and observers never win.
/// Pure: events in, effects out; `now_ms` is monotonic.

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "cluster/zab/membership.hpp"
#include "cluster/zab/messages.hpp"

namespace troupe::zab {

struct election_settings {
  node_id self = 1;
  membership ensemble;
  std::int64_t finalize_ms = 50;     ///< wait for a better vote once there is a quorum
  std::int64_t resend_min_ms = 100;  ///< notifications are repeated while looking, with back-off
  std::int64_t resend_max_ms = 5000;
};

struct election_effects {
  struct outgoing {
    node_id to;
    notification what;
  };
  std::vector<outgoing> send;
  std::optional<node_id> decided;  ///< the leader; == self: lead
};

class election {
 public:
  explicit election(election_settings);
  ~election();

  /// Starts a new round with our own vote: after start, and whenever leading or following ended.
  void look(zxid_t last_logged, epoch_t current_epoch, std::int64_t now_ms, election_effects&);
  /// Our role ended, but we take no part until the next look().
  void rest(election_effects&);
  void on_notification(node_id from, const notification&, std::int64_t now_ms, election_effects&);
  void on_link(node_id peer, bool up, std::int64_t now_ms, election_effects&);
  /// We became an established leader or synchronised learner of this epoch: what we answer lookers (ZOOKEEPER-1732).
  void on_established(epoch_t, std::int64_t now_ms, election_effects&);
  void tick(std::int64_t now_ms, election_effects&);

  bool looking() const;
  std::uint64_t round() const;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace troupe::zab

#pragma once
/// What both sides of the conversation share, and what outlives each conversation: epochs, history, links, and what the
/// disk still owes an answer to.

#include <algorithm>
#include <array>
#include <bitset>
#include <optional>
#include <string>

#include "cluster/planted_bug.hpp"
#include "cluster/zab/history.hpp"

namespace troupe::zab {

/// Epochs stay in what a signed zxid can hold.
inline constexpr epoch_t max_epoch = 0x7ffffffe;

/// The install of a leader's checkpoint (SNAP), the taking side.
struct install {
  zxid_t zxid = 0;                 ///< 0: none under way
  std::uint32_t index = 0;         ///< of the chunk in hand
  bool in_flight = false;          ///< that chunk is with the state store
  bool last = false;               ///< it is the last one: once handed over it cannot be called back
  std::uint64_t marker = 0;        ///< token of begin_install
  std::optional<snap_chunk> held;  ///< waits for the marker
  std::uint64_t reset = 0;         ///< token of reset_log; 0 before
};

struct context {
  context(zab_settings s, const log_state& l, zxid_t applied)
      : settings(std::move(s)),
        log(settings.self, l, applied, settings.window_bytes, settings.chunk_bytes),
        accepted_epoch(l.accepted_epoch),
        current_epoch(l.current_epoch) {
    reset_patience();
  }

  zab_settings settings;
  history log;
  epoch_t accepted_epoch, current_epoch;  ///< as queued for the disk
  node_id accepted_from = 0;              ///< who proposed accepted_epoch; 0: before this process started
  epoch_t epoch_floor = 0;                ///< largest accepted epoch that a voter told us of
  std::bitset<256> links;
  commit::role role = commit::role::looking;
  node_id leader = 0;
  install snap;
  std::uint32_t stale_installs = 0;  ///< answers of the state store that belong to a given-up install
  std::array<std::uint32_t, 256> stale_snapshot_reads{};
  std::optional<std::string> ended;  ///< this conversation is over, and why
  /// answer_timeout_ms and gather_timeout_ms of the settings, doubled each time that one of them ended a conversation,
  /// up to sync_timeout_ms, until we serve again: on a machine that is slower than the settings expect, the next leader
  /// would be given up as early as the last one, for ever.
  std::int64_t answer_patience_ms = 0, gather_patience_ms = 0;

  void end(std::string why) {
    if (!ended) ended = std::move(why);
  }
  void end_for_lack_of_patience(std::int64_t& patience_ms, std::string why) {
    patience_ms = std::max(patience_ms, std::min(patience_ms * 2, settings.sync_timeout_ms));
    end(std::move(why));
  }
  void reset_patience() {
    answer_patience_ms = settings.answer_timeout_ms, gather_patience_ms = settings.gather_timeout_ms;
  }
  bool durable(std::uint64_t token) const { return log.confirmed() >= token; }
  /// How long our disk has owed an answer, once that is so long that it may never come: whoever waits for us then waits
  /// in vain. Shorter stalls cost nobody anything.
  std::optional<std::int64_t> disk_hangs_for_ms(std::int64_t now_ms) const {
    auto since = log.oldest_pending_ms();
    if (!since || now_ms - *since <= 2 * settings.sync_timeout_ms) return std::nullopt;
    return now_ms - *since;
  }
  void set_role(commit::role r, epoch_t epoch, node_id of, effects& fx) {
    role = r, leader = of;
    if (r != commit::role::looking) reset_patience();
    fx.local.push_back(role_change{r, epoch, of});
  }
  void send(node_id to, epoch_t epoch, decltype(message::body) body, effects& fx, bool same = false) const {
    fx.send.push_back({to, {epoch, std::move(body)}, same});
  }
  /// The last message for `to` in `fx` if it is a T: what follows may be merged into it.
  template <class T>
  static T* open(node_id to, effects& fx) {
    for (auto i = fx.send.rbegin(); i != fx.send.rend(); ++i)
      if (i->to == to) return i->same ? nullptr : std::get_if<T>(&i->what.body);
    return nullptr;
  }
};

/// Both zxid and epoch of a history, in the order in which ZAB compares them.
inline bool newer(epoch_t epoch, zxid_t last, epoch_t than_epoch, zxid_t than_last) {
  return epoch != than_epoch ? epoch > than_epoch : last > than_last;
}

/// True if `next` may stand right after `last` in a history: no hole within an epoch (ZOOKEEPER-4925), and every epoch
/// starts with 1.
inline bool follows(zxid_t last, zxid_t next) {
  if (epoch_of(next) == epoch_of(last)) return counter_of(last) != 0xffffffffu && next == last + 1;
  return epoch_of(next) > epoch_of(last) && counter_of(next) == 1;
}

}  // namespace troupe::zab

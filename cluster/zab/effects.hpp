#pragma once
/// What the ZAB machine asks of its surroundings. What may be said only once something is on disk stays inside the
/// machine until `on_durable` says so, so that nothing here can be sent too early.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cluster/commit/requests.hpp"
#include "cluster/log_record.hpp"
#include "cluster/zab/messages.hpp"

namespace troupe::zab {

// ---- what is to be written to the log environment, in this order, all of one step in one transaction
struct append_records {
  log_records records;
};
struct truncate_after {
  zxid_t last = 0;
};  ///< drops every record above it
struct set_accepted_epoch {
  epoch_t epoch = 0;
};
struct set_current_epoch {
  epoch_t epoch = 0;
};
/// A checkpoint of the leader's is about to replace our state: written before it does, so that recovery after a crash
/// in between knows whether the log still fits the state.
struct begin_install {
  zxid_t zxid = 0;
};  ///< 0: the install was given up, the log still fits
/// The checkpoint is in place: the log is empty and starts after it.
struct reset_log {
  zxid_t base = 0;
};

using persist_op =
    std::variant<append_records, truncate_after, set_accepted_epoch, set_current_epoch, begin_install, reset_log>;

/// What recovery found in the log environment.
struct log_state {
  epoch_t accepted_epoch = 0, current_epoch = 0;
  zxid_t base = 0;  ///< records begin after it
  zxid_t last = 0;  ///< last record, or base
};

struct role_change {
  commit::role role = commit::role::looking;
  epoch_t epoch = 0;
  node_id leader = 0;  ///< 0 while looking
};

/// Deliver these to the commit processor, in the order in which they stand in `effects::local`.
struct deliver {
  log_records committed;
};
struct answer {
  std::vector<commit::reply_only> replies;
};
struct forwarded {
  node_id from = 0;
  std::vector<commit::forwarded_request> list;
};
using local_op = std::variant<deliver, answer, forwarded, role_change>;

struct read_log {       ///< -> on_log_read
  node_id purpose = 0;  ///< the learner it is for; self: records to deliver
  zxid_t after = 0;
  std::size_t max_bytes = 0;
  std::uint64_t serial = 0;  ///< handed back, so that answers to an earlier conversation are recognised
};
/// Each one that does not close is answered exactly once, in order, also after a close.
struct read_snapshot {  ///< -> on_snapshot_chunk. index 0 opens: no checkpoint is written until the last one is read or
                        ///< it is closed, and the log is not trimmed past it until it is closed
  node_id learner = 0;
  std::uint32_t index = 0;
  bool close = false;  ///< the learner is gone, or was sent all that came after the checkpoint
};
/// Each is answered exactly once, in order. Index 0 starts anew: what an earlier, unfinished install left is dropped.
struct install_chunk {  ///< -> on_chunk_installed; instead of it, for the last chunk, on_installed
  snap_chunk chunk;
};

/// Several steps may add to one `effects` before it is carried out: what fits together is merged.
struct effects {
  struct outgoing {
    node_id to;
    message what;
    bool same = false;  ///< `what` equals that of the entry before this one: its encoding may be used again
  };
  std::vector<outgoing> send;
  std::vector<persist_op> persist;
  std::uint64_t persist_token = 0;  ///< report it by on_durable once `persist` is on disk; tokens grow
  std::vector<local_op> local;
  std::vector<read_log> log_reads;
  std::vector<read_snapshot> snapshot_reads;
  std::vector<install_chunk> installs;
  std::vector<session_id> touched;   ///< leader: sessions that followers heard of -> session tracker
  std::vector<node_id> drop_links;   ///< close the link to these (too slow, or broke the protocol): text in `log`
  bool rest = false;                 ///< our role ended, but we are nobody to vote for or with: be silent until `look`
  bool look = false;                 ///< our role ended, or our rest: start an election
  std::vector<std::string> log;      ///< for the operator
  std::vector<std::string> accused;  ///< who sent what no honest peer sends, and what: also in `log`
  std::optional<std::string> fatal;  ///< the node must stop, and why
  void clear();
};

}  // namespace troupe::zab

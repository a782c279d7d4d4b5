#pragma once
/// Every message that the actors of a node send each other. Values travel in a `boxed` (actors/io/boxed.hpp).
/// The tick of the I/O thread, msg::tick, stands there too.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "actors/io/boxed.hpp"
#include "cluster/commit/commit_processor.hpp"
#include "cluster/commit/stream.hpp"
#include "cluster/watch/history.hpp"
#include "cluster/zab/effects.hpp"
#include "cluster/zab/zab_peer.hpp"

namespace troupe {

namespace msg {

// gateway -> commit: request_batch.  commit -> notifier: stream_batch.  notifier -> gateway: delivery_batch (one that is
// for both ports goes to both, which only read it).

// ---- peer links
enum class channel : std::uint16_t { election = 3, zab = 4 };  ///< frame kinds of link.capnp
struct peer_frame {
  node_id from;
  channel what;
  shared_bytes body;
};
struct peer_frames {
  std::vector<peer_frame> list;
};  ///< links -> election, broadcast
struct peer_send {
  struct one {
    node_id to;
    channel what;
    shared_bytes body;
  };
  std::vector<one> frames;
};  ///< -> links
struct link_state {
  node_id peer;
  bool up;
};  ///< links -> election, broadcast
struct drop_link {
  node_id peer;
};  ///< broadcast -> links

// ---- election
struct look {
  zxid_t last_logged;
  epoch_t current_epoch;
};               ///< broadcast -> election
struct rest {};  ///< broadcast -> election
struct decided {
  node_id leader;
};  ///< election -> broadcast
struct established {
  epoch_t epoch;
};  ///< broadcast -> election

// ---- broadcast <-> commit
/// `epoch`: of the role in which commit made them; those of an earlier role are dropped.
struct proposals {
  epoch_t epoch = 0;
  std::vector<commit::prepared> list;
};
struct forwards {
  epoch_t epoch = 0;
  std::vector<commit::forwarded_request> list;
};
struct local {
  std::vector<zab::local_op> ops;
};  ///< broadcast -> commit: in order
struct replaced {
  zxid_t zxid;
  std::unique_ptr<tree::database> database;
};  ///< broadcast -> commit: SNAP is in place

// ---- sessions
struct session_changes {
  bool reset = false;
  std::vector<commit::effects::session_change> list;
};  ///< commit -> tracker
struct touched {
  std::vector<session_id> list;
  bool from_peer = false;
};  ///< commit, broadcast -> tracker -> broadcast
struct expired {
  std::vector<session_id> list;
};  ///< tracker -> commit
struct role {
  zab::role_change what;
};  ///< broadcast -> tracker, gateway, supervisor, checkpointer

// ---- disk
struct persist {
  std::uint64_t token;
  std::vector<zab::persist_op> ops;
};  ///< broadcast -> log writer
struct durable {
  std::uint64_t token;
};  ///< log writer -> broadcast
struct log_read {
  zab::read_log what;
};  ///< broadcast -> log writer
struct log_read_done {
  zab::read_log what;
  zab::zab_peer::log_read_result result;
};  ///< log writer -> broadcast
struct space {
  bool low;
  std::uint64_t free;  ///< bytes of the disk
};                     ///< log writer -> commit: the disk is nearly full, at each tick of that time; or it is no more
struct checkpoint {
  tree::state_delta delta;
};  ///< commit -> checkpointer
struct checkpointed {
  zxid_t zxid;
};  ///< checkpointer -> commit, log writer
struct snapshot_read {
  zab::read_snapshot what;
};  ///< broadcast -> checkpointer
struct snapshot_chunk {
  node_id learner;
  zab::snap_chunk chunk;
};  ///< checkpointer -> broadcast
struct install {
  zab::install_chunk what;
};  ///< broadcast -> checkpointer
struct installed {
  std::uint32_t index;
  bool last;
  zxid_t zxid;
  std::unique_ptr<tree::database> database;
};  ///< back

// ---- subscriptions that catch up
struct history_read {
  watch::history_wanted what;
  std::size_t max_bytes;         ///< about
};                               ///< notifier, feed -> log writer: committed records
using history = watch::history;  ///< log writer -> who asked
struct states_wanted {
  std::vector<watch::state_wanted> list;
};  ///< notifier -> commit, which answers in its stream
struct drained {
  conn_id conn;
};  ///< gateway -> notifier: what was paced is out, but for a little

// ---- actors of one's own in the node
struct committed_wanted {
  zxid_t after;
};  ///< feed -> commit: say when there is something behind this
struct committed {
  zxid_t zxid;
};  ///< commit -> feed: everything up to here is committed and applied
struct questions {
  std::vector<commit::question> list;
};  ///< commit -> node actors; each gets one `outcome`
struct outcome {
  std::uint64_t id;
  zk::err error;
  std::string body;  ///< the answer, or what is wrong
};                   ///< node actors -> commit

/// Anyone -> supervisor: the node must stop, and why.
struct fatal {
  std::string why;
};

/// Signals -> supervisor: an orderly end.
struct shut_down {
  std::string why;
};

}  // namespace msg
}  // namespace troupe

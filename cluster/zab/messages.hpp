#pragma once
/// The conversation between a learner and its leader (schema/zab.capnp documents order and roles), as values.

#include <cstdint>
#include <variant>
#include <vector>

#include "cluster/commit/requests.hpp"
#include "cluster/log_record.hpp"
#include "schema/ids.hpp"

namespace troupe::zab {

struct follower_info {
  epoch_t accepted_epoch = 0;
  zxid_t last = 0;
  bool observer = false;
};
struct leader_info {};
/// `repeated`: the epoch had been accepted before, perhaps from another leader: does not count for the quorum.
struct ack_epoch {
  epoch_t current_epoch = 0;
  zxid_t last = 0;
  bool repeated = false;
};
struct trunc {
  zxid_t to = 0;
};
struct truncated {
  zxid_t last = 0;
};
struct snap_chunk {
  zxid_t zxid = 0;
  std::uint32_t index = 0;
  bool last = false;
  shared_bytes chunk;
};
struct snap_ack {
  std::uint32_t index = 0;
};
struct proposals {
  log_records records;
  zxid_t commit = 0;
};
struct new_leader {
  zxid_t last = 0;
};
struct ack_new_leader {};
struct up_to_date {
  zxid_t commit = 0;
};
struct ack {
  zxid_t last = 0;
};
struct commit_up_to {
  zxid_t commit = 0;
};
struct ping {
  std::uint64_t serial = 0;
};
struct pong {
  std::uint64_t serial = 0;
  std::vector<session_id> touched;
};
struct requests {
  std::vector<commit::forwarded_request> list;
};
struct replies {
  std::vector<commit::reply_only> list;
};

struct message {
  epoch_t epoch = 0;
  std::variant<follower_info, leader_info, ack_epoch, trunc, truncated, snap_chunk, snap_ack, proposals, new_leader,
               ack_new_leader, up_to_date, ack, commit_up_to, ping, pong, requests, replies>
      body;
};

struct notification {
  enum class state_t : std::uint8_t { looking, following, leading, observing };
  state_t state = state_t::looking;
  node_id leader = 0;
  zxid_t zxid = 0;
  epoch_t epoch = 0;
  std::uint64_t round = 0;
};

/// Flat Cap'n Proto of a message. Records and chunks of a decoded message are slices of `frame`, which is 8-byte
/// aligned. Decoding throws kj::Exception or std::runtime_error on whatever is not a well-formed message.
std::string encode(const message&);
message decode_message(const shared_bytes& frame);
std::string encode(const notification&);
notification decode_notification(const shared_bytes& frame);

}  // namespace troupe::zab

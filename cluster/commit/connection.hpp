#pragma once
/// A client's connection, as the commit processor sees it.

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "cluster/commit/request_queue.hpp"
#include "cluster/commit/stream.hpp"
#include "cluster/tree/acl.hpp"

namespace troupe::commit {

/// A connection beyond these is closed. The gateway stops reading long before; this keeps a gateway that does not from
/// taking all memory.
inline constexpr std::size_t max_waiting_requests = 10'000;
inline constexpr std::size_t max_waiting_bytes = 64u << 20;
/// Identities that one connection may add by auth: each is checked against every ACL entry.
inline constexpr std::size_t max_identities = 64;
/// Their bytes in all: they go with each of its requests to the leader.
inline constexpr std::size_t max_identity_bytes = 4'096;
/// What one step may append to stream.bytes before reads close their connections instead: a few bytes of request can
/// ask for a megabyte, and positions in the stream have 32 bits.
inline constexpr std::size_t max_step_bytes = std::size_t{1} << 30;

struct connection {
  enum class state : std::uint8_t {
    fresh,       ///< its ConnectRequest is awaited
    connecting,  ///< its session is being opened or re-attached
    open,
    closing,  ///< it sent closeSession: what comes behind that is ignored
  };

  conn_id id = 0;
  state at = state::fresh;
  bool wants_read_only = false;  ///< its ConnectRequest had the trailing byte
  session_id session = 0;
  std::uint64_t touch_round = 0;  ///< of the last round in which it sent anything
  std::shared_ptr<const tree::credentials> creds;
  request_queue queue;
  std::unordered_map<std::int64_t, subscription> subscriptions;  ///< by their numbers
  std::size_t subscription_path_bytes = 0;
  std::vector<std::string> early;  ///< frames that came while connecting
  std::size_t early_bytes = 0;
};

}  // namespace troupe::commit

#pragma once
/// The entries of a history put together: each call with its outcome, each connection with its calls.

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "tests/history/findings.hpp"
#include "tests/history/history.hpp"
#include "tests/history/model.hpp"

namespace troupe::history {

inline constexpr std::size_t none = static_cast<std::size_t>(-1);

struct call {
  enum class outcome : std::uint8_t { lost, replied, connected, expired };
  std::size_t at = none, end = none;  ///< entries: of the call, of its outcome
  outcome how = outcome::lost;        ///< no outcome recorded: lost
  const request* asked = nullptr;
  const result* got = nullptr;
  std::uint32_t connection = 0;  ///< index; create_session: the one that it made, if it did
  session_id session = 0;
  zxid_t zxid = 0;          ///< of the reply's header
  zxid_t known = 0;         ///< the highest zxid that any client had seen when this call was made
  zxid_t done = 0;          ///< the transaction that it became; 0: none
  std::uint32_t ids = 0;    ///< how many of the connection's identities it may use
  std::uint32_t place = 0;  ///< in the session's order of calls

  bool replied() const { return how == outcome::replied; }
  bool overtakes() const { return asked->op == zk::op::ping || asked->op == zk::op::auth; }
  bool writes() const;     ///< its op may leave a transaction (of a connected client)
  bool succeeded() const;  ///< replied, and nothing was refused
};

struct connection {
  client_id client = 0;
  session_id session = 0;
  std::size_t begin = none, end = none;  ///< entries: connected, disconnected (none: still there)
  zxid_t asked_zxid = 0;                 ///< the last one its client had seen, as it said when it connected
  std::vector<std::uint32_t> calls;      ///< in order
  std::vector<std::uint32_t> arrivals;   ///< entries that came from the server: replies and events
  std::vector<zk::id> ids;               ///< what auth gave
};

struct session_calls {
  std::vector<std::uint32_t> calls;        ///< in order of issue, over all its connections
  std::vector<std::uint32_t> connections;  ///< in order of their beginning
  std::vector<std::uint32_t> lost_writes;
};

struct index {
  const history& h;
  std::vector<call> calls;
  std::vector<connection> connections;
  std::unordered_map<session_id, session_calls> sessions;
  std::vector<std::uint32_t> connects;  ///< calls of create_session
  std::vector<std::uint32_t> call_of;   ///< entry -> call, for kinds that have one

  caller who(const call& c) const {
    if (connections.empty()) return {c.session, nullptr, 0};
    return {c.session, connections[c.connection].ids.data(), c.ids};
  }
};

/// Finds breaches of "recording" and "fifo".
index make_index(const history&, findings&);

}  // namespace troupe::history

#pragma once
/// One subscription, and the line of one connection: what it is told of, and what waits because a subscription of it
/// still catches up.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "cluster/commit/stream.hpp"

namespace troupe::watch {

struct line;

struct subscriber {
  line* of = nullptr;
  std::size_t slot = 0;  ///< in its group
  std::int64_t number = 0;
  std::uint64_t serial = 0;
  std::string path;
  subscription_scope scope = subscription_scope::subtree;
  bool with_data = true;
  bool wants_state = false;  ///< the log does not reach back: it begins anew when its state comes
  zxid_t told = 0;           ///< while its line is held: everything up to here
};

/// A connection with subscriptions. As long as all of them have been told of everything, what the stream brings for the
/// connection goes right through. Else the line is held: what comes waits in order, and is let go when the subscriptions
/// have been told of everything up to where it stood in the stream.
struct line {
  struct entry {
    zxid_t position = 0;
    std::string bytes;
    bool is_reply = false;
    std::optional<subscription> begins{};  ///< a subscription that begins here; `bytes` is the reply to it
    std::size_t bytes_of_state = 0;        ///< of `begins`
  };

  conn_id id = 0;
  std::shared_ptr<const tree::credentials> creds;
  std::map<std::int64_t, std::unique_ptr<subscriber>> subscribers;  ///< by number
  bool held = false;
  zxid_t told = 0;  ///< while held: every subscription is told at least up to here
  std::deque<entry> waiting;
  struct piece {
    zxid_t zxid;
    shared_bytes flat;
  };
  std::deque<piece> first;        ///< parts of states: they go before everything else
  std::size_t held_bytes = 0;     ///< of both
  std::size_t states_wanted = 0;  ///< subscribers with wants_state
  std::uint64_t reading = 0;      ///< serial of the read of the log that is awaited; 0: none
  bool read_queued = false, turn_queued = false;
  bool pacing = false;  ///< the gateway has not passed on what it got last
};

}  // namespace troupe::watch

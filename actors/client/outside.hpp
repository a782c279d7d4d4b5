#pragma once
/// What a client's machine asks of whoever carries it. All are called from within the machine's own events, in the order
/// in which they are to happen, and must not call the machine.

#include <cstdint>
#include <string_view>

#include "actors/client/request_queue.hpp"
#include "actors/client/subscriptions.hpp"

namespace troupe::client {

/// How a request went. Views are valid during the call.
struct outcome {
  std::int32_t code = 0;  ///< 0, a zk::err or a client::code
  zxid_t zxid = 0;
  std::string_view body;       ///< jute, or what `call` and `ask` were answered
  std::string_view why;        ///< for people
  std::int64_t reference = 0;  ///< the subscription that was begun, or was to be; 0 for other requests
};

class outside : public subscriber_port {
 public:
  /// Connects to this node, and tells the machine by on_dialled or on_lost.
  virtual void dial(std::size_t node) = 0;
  /// Closes the connection or gives up the dial, without on_lost.
  virtual void hang_up() = 0;
  /// There is something to `fill`.
  virtual void output_waits() = 0;
  virtual void answer(ticket, const outcome&) = 0;
  /// False: nobody waits for the answer any more; it is not asked for and the ticket is free.
  virtual bool wanted(ticket) = 0;
  virtual void session_is(session_event) = 0;
  virtual void note(std::string_view line) = 0;  ///< for the log

 protected:
  ~outside() = default;
};

}  // namespace troupe::client

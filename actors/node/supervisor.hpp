#pragma once
/// The supervisor: owns the life of the node's other actors.
///
/// Takes   msg::fatal (anyone): stop, and why; the ends of the others; msg::role (broadcast), for the log;
///         msg::shut_down (signals)
/// Sends   exits to all others, when the node stops
/// Dies    last. An actor that ends on its own is an error of ours: the node stops loudly rather than limps.

#include <functional>

#include "actors/io/pinned_actor.hpp"
#include "actors/node/context.hpp"

namespace troupe::actors {

class supervisor : public io::pinned_actor {
 public:
  /// `ended(exit code)` is called once, when all others have ended.
  supervisor(caf::actor_config&, caf::execution_unit* host, context_ptr, std::function<void(int)> ended);
  caf::behavior make_behavior() override;
  const char* name() const override { return "supervisor"; }

 private:
  void stop(int code);

  context_ptr ctx_;
  std::function<void(int)> ended_;
  std::size_t alive_ = 0;
  int code_ = 0;
  bool stopping_ = false;
};

}  // namespace troupe::actors

#pragma once
/// Runs request types that did not come with Troupe, so that none of them can do harm by not coming back.
///
/// Each type has an actor of its own, on a thread of its own; the caller hands it the request and waits for at most the
/// type's time. Every access of the handler to the tree passes a gate. If the time is over, the caller closes it and goes
/// on: whatever the handler does from then on, it can touch nothing of the caller's any more, and what it returns is
/// dropped. Until it has returned, its type answers with an error at once (SYSTEMERROR), and then serves again.
///
/// What this cannot contain: a handler that destroys memory, exhausts it, or ends the process.

#include <caf/actor_system.hpp>
#include <memory>
#include <vector>

#include "cluster/extension/executor.hpp"

namespace troupe::actors {

class guarded_executor final : public extension::executor {
 public:
  /// For the types of `known` that are not ours; one of its entries at a time is passed to `run`.
  guarded_executor(caf::actor_system&, const extension::registry& known);
  ~guarded_executor() override;  ///< ends the actors that are not in a handler
  extension::outcome run(const extension::registered&, std::string_view request, extension::request_context&) override;

  /// Handlers that have not returned though their time is over. As long as there is one, the actor system cannot end.
  std::size_t stuck() const;

 private:
  struct worker;
  std::vector<std::shared_ptr<worker>> workers_;  ///< by registered::position; null for ours
};

}  // namespace troupe::actors

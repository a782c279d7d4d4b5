#pragma once
/// Names of peers to addresses. getaddrinfo blocks, so names go to a thread of their own; addresses need none.

#include <sys/socket.h>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
#include <string>

#include "actors/peer/options.hpp"

namespace troupe::peer {

/// Links -> resolver.
struct resolve {
  member who;
};

/// Resolver -> links.
struct resolved {
  node_id peer = 0;
  sockaddr_storage address{};
  socklen_t size = 0;  ///< 0: `error` says why
  std::string error;
};

/// Without blocking if `numeric_only`; then a name is an error.
resolved look_up(const member&, bool numeric_only);

/// A detached actor: takes boxed<resolve>, answers the sender with boxed<resolved>. The end of the actor system waits
/// for a look-up that is under way.
caf::actor spawn_resolver(caf::actor_system&);

}  // namespace troupe::peer

#pragma once
/// Names to addresses. getaddrinfo blocks, so names go to a thread of their own; addresses need none.

#include <sys/socket.h>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace troupe::io {

/// -> resolver.
struct resolve {
  std::uint64_t tag = 0;  ///< the asker's own
  std::string host;
  std::uint16_t port = 0;
};

struct address {
  sockaddr_storage where{};
  socklen_t size = 0;
};

/// Resolver -> asker.
struct resolved {
  std::uint64_t tag = 0;
  std::vector<address> addresses;  ///< in the order in which they should be tried; none: `error` says why
  std::string error;
};

/// Without blocking if `numeric_only`; then a name is an error.
resolved look_up(const resolve&, bool numeric_only);

/// A detached actor: takes boxed<resolve>, answers the sender with boxed<resolved>. The end of the actor system waits
/// for a look-up that is under way.
caf::actor spawn_resolver(caf::actor_system&);

}  // namespace troupe::io

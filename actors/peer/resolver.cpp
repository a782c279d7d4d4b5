#include "actors/peer/resolver.hpp"

#include <netdb.h>

#include <caf/actor_system.hpp>
#include <cstring>
#include <memory>

#include "actors/io/event_based_actor.hpp"
#include "actors/messages.hpp"

namespace troupe::peer {

resolved look_up(const member& m, bool numeric_only) {
  resolved out;
  out.peer = m.id;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM, hints.ai_flags = AI_NUMERICSERV | (numeric_only ? AI_NUMERICHOST : 0);
  addrinfo* found = nullptr;
  if (int e = ::getaddrinfo(m.host.c_str(), std::to_string(m.port).c_str(), &hints, &found); e != 0) {
    out.error = ::gai_strerror(e);
    return out;
  }
  std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> guard(found, &::freeaddrinfo);
  std::memcpy(&out.address, found->ai_addr, found->ai_addrlen);
  out.size = found->ai_addrlen;
  return out;
}

namespace {

class resolver final : public io::event_based_actor {
 public:
  using io::event_based_actor::event_based_actor;
  const char* name() const override { return "resolver"; }
  caf::behavior make_behavior() override {
    return {[this](boxed<resolve>& r) {
      send(caf::actor_cast<caf::actor>(current_sender()), box(look_up(r->who, false)));
    }};
  }
};

}  // namespace

caf::actor spawn_resolver(caf::actor_system& system) { return system.spawn<resolver, caf::detached>(); }

}  // namespace troupe::peer

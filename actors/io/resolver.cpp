#include "actors/io/resolver.hpp"

#include <netdb.h>

#include <caf/actor_system.hpp>
#include <cstring>
#include <memory>

#include "actors/io/boxed.hpp"
#include "actors/io/event_based_actor.hpp"

namespace troupe::io {

resolved look_up(const resolve& what, bool numeric_only) {
  resolved out;
  out.tag = what.tag;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM, hints.ai_flags = AI_NUMERICSERV | (numeric_only ? AI_NUMERICHOST : 0);
  addrinfo* found = nullptr;
  if (int e = ::getaddrinfo(what.host.c_str(), std::to_string(what.port).c_str(), &hints, &found); e != 0) {
    out.error = ::gai_strerror(e);
    return out;
  }
  std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> guard(found, &::freeaddrinfo);
  for (auto* a = found; a; a = a->ai_next) {
    auto& to = out.addresses.emplace_back();
    std::memcpy(&to.where, a->ai_addr, a->ai_addrlen);
    to.size = a->ai_addrlen;
  }
  return out;
}

namespace {

class resolver final : public event_based_actor {
 public:
  using event_based_actor::event_based_actor;
  const char* name() const override { return "resolver"; }
  caf::behavior make_behavior() override {
    return {
        [this](boxed<resolve>& r) { send(caf::actor_cast<caf::actor>(current_sender()), box(look_up(*r, false))); }};
  }
};

}  // namespace

caf::actor spawn_resolver(caf::actor_system& system) { return system.spawn<resolver, caf::detached>(); }

}  // namespace troupe::io

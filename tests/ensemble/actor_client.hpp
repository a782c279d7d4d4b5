#pragma once
/// Actor clients of the ensemble that TROUPE_CONNECT names, and the processes of its nodes.

#include <doctest/doctest.h>

#include <algorithm>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <chrono>
#include <cstdlib>
#include <string>
#include <troupe/blocking.hpp>
#include <troupe/client.hpp>
#include <vector>

namespace troupe::ensemble {

using namespace std::chrono_literals;

constexpr auto patience = 40s;

/// The nodes' actor ports: `troupe up` puts them 1000 above the client ports.
inline std::vector<std::string> actor_ports() {
  auto* connect = std::getenv("TROUPE_CONNECT");
  REQUIRE_MESSAGE(connect != nullptr, "TROUPE_CONNECT names no servers");
  std::vector<std::string> out;
  std::string text = connect;
  for (std::size_t at = 0; at < text.size();) {
    auto end = std::min(text.find(',', at), text.size());
    auto colon = text.rfind(':', end);
    out.push_back(text.substr(at, colon - at) + ":" + std::to_string(std::stoi(text.substr(colon + 1)) + 1000));
    at = end + 1;
  }
  return out;
}

struct program {
  explicit program(client::waking w = client::waking::on_workers) : links(system, w) {}
  caf::actor_system_config config;
  caf::actor_system system{config};
  client::connections links;
  caf::scoped_actor self{system};

  caf::actor spawn(client::options o = {}) {
    if (o.nodes.empty()) o.nodes = actor_ports();
    return links.spawn(std::move(o));
  }
  /// The answer, or the code of the error (0 for one that is not ours).
  template <class Reply, class Request>
  Reply ask(const caf::actor& client, Request r) {
    Reply out;
    self->request(client, patience, std::move(r))
        .receive(
            [&](Reply& reply) { out = std::move(reply); },
            [&](caf::error& e) { FAIL("error ", client::code_of(e), " ", client::why_of(e), " ", system.render(e)); });
    return out;
  }
  template <class Reply, class Request>
  std::int32_t code(const caf::actor& client, Request r) {
    std::int32_t out = 1;
    self->request(client, patience, std::move(r))
        .receive([&](Reply&) { out = 0; }, [&](caf::error& e) { out = client::code_of(e); });
    return out;
  }
};

/// A path of its own for each test.
inline std::string fresh_path(const std::string& name) {
  return "/" + name + "-" + std::to_string(std::chrono::steady_clock::now().time_since_epoch().count());
}

}  // namespace troupe::ensemble

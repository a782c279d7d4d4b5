// config_reload NODES: a service whose configuration lives in a subtree, and that follows every change of it.

#include <caf/all.hpp>
#include <iostream>
#include <troupe/recipes.hpp>

#include "examples/common.hpp"

using namespace troupe;

const std::string top = "/example/config";

// Never sees half of a change: its cache is the subtree as it was at one zxid.
caf::behavior service(caf::event_based_actor* self, caf::actor client) {
  auto cache = recipes::spawn_cache(self->system(), client, {.path = top, .who = caf::actor(self)});
  return {[=](const recipes::cache_changed&) {
    self->request(cache, caf::infinite, recipes::ask_snapshot{}).then([=](const recipes::snapshot& s) {
      auto value = [&](const char* name) {
        auto it = s.nodes.find(top + "/" + name);
        return it == s.nodes.end() ? std::string("?") : it->second.data;
      };
      caf::aout(self) << "listening on " << value("host") << ":" << value("port") << std::endl;
      if (value("port") == "8003") self->quit();
    });
  }};
}

int main(int argc, char** argv) {
  caf::actor_system_config config;
  caf::actor_system system{config};
  client::connections troupe{system};
  client::blocking_client admin(system, troupe, {.nodes = nodes_of(argc, argv)});
  put(admin, top + "/host", "alpha");
  put(admin, top + "/port", "8000");
  auto running = system.spawn(service, troupe.spawn({.nodes = nodes_of(argc, argv)}));

  // The administrator changes both in one transaction, three times.
  for (auto* host : {"beta", "gamma", "delta"}) {
    auto port = std::to_string(std::stoi(admin.get_data(top + "/port").bytes) + 1);
    admin.commit({client::set_data{top + "/host", host}, client::set_data{top + "/port", port}});
  }
  caf::scoped_actor self{system};
  self->wait_for(running);
}

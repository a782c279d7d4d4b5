// leader_election NODES: workers of which one leads, until it ends; then the next one does.

#include <caf/all.hpp>
#include <iostream>
#include <troupe/recipes.hpp>

#include "examples/common.hpp"

using namespace troupe;
using namespace std::chrono_literals;

constexpr int workers = 3;

caf::behavior worker(caf::event_based_actor* self, caf::actor client, int number) {
  auto name = "worker " + std::to_string(number);
  recipes::spawn_candidate(self->system(), client,
                           {.line = {.path = "/example/leader", .data = name}, .who = caf::actor(self)});
  return {
      [=](const recipes::elected& e) {
        // Whatever it commands, it says its number with it: who has heard a later one refuses it.
        caf::aout(self) << name << " leads, number " << e.fencing << std::endl;
        self->delayed_send(self, 100ms, caf::exit_msg{self->address(), caf::exit_reason::user_shutdown});
      },
      [=](const recipes::resigned&) { caf::aout(self) << name << " does not lead any more" << std::endl; },
      [=](const recipes::not_eligible& n) { self->quit(client::make_error(n.code)); },
  };
}

int main(int argc, char** argv) {
  caf::actor_system_config config;
  caf::actor_system system{config};
  client::connections troupe{system};
  std::vector<caf::actor> all;
  for (int i = 1; i <= workers; ++i)
    all.push_back(system.spawn(worker, troupe.spawn({.nodes = nodes_of(argc, argv)}), i));
  caf::scoped_actor self{system};
  self->wait_for(all);
  caf::aout(self) << "every worker has led once" << std::endl;
}

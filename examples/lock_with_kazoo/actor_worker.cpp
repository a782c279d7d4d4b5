// actor_worker NODES TURNS: takes kazoo's lock TURNS times, and adds 1 to a znode each time (both.py starts it).

#include <caf/all.hpp>
#include <iostream>
#include <troupe/recipes.hpp>

#include "examples/common.hpp"

using namespace troupe;

int main(int argc, char** argv) {
  caf::actor_system_config config;
  caf::actor_system system{config};
  client::connections troupe{system};
  client::blocking_client zk(system, troupe, {.nodes = nodes_of(argc, argv)});
  auto lock = recipes::spawn_lock(system, zk.actor(), {.path = "/example/both", .data = "an actor"});
  caf::scoped_actor self{system};
  for (int left = argc > 2 ? std::stoi(argv[2]) : 10; left > 0; --left) {
    self->request(lock, caf::infinite, recipes::acquire{})
        .receive([](const recipes::lock_held&) {}, [](const caf::error&) { std::exit(1); });
    zk.set_data("/example/both-count", std::to_string(std::stoi(zk.get_data("/example/both-count").bytes) + 1));
    self->request(lock, caf::infinite, recipes::release{})
        .receive([](const client::done&) {}, [](const caf::error&) { std::exit(1); });
  }
}

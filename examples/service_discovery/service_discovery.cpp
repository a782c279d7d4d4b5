// service_discovery NODES: services that say where they are, and a client that always knows which are there.

#include <caf/all.hpp>
#include <iostream>
#include <troupe/recipes.hpp>

#include "examples/common.hpp"

using namespace troupe;

// Prints the list whenever it changes; ends when it has seen three services come and one go.
caf::behavior customer(caf::event_based_actor* self, caf::actor client, caf::actor boss) {
  recipes::spawn_membership(self->system(), client, {.path = "/example/mail", .who = caf::actor(self)});
  return {[self, boss, most = std::size_t{0}](const recipes::member_list& list) mutable {
    caf::aout(self) << list.members.size() << " services:";
    for (auto& m : list.members) caf::aout(self) << " " << m.name << "=" << m.data;
    caf::aout(self) << std::endl;
    self->send(boss, caf::ok_atom::value);
    most = std::max(most, list.members.size());
    if (most == 3 && list.members.size() == 2) self->quit();
  }};
}

int main(int argc, char** argv) {
  caf::actor_system_config config;
  caf::actor_system system{config};
  client::connections troupe{system};
  caf::scoped_actor self{system};
  auto reader =
      system.spawn(customer, troupe.spawn({.nodes = nodes_of(argc, argv)}), caf::actor_cast<caf::actor>(self));
  self->receive([](caf::ok_atom) {});  // it knows who is there: nobody

  std::vector<caf::actor> services;
  for (auto* name : {"anna", "bert", "carl"}) {
    auto client = troupe.spawn({.nodes = nodes_of(argc, argv)});
    services.push_back(recipes::spawn_membership(system, client, {.path = "/example/mail", .who = nullptr}));
    auto address = "10.0.0." + std::to_string(services.size()) + ":25";
    self->request(services.back(), caf::infinite, recipes::join_group{name, address})
        .receive([](const recipes::joined&) {},
                 [&](const caf::error& e) { std::cerr << client::why_of(e) << std::endl; });
  }
  // One goes in order; one that dies would be gone after its session's timeout.
  self->send(services[1], recipes::stop{});
  self->wait_for(reader);
}

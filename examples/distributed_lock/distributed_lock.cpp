// distributed_lock NODES: workers that take turns under a lock.
//
// Each worker is an actor with a session of its own. It adds 1 to a znode by a plain read and a plain write, which only
// the lock makes safe.

#include <caf/all.hpp>
#include <iostream>
#include <troupe/recipes.hpp>

#include "examples/common.hpp"

using namespace troupe;

constexpr int workers = 4, turns = 5;
const std::string counter = "/example/count";

caf::behavior worker(caf::event_based_actor* self, caf::actor client, caf::actor lock, int left) {
  auto turn = [=] { self->send(self, caf::ok_atom::value); };
  turn();
  return {
      [=](caf::ok_atom) {
        self->request(lock, caf::infinite, recipes::acquire{}).then([=](const recipes::lock_held&) {
          self->request(client, caf::infinite, client::get_data{counter}).then([=](const client::data& d) {
            auto next = std::to_string(std::stoi(d.bytes) + 1);
            self->request(client, caf::infinite, client::set_data{counter, next}).then([=](const client::changed&) {
              self->request(lock, caf::infinite, recipes::release{}).then([=](const client::done&) {
                left > 1 ? self->become(worker(self, client, lock, left - 1)) : self->quit();
              });
            });
          });
        });
      },
      [=](const recipes::lock_lost&) {
        std::cerr << "the lock is lost: whatever I do now, others do too\n";
        self->quit(caf::exit_reason::unhandled_exception);
      },
  };
}

int main(int argc, char** argv) {
  caf::actor_system_config config;
  caf::actor_system system{config};
  client::connections troupe{system};
  client::blocking_client zk(system, troupe, {.nodes = nodes_of(argc, argv)});
  put(zk, counter, "0");

  std::vector<caf::actor> all;
  for (int i = 0; i < workers; ++i) {
    auto client = troupe.spawn({.nodes = nodes_of(argc, argv)});
    auto lock = recipes::spawn_lock(system, client, {.path = "/example/lock", .data = "worker " + std::to_string(i)});
    all.push_back(system.spawn(worker, client, lock, turns));
  }
  caf::scoped_actor self{system};
  self->wait_for(all);

  zk.sync();  // this session's node may not have heard of the others' last write yet
  auto sum = std::stoi(zk.get_data(counter).bytes);
  std::cout << "counter: " << sum << ", expected " << workers * turns << std::endl;
  return sum == workers * turns ? 0 : 1;
}

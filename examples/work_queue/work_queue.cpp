// work_queue NODES: jobs that some put and others do, each job by one of them.

#include <caf/all.hpp>
#include <iostream>
#include <map>
#include <troupe/recipes.hpp>

#include "examples/common.hpp"

using namespace troupe;

constexpr int jobs = 30, workers = 3;

// Takes a job, does it, tells so, takes the next.
caf::behavior worker(caf::event_based_actor* self, caf::actor queue, caf::actor foreman) {
  self->send(self, caf::ok_atom::value);
  return {[=](caf::ok_atom) {
    self->request(queue, caf::infinite, recipes::take{}).then([=](const recipes::queue_item& item) {
      self->send(foreman, item.data);  // item.again would say that a former life of this worker may have done it
      self->send(self, caf::ok_atom::value);
    });
  }};
}

int main(int argc, char** argv) {
  caf::actor_system_config config;
  caf::actor_system system{config};
  client::connections troupe{system};
  caf::scoped_actor self{system};
  auto queue = [&](std::string name) {
    auto client = troupe.spawn({.nodes = nodes_of(argc, argv)});
    return recipes::spawn_queue(system, client, {.path = "/example/jobs", .taker = std::move(name)});
  };

  auto putter = queue("");
  for (int i = 0; i < jobs; ++i) self->send(putter, recipes::put{"job " + std::to_string(i)});
  std::vector<caf::actor> all;
  for (int i = 0; i < workers; ++i)
    all.push_back(system.spawn(worker, queue("worker-" + std::to_string(i)), caf::actor_cast<caf::actor>(self)));

  std::map<std::string, int> done;
  int count = 0;
  self->receive_while([&] { return count < jobs; })([&](const std::string& job) { ++done[job], ++count; },
                                                    [](const client::done&) {});
  for (auto& w : all) self->send_exit(w, caf::exit_reason::user_shutdown);
  std::cout << done.size() << " jobs were done, " << count - static_cast<int>(done.size()) << " of them twice"
            << std::endl;
  return done.size() == jobs && count == jobs ? 0 : 1;
}

/// recipe_trial PORT...: all recipes at work at once against the nodes whose actor ports these are, until told to finish.
/// Reads commands, one a line, and answers each by `ok`, or by what went wrong:
///     progress     waits until every recipe has got on
///     cut          breaks the connection of every client, one after the other
///     expire N     cuts client N off until its session has expired
///     finish       no new work; judges; prints a line for each recipe, then ok or FAILED

#include <iostream>
#include <sstream>

#include "tests/recipes/stage.hpp"

namespace troupe::recipes_trial {

namespace {

/// Threads of the parts may wait for ever: nothing is taken down.
[[noreturn]] void give_up(const std::string& why) {
  std::cout << "FAILED: " << why << std::endl;
  std::_Exit(1);
}

void wait_for_progress(const std::vector<std::unique_ptr<part>>& parts, const faults& wrong) {
  std::vector<std::uint64_t> before;
  for (auto& p : parts) before.push_back(p->progress());
  auto end = std::chrono::steady_clock::now() + 60s;
  for (std::size_t i = 0; i < parts.size(); ++i)
    for (; parts[i]->progress() < before[i] + 2; std::this_thread::sleep_for(5ms)) {
      if (auto list = wrong.list(); !list.empty()) give_up(list.front());
      if (std::chrono::steady_clock::now() > end) give_up(std::string("no progress in 60 s: ") + parts[i]->name());
    }
}

int run(const std::vector<std::uint16_t>& ports) {
  caf::actor_system_config config;
  caf::actor_system system{config};
  client::connections connections{system};
  std::vector<std::unique_ptr<actor_client>> clients, steady;
  for (int i = 0; i < 3; ++i) clients.push_back(std::make_unique<actor_client>(system, connections, ports));
  for (int i = 0; i < 3; ++i)
    steady.push_back(std::make_unique<actor_client>(system, connections, ports, steady_timeout));
  {
    caf::scoped_actor self(system);
    ask<client::created>(self, **steady.front(), client::create{"/trial", ""});
  }
  faults wrong;
  stage s{system, clients, steady, wrong};
  std::vector<std::unique_ptr<part>> parts;
  for (auto* make : {make_lock, make_election, make_queue, make_counter, make_membership, make_barrier, make_cache})
    parts.push_back(make(s));
  std::cout << "ok" << std::endl;

  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string command;
    std::size_t who = 0;
    words >> command >> who;
    if (command == "finish") break;
    try {
      if (command == "progress") wait_for_progress(parts, wrong);
      if (command == "expire") clients.at(who)->expire();
      if (command == "cut")
        for (auto* all : {&clients, &steady})
          for (auto& c : *all) c->cut();
    } catch (const std::exception& e) {
      give_up(e.what());
    }
    std::cout << "ok" << std::endl;
  }
  for (auto& p : parts) std::cout << p->name() << ": " << p->finish() << std::endl;
  parts.clear();
  int expiries = 0;
  for (auto& c : clients) expiries += c->expiries();
  std::cout << "sessions: " << expiries << " expired" << std::endl;
  for (auto& c : steady)
    if (c->expiries()) std::cout << "a session that was not to expire did" << std::endl;
  for (auto& w : wrong.list()) std::cout << w << std::endl;
  std::cout << (wrong.list().empty() ? "ok" : "FAILED") << std::endl;
  clients.clear(), steady.clear();
  return wrong.list().empty() ? 0 : 1;
}

}  // namespace

}  // namespace troupe::recipes_trial

int main(int argc, char** argv) try {
  std::vector<std::uint16_t> ports;
  for (int i = 1; i < argc; ++i) ports.push_back(static_cast<std::uint16_t>(std::stoi(argv[i])));
  if (ports.empty()) {
    std::cerr << "usage: recipe_trial PORT...\n";
    return 2;
  }
  return troupe::recipes_trial::run(ports);
} catch (const std::exception& e) {
  std::cout << "FAILED: " << e.what() << std::endl;
  return 1;
}

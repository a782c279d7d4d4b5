/// chaos_proxy [--seed=N] NAME:PORT:TARGET ...
/// Says "ready", then answers each line of its standard input (proxy.hpp) with one line; ends with its input, so that it
/// never outlives who started it.

#include <unistd.h>

#include <iostream>
#include <sstream>

#include "tests/chaos/proxy.hpp"

int main(int argc, char** argv) try {
  std::uint64_t seed = 1;
  int first = 1;
  if (argc > 1 && std::string(argv[1]).starts_with("--seed=")) seed = std::stoull(std::string(argv[first++]).substr(7));
  troupe::chaos::proxy proxy(seed);
  for (int i = first; i < argc; ++i) {
    std::istringstream in(argv[i]);
    std::string name, port, target;
    if (!std::getline(in, name, ':') || !std::getline(in, port, ':') || !std::getline(in, target))
      throw std::runtime_error(std::string("not NAME:PORT:TARGET: ") + argv[i]);
    proxy.add_route(name, static_cast<std::uint16_t>(std::stoi(port)), static_cast<std::uint16_t>(std::stoi(target)));
  }
  std::cout << "ready" << std::endl;
  std::string input;
  for (;;) {
    if (!proxy.turn(0)) continue;
    char piece[4096];
    auto n = ::read(0, piece, sizeof piece);
    if (n <= 0) return 0;
    input.append(piece, static_cast<std::size_t>(n));
    for (auto at = input.find('\n'); at != std::string::npos; at = input.find('\n')) {
      std::cout << proxy.command(input.substr(0, at)) << std::endl;
      input.erase(0, at + 1);
    }
  }
} catch (const std::exception& e) {
  std::cerr << "chaos_proxy: " << e.what() << "\n";
  return 1;
}

#pragma once
/// Makes random histories of a right ensemble: one leader, three replicas that lag behind it, clients that pipeline, lose
/// their connections, come back elsewhere, leave watches and let sessions expire. In one thread, from a seed. It shares no
/// code with the checker.

#include <cstdint>
#include <random>

#include "tests/history/history.hpp"

namespace troupe::history::test {

struct shape {
  std::uint64_t seed = 1;
  std::size_t entries = 300;  ///< about so many
  std::size_t clients = 4;
  /// For the linearizability checker: one register and one lock, reads only after a sync.
  bool registers_only = false;
};

history make(const shape&);

/// Numbers from a seed, the same on every machine (std::uniform_int_distribution is not).
class dice {
 public:
  explicit dice(std::uint64_t seed) : engine_(seed) {}
  std::size_t below(std::size_t n) { return n == 0 ? 0 : static_cast<std::size_t>(engine_() % n); }
  bool one_in(std::size_t n) { return below(n) == 0; }

 private:
  std::mt19937_64 engine_;
};

}  // namespace troupe::history::test

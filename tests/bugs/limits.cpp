#include "tests/bugs/bank.hpp"

namespace troupe::bugs {

std::uint64_t limit_of(planted_bug) { return 1000; }

}  // namespace troupe::bugs

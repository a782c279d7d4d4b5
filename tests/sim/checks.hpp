#pragma once
/// The invariants: each a name and the sentence that it proves. Each is looked at where it could break: after a step of
/// the actor whose part it is, at each write, message, start. Trees are too large for that: `same_tree` says when. What
/// clients saw is judged at the end of a seed, by tests/history, whose rules have names of their own.

#include <span>
#include <stdexcept>
#include <string>

namespace troupe::sim {

struct check_info {
  const char* name;
  const char* sentence;
};

std::span<const check_info> checks();

/// A seed that broke an invariant.
struct violation : std::runtime_error {
  violation(std::string check_name, const std::string& what)
      : std::runtime_error(check_name + ": " + what), check(std::move(check_name)) {}
  std::string check;
};

}  // namespace troupe::sim

#pragma once
/// The types of in-node actors that a node knows.

#include <map>
#include <string>

#include "actors/extension/node_actor.hpp"

namespace troupe {

class node_actor_types {
 public:
  node_actor_types();  ///< those that ship: troupe.change-feed

  /// Letters, digits, '-', '_', '.'; 1 to 64 of them. Throws std::invalid_argument.
  void add(const std::string& name, node_actor_factory);
  const node_actor_factory* find(const std::string& name) const;
  std::string names() const;  ///< "a, b, c"

 private:
  std::map<std::string, node_actor_factory> types_;
};

}  // namespace troupe

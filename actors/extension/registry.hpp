#pragma once
/// What a plug-in has to offer, and how it says so. Abstract, so that a plug-in needs this header and no library of ours.

#include <functional>
#include <memory>
#include <string>

#include "cluster/extension/request_type.hpp"

namespace caf {
class actor_system;
}  // namespace caf

namespace troupe {

// Of actors inside a node: node_actor.hpp, which a plug-in that has some includes (and with it CAF).
struct node_actor;
struct node_actor_setup;
using node_actor_factory = std::function<node_actor(caf::actor_system&, const node_actor_setup&)>;

class plugin_registry {
 public:
  virtual ~plugin_registry() = default;

  /// A request type of one's own; the node keeps it until it ends. Throws std::invalid_argument, which a plug-in should
  /// let go: for a name that no type may have, and for a second type of the same name and version.
  virtual void add(std::shared_ptr<extension::request_type>) = 0;

  /// A type of actors that the configuration may place in a node, by a name as request types have it. Throws
  /// std::invalid_argument for a name that no type may have, and for a second type of the same name.
  virtual void add_actor(const std::string& type_name, node_actor_factory) = 0;
};

}  // namespace troupe

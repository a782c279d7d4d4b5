#pragma once
/// What a plug-in has to offer, and how it says so. Abstract, so that a plug-in needs this header and no library of ours.

#include <memory>

#include "cluster/extension/request_type.hpp"

namespace troupe {

class plugin_registry {
 public:
  virtual ~plugin_registry() = default;

  /// A request type of one's own; the node keeps it until it ends. Throws std::invalid_argument, which a plug-in should
  /// let go: for a name that no type may have, and for a second type of the same name and version.
  virtual void add(std::shared_ptr<extension::request_type>) = 0;
};

}  // namespace troupe

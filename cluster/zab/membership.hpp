#pragma once
/// Who belongs to the ensemble, and what a quorum of it is.

#include <cstdint>
#include <vector>

#include "schema/ids.hpp"

namespace troupe::zab {

struct member {
  node_id id = 0;
  bool observer = false;     ///< learns, never votes
  std::uint32_t weight = 1;  ///< of its vote; a voter of weight 0 never wins an election and adds nothing to a quorum
};

struct membership {
  std::vector<member> members;
  const member* find(node_id) const;
  bool votes(node_id) const;  ///< a voter with weight above 0
  /// True if the voters in `ids` hold more than half of all weight. Ids that do not vote add nothing.
  bool quorum(const std::vector<node_id>& ids, bool observers_too = false) const;
  std::size_t voters() const;
};

}  // namespace troupe::zab

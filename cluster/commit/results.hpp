#pragma once
/// The body of the reply to a write, from what its transaction did.

#include <span>

#include "cluster/tree/database.hpp"

namespace troupe::commit {

/// create: path; create2: path and Stat; setData, setACL: Stat; delete: nothing; multi: each behind its MultiHeader.
void write_result(jute::writer&, zk::op request, std::span<const tree::applied_change>);

}  // namespace troupe::commit

#pragma once
/// ZooKeeper's client protocol from the client's side, for recorded requests and results.

#include <string>
#include <string_view>

#include "tests/history/history.hpp"

namespace troupe::sim {

/// A call goes by way of a create.
inline zk::op op_on_the_wire(zk::op o) { return o == zk::op::call ? zk::op::create : o; }
/// The body of a request, behind its header.
std::string encode(const history::request&);
/// Fills what the reply's body holds. False: it is not what such a request is answered with.
bool decode(const history::request&, std::string_view body, history::result&);

}  // namespace troupe::sim

#pragma once
/// Requests and results of the history as bytes of ZooKeeper's client protocol, written without the server's own codec.

#include <string>
#include <string_view>

#include "tests/history/history.hpp"

namespace troupe::chaos {

/// The record behind the RequestHeader. std::logic_error for an operation that the workload does not use.
std::string encode(const history::request&);

/// What a reply with this header error and this body says. False if it does not decode.
bool decode(const history::request& asked, zk::err, std::string_view body, history::result&);

}  // namespace troupe::chaos

#pragma once
/// The first frame of a link, each way (schema/link.capnp).

#include <optional>
#include <string>

#include "actors/peer/options.hpp"
#include "schema/bytes.hpp"

namespace troupe::peer {

inline constexpr std::uint16_t link_version = 1, oldest_link_version = 1;

shared_bytes make_hello(const options&, node_id to);

/// Who says this, if it is a Hello to us of another node of our ensemble; otherwise `error` says what is wrong.
struct hello_result {
  node_id from = 0;
  std::string error;  ///< empty: good
};
hello_result check_hello(const options&, const shared_bytes& body);

}  // namespace troupe::peer

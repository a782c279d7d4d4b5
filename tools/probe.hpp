#pragma once
/// What a node says of itself at its client port, asked by four-letter words.

#include <cstdint>
#include <optional>
#include <string>

#include "actors/node/configuration.hpp"

namespace troupe::tools {

/// The answer to a four-letter word, bounded to 64 KiB; nothing if the node does not answer within `timeout_ms`.
std::optional<std::string> ask(const node_config&, const std::string& word, int timeout_ms);

struct node_report {
  std::string mode;  ///< leader, follower, observer, standalone; never empty
  std::int64_t zxid = 0;
  epoch_t epoch = 0;                      ///< of the leader that it leads or follows
  std::optional<std::uint64_t> sessions;  ///< of the ensemble, as this node knows them
};

/// Nothing unless the node serves: srvr with a Mode line.
std::optional<node_report> probe(const node_config&, int timeout_ms);
/// Adds what srvr does not tell.
void add_sessions(const node_config&, int timeout_ms, node_report&);

}  // namespace troupe::tools

#pragma once
/// ZooKeeper's four-letter words: text for operators and their tools, on the client port. The forms are ZooKeeper's
/// (server/command/*.java), because tools parse them.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "actors/gateway/connection.hpp"
#include "actors/gateway/options.hpp"
#include "actors/node_stats.hpp"

namespace troupe::gateway {

/// ZooKeeper 3.9 is what we speak: clients compare the number; what follows it is ours.
std::string version_text();

struct word_context {
  const options& opts;
  node_stats& stats;
  std::int64_t now_ms;  ///< monotonic
  std::function<void(const std::function<void(connection&)>&)> each_connection;
};

/// True for every word ZooKeeper knows, whether we answer it or not: anything else is the length of a frame.
bool is_four_letter_word(std::string_view);

/// The whole answer, after which the connection is closed.
std::string answer(const std::string& word, const word_context&);

}  // namespace troupe::gateway

#pragma once
/// The keys of group `troupe`: how each is read from a file into a node_config, and written back.

#include <caf/config_value.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "actors/node/configuration.hpp"

namespace troupe {

struct configuration_field {
  std::string key;
  std::string meaning;  ///< one line, for --print-config
  /// What is wrong with the value, as the end of the sentence "'key' must be ..."; nothing if it was taken.
  std::function<std::optional<std::string>(const caf::config_value&, node_config&)> read;
  std::function<std::string(const node_config&)> print;  ///< empty: nothing to print
};

const std::vector<configuration_field>& configuration_fields();

}  // namespace troupe

#pragma once
/// Where each key of a configuration file stands. CAF's parser keeps no lines, and of a key that is set twice it
/// silently keeps the first; this small scanner of the same syntax tells both.

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

struct key_lines {
  std::map<std::string, std::vector<int>> lines;  ///< "group.key" -> lines on which it is set, from 1
  std::string place(const std::string& file, const std::string& key) const;  ///< "file:line", or "file" if unknown
};

/// `text` is known to be accepted by CAF's parser.
key_lines find_keys(std::string_view text);

}  // namespace troupe

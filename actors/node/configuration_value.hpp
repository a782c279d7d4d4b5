#pragma once
/// CAF's configuration values as text, in the syntax that its parser reads back.

#include <caf/config_value.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace troupe {

std::string quoted(const std::string&);               ///< with CAF's escapes
std::string duration_text(std::int64_t nanoseconds);  ///< in the largest unit that says it exactly: "2s", "1500ms"
std::string size_text(std::size_t bytes);             ///< likewise: "64GiB", "1048575B"
std::optional<std::size_t> parse_size(const std::string&);  ///< a whole number and B, KiB, MiB, GiB or TiB
std::string value_text(const caf::config_value&);

}  // namespace troupe

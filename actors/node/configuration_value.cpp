#include "actors/node/configuration_value.hpp"

#include <array>
#include <caf/atom.hpp>
#include <caf/timespan.hpp>
#include <charconv>
#include <utility>

namespace troupe {
namespace {

constexpr std::array<std::pair<const char*, std::size_t>, 5> size_units{{{"TiB", std::size_t{1} << 40},
                                                                         {"GiB", std::size_t{1} << 30},
                                                                         {"MiB", std::size_t{1} << 20},
                                                                         {"KiB", std::size_t{1} << 10},
                                                                         {"B", 1}}};
constexpr std::array<std::pair<const char*, std::int64_t>, 4> time_units{
    {{"s", 1'000'000'000}, {"ms", 1'000'000}, {"us", 1'000}, {"ns", 1}}};

}  // namespace

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    switch (c) {
      case '\n':
        result += "\\n";
        break;
      case '\r':
        result += "\\r";
        break;
      case '\t':
        result += "\\t";
        break;
      case '"':
      case '\\':
        result += '\\';
        [[fallthrough]];
      default:
        result += c;
    }
  }
  return result + "\"";
}

std::string duration_text(std::int64_t nanoseconds) {
  for (const auto& [unit, factor] : time_units) {
    if (nanoseconds % factor == 0) return std::to_string(nanoseconds / factor) + unit;
  }
  return "0s";  // not reached: the last unit divides everything
}

std::string size_text(std::size_t bytes) {
  for (const auto& [unit, factor] : size_units) {
    if (bytes != 0 && bytes % factor == 0) return std::to_string(bytes / factor) + unit;
  }
  return "0B";
}

std::optional<std::size_t> parse_size(const std::string& text) {
  std::size_t number = 0;
  const auto [rest, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{}) return std::nullopt;
  for (const auto& [unit, factor] : size_units) {
    if (std::string(rest) != unit) continue;
    if (number > SIZE_MAX / factor) return std::nullopt;
    return number * factor;
  }
  return std::nullopt;
}

std::string value_text(const caf::config_value& value) {
  if (const auto* x = caf::get_if<std::string>(&value)) return quoted(*x);
  if (const auto* x = caf::get_if<caf::timespan>(&value)) return duration_text(x->count());
  if (const auto* x = caf::get_if<caf::config_value::list>(&value)) {
    std::string result = "[";
    for (const auto& one : *x) result += (result.size() > 1 ? ", " : "") + value_text(one);
    return result + "]";
  }
  if (const auto* x = caf::get_if<caf::config_value::dictionary>(&value)) {
    std::string result = "{";
    for (const auto& [key, one] : *x) result += (result.size() > 1 ? ", " : "") + key + " = " + value_text(one);
    return result + "}";
  }
  return to_string(value);  // numbers, true and false, 'atoms'
}

}  // namespace troupe

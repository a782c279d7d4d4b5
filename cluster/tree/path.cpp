#include "cluster/tree/path.hpp"

#include <cstddef>
#include <cstdint>

namespace troupe::tree {

namespace {

/// Length in bytes of the multi-byte character at `i`, 0 if it may not stand in a path. Java decodes what is not
/// UTF-8 as U+FFFD, and what is above U+FFFF as surrogates: both are forbidden, so neither needs a rule of its own.
std::size_t wide_char(std::string_view s, std::size_t i) {
  auto byte = [&](std::size_t k) { return k < s.size() ? static_cast<std::uint8_t>(s[k]) : std::uint8_t{0}; };
  auto follows = [&](std::size_t k) { return (byte(k) & 0xc0) == 0x80; };
  const auto lead = byte(i);
  if (lead >= 0xc2 && lead <= 0xdf && follows(i + 1)) {
    const unsigned c = (lead & 0x1fu) << 6 | (byte(i + 1) & 0x3fu);
    return c <= 0x9f ? 0 : 2;
  }
  if (lead >= 0xe0 && lead <= 0xef && follows(i + 1) && follows(i + 2)) {
    const unsigned c = (lead & 0x0fu) << 12 | (byte(i + 1) & 0x3fu) << 6 | (byte(i + 2) & 0x3fu);
    if (c < 0x800 || (c >= 0xd800 && c <= 0xf8ff) || c >= 0xfff0) return 0;
    return 3;
  }
  return 0;
}

bool relative(std::string_view component) { return component == "." || component == ".."; }

}  // namespace

bool valid_path(std::string_view path, bool sequential) {
  if (path.empty() || path[0] != '/') return false;
  if (path.size() == 1) return true;
  std::size_t start = 1;  // of the component
  for (std::size_t i = 1; i < path.size();) {
    const auto c = static_cast<std::uint8_t>(path[i]);
    if (c == '/') {
      if (i == start || relative(path.substr(start, i - start))) return false;
      start = ++i;
    } else if (c < 0x20 || c == 0x7f) {
      return false;
    } else if (c < 0x80) {
      ++i;
    } else {
      const auto n = wide_char(path, i);
      if (n == 0) return false;
      i += n;
    }
  }
  // The last component; the digit of a sequential name makes any beginning of it a proper name.
  return sequential || (start < path.size() && !relative(path.substr(start)));
}

std::string_view parent_of(std::string_view path) {
  const auto at = path.rfind('/');
  if (at == std::string_view::npos || path.size() == 1) return {};
  return path.substr(0, at == 0 ? 1 : at);
}

std::string_view name_of(std::string_view path) {
  const auto at = path.rfind('/');
  return at == std::string_view::npos ? std::string_view{} : path.substr(at + 1);
}

}  // namespace troupe::tree

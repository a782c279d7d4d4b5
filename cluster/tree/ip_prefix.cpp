#include "cluster/tree/ip_prefix.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace troupe::tree {

namespace {

std::optional<unsigned> number(std::string_view s, unsigned max) {
  unsigned v = 0;
  auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), v);
  if (s.empty() || error != std::errc{} || end != s.data() + s.size() || v > max) return {};
  return v;
}

/// By hand, because inet_pton refuses the leading zeros that ZooKeeper takes.
bool parse_v4(std::string_view s, std::uint8_t* out) {
  for (int i = 0; i < 4; ++i) {
    const auto dot = i < 3 ? s.find('.') : s.size();
    if (dot == std::string_view::npos) return false;
    const auto v = number(s.substr(0, dot), 255);
    if (!v) return false;
    out[i] = static_cast<std::uint8_t>(*v);
    s.remove_prefix(std::min(dot + 1, s.size()));
  }
  return s.empty();
}

bool parse_v6(std::string_view s, std::uint8_t* out) {
  s = s.substr(0, s.find('%'));
  char text[INET6_ADDRSTRLEN + 1] = {};
  if (s.size() >= sizeof text) return false;
  std::memcpy(text, s.data(), s.size());
  return inet_pton(AF_INET6, text, out) == 1;
}

constexpr std::uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

std::optional<ip_prefix> parse_ip_prefix(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = text.substr(0, slash);
  ip_prefix p;
  if (parse_v4(address, p.bytes.data())) {
    p.size = 4;
  } else if (parse_v6(address, p.bytes.data())) {
    p.size = 16;
    if (std::memcmp(p.bytes.data(), mapped, sizeof mapped) == 0) {
      std::copy_n(p.bytes.begin() + 12, 4, p.bytes.begin());
      p.size = 4;
    }
  } else {
    return {};
  }
  p.bits = p.size * 8;
  if (slash == std::string_view::npos) return p;
  const auto bits = number(text.substr(slash + 1), p.bits);
  if (!bits) return {};
  p.bits = *bits;
  return p;
}

bool contains(const ip_prefix& prefix, const ip_prefix& peer) {
  if (prefix.size != peer.size) return false;
  const auto whole = prefix.bits / 8, rest = prefix.bits % 8;
  if (std::memcmp(prefix.bytes.data(), peer.bytes.data(), whole) != 0) return false;
  return rest == 0 || (prefix.bytes[whole] ^ peer.bytes[whole]) >> (8 - rest) == 0;
}

}  // namespace troupe::tree

#pragma once
/// Addresses of ACL scheme `ip`: "addr" or "addr/bits", IPv4 and IPv6 (ZooKeeper's IPAuthenticationProvider).

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace troupe::tree {

struct ip_prefix {
  std::array<std::uint8_t, 16> bytes{};  ///< network order
  unsigned size = 0;                     ///< 4 or 16
  unsigned bits = 0;                     ///< 0 to 8 x size: how many leading bits count
};

/// Without "/bits" all bits count. IPv4 mapped into IPv6 (::ffff:a.b.c.d) becomes IPv4, as in Java; a scope (%eth0) is
/// dropped.
std::optional<ip_prefix> parse_ip_prefix(std::string_view text);

/// True if the address `peer` lies within `prefix`. Different families never match.
bool contains(const ip_prefix& prefix, const ip_prefix& peer);

}  // namespace troupe::tree

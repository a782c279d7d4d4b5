#pragma once
/// The few socket calls that the gateway and the peer links share.

#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "actors/io/descriptor.hpp"

namespace troupe::io {

struct listener {
  descriptor fd;           ///< non-blocking
  std::uint16_t port = 0;  ///< the kernel's choice if 0 was asked for
};

/// Listens on TCP with SO_REUSEADDR. `host`: an address or a name (resolved here, which may block: for the start of a
/// node only). Throws std::runtime_error or std::system_error that name host and port.
listener listen_on(const std::string& host, std::uint16_t port, int backlog);

struct peer_name {
  std::string address;  ///< numeric, without port; IPv4 mapped into IPv6 as IPv4
  std::uint16_t port = 0;
};
peer_name name_of(const sockaddr_storage&);

void no_delay(int fd);

}  // namespace troupe::io

#pragma once
/// An actor system with an I/O loop that turns only when the test says so, in the test's own thread: every run is the
/// same, and "nothing more will ever happen" is a fact that needs no patience.

#include <sys/socket.h>
#include <sys/un.h>

#include <caf/send.hpp>
#include <stdexcept>
#include <string>
#include <string_view>

#include "actors/io/socket.hpp"
#include "tests/actors/loop_fixture.hpp"

namespace troupe::testing {

struct turned_fixture {
  /// Until nothing is left to do. One that never ends is an error of the actors under test.
  void settle() {
    for (int i = 0; loop.turn(); ++i)
      if (i == 1'000'000) throw std::logic_error("the loop never comes to rest");
  }
  void end(caf::actor& a) {
    caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
    settle();
    a = nullptr;
  }

  loop_fixture::config cfg;
  caf::actor_system system{cfg};
  io::io_thread loop{system};
};

/// A listener of the local domain, whose sockets hand bytes over at once: no timer of TCP stands between the two ends.
struct local_listener {
  local_listener() {
    listener.fd.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_un own{};
    own.sun_family = AF_UNIX;
    size = sizeof address;
    if (::bind(listener.fd.get(), reinterpret_cast<sockaddr*>(&own), sizeof(sa_family_t)) !=
            0 ||  // the kernel names it
        ::listen(listener.fd.get(), 64) != 0 ||
        ::getsockname(listener.fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
      throw std::runtime_error("no local listener");
  }
  /// A client that never blocks.
  io::descriptor connect() const {
    io::descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0)
      throw std::runtime_error("no local connection");
    return fd;
  }
  io::listener listener;
  sockaddr_un address{};
  socklen_t size;
};

/// What is there to be read, appended to `out`. False if the other end is gone.
inline bool read_available(int fd, std::string& out, std::size_t most = SIZE_MAX) {
  char part[4096];
  while (most) {
    auto n = ::recv(fd, part, std::min(sizeof part, most), MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
    if (n <= 0) return false;
    out.append(part, static_cast<std::size_t>(n)), most -= static_cast<std::size_t>(n);
  }
  return true;
}

}  // namespace troupe::testing

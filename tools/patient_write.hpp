#pragma once
/// The node's words on standard error, for a reader that may have stopped reading (a full pipe, a stopped terminal). What
/// does not go out within a while is given up: a node must neither stand still nor fail to end because nobody reads.

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <string_view>

namespace troupe::tools {

/// False if the rest of the text was given up. Calls only what may be called within a signal handler.
inline bool write_patiently(int fd, std::string_view text, int patience_ms = 100) {
  while (!text.empty()) {
    pollfd p{fd, POLLOUT, 0};
    if (::poll(&p, 1, patience_ms) != 1 || (p.revents & POLLOUT) == 0) return false;
    // poll() promises that PIPE_BUF bytes will not block.
    const auto n = ::write(fd, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
    if (n <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace troupe::tools

#pragma once
/// A sink for spdlog that gives up a line rather than wait for a reader: whoever reads our stderr and stops (a full
/// pipe, a stopped terminal) must not stop the node, nor keep its last thread from ending.

#include <poll.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <climits>

namespace troupe::tools {

/// Used by the one thread of the asynchronous logger.
class log_sink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit log_sink(int fd) : fd_(fd) {}

 private:
  static constexpr int patience_ms = 100;

  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    // poll() promises that PIPE_BUF bytes will not block.
    for (std::size_t at = 0; at < line.size();) {
      pollfd p{fd_, POLLOUT, 0};
      if (::poll(&p, 1, patience_ms) != 1 || (p.revents & POLLOUT) == 0) return;
      const auto n = ::write(fd_, line.data() + at, std::min<std::size_t>(line.size() - at, PIPE_BUF));
      if (n <= 0) return;
      at += static_cast<std::size_t>(n);
    }
  }
  void flush_() override {}

  int fd_;
};

}  // namespace troupe::tools

#pragma once
/// A sink for spdlog that gives up a line rather than wait for a reader: whoever reads our stderr and stops (a full
/// pipe, a stopped terminal) must not stop the node, nor keep its last thread from ending.

#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>

#include "tools/patient_write.hpp"

namespace troupe::tools {

/// Used by the one thread of the asynchronous logger.
class log_sink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit log_sink(int fd) : fd_(fd) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    write_patiently(fd_, {line.data(), line.size()});
  }
  void flush_() override {}

  int fd_;
};

}  // namespace troupe::tools

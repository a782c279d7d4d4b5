#include "tests/chaos/recorder.hpp"

#include <chrono>
#include <stdexcept>

#include "tests/history/json_lines.hpp"

namespace troupe::chaos {

std::int64_t monotonic_us() {
  using namespace std::chrono;
  return duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count();
}

recorder::recorder(const std::string& file) : file_(file), out_(file) {}

void recorder::record(history::entry e) {
  e.at_us = monotonic_us();
  out_ << history::to_line(e) << '\n';
}

void recorder::settings(const history::settings& s) { out_ << history::to_line(s) << '\n'; }

void recorder::flush() {
  out_.flush();
  if (!out_) throw std::runtime_error("cannot write " + file_);
}

}  // namespace troupe::chaos

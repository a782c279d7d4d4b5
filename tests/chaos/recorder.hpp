#pragma once
/// The history of a run while it happens: one JSON line for each entry, of one thread, in the order of its clock.

#include <fstream>
#include <string>

#include "tests/history/history.hpp"

namespace troupe::chaos {

std::int64_t monotonic_us();

class recorder {
 public:
  explicit recorder(const std::string& file);

  history::call_id next_call() { return ++calls_; }
  /// Stamps it with the time.
  void record(history::entry);
  void settings(const history::settings&);
  /// Everything so far is in the file.
  void flush();

 private:
  std::string file_;
  std::ofstream out_;
  history::call_id calls_ = 0;
};

}  // namespace troupe::chaos

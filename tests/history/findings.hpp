#pragma once
/// Where the parts of the checker put what they find.

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "tests/history/check.hpp"

namespace troupe::history {

class findings {
 public:
  explicit findings(const options& o) : options_(o) {}

  bool wanted(std::string_view rule) const { return !options_.disabled.contains(rule); }
  bool full() const { return found_.size() >= options_.max_breaches; }

  void add(std::string_view rule, std::string what, std::initializer_list<std::size_t> entries,
           std::initializer_list<zxid_t> zxids = {}) {
    if (!wanted(rule) || full()) return;
    found_.push_back({std::string(rule), std::move(what), entries, zxids});
  }

  std::vector<breach> take() { return std::move(found_); }

 private:
  const options& options_;
  std::vector<breach> found_;
};

std::string hex(std::int64_t);

}  // namespace troupe::history

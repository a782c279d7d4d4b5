#pragma once
/// Which node to try next, and when: all of them in random order, then after a pause, which grows, again.

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

namespace troupe::client {

class node_choice {
 public:
  node_choice(std::size_t nodes, std::int64_t min_backoff_ms, std::int64_t max_backoff_ms, std::uint32_t seed)
      : order_(nodes), min_ms_(min_backoff_ms), max_ms_(max_backoff_ms), random_(seed) {
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::shuffle(order_.begin(), order_.end(), random_);
  }

  std::size_t current() const { return order_[at_]; }
  /// The present one failed: on to the next. How long to wait before it is dialled.
  std::int64_t failed() {
    if (++at_ < order_.size()) return 0;
    begin_round();
    backoff_ms_ = std::clamp(backoff_ms_ * 2, min_ms_, max_ms_);
    return backoff_ms_ - static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(backoff_ms_ / 2 + 1));
  }
  /// The present one served.
  void served() { backoff_ms_ = 0; }
  /// After one that served: any other first, at once.
  void begin_round() {
    auto last = order_[std::min(at_, order_.size() - 1)];
    at_ = 0;
    std::shuffle(order_.begin(), order_.end(), random_);
    if (order_.front() == last) std::swap(order_.front(), order_.back());
  }

 private:
  std::vector<std::size_t> order_;
  std::size_t at_ = 0;
  std::int64_t min_ms_, max_ms_, backoff_ms_ = 0;
  std::minstd_rand random_;
};

}  // namespace troupe::client

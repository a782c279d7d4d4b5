#include "actors/client/request_queue.hpp"

namespace troupe::client {

void request_queue::pop_front() {
  list_.pop_front();
  if (sent_) --sent_;
  reclaim();
}

void request_queue::reclaim() {
  if (list_.empty()) {
    base_ += bytes_.size(), head_ = base_;
    bytes_.clear();
    if (bytes_.capacity() > (std::size_t{1} << 20)) std::string().swap(bytes_);
    return;
  }
  head_ = list_.front().at;
  auto used = static_cast<std::size_t>(head_ - base_);
  if (used < (std::size_t{64} << 10) || used < bytes_.size() / 2) return;
  bytes_.erase(0, used);
  base_ = head_;
}

}  // namespace troupe::client

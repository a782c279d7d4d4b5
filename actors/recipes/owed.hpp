#pragma once
/// An answer that a recipe owes to whoever asked it. Copies stand for one and the same: what is delivered first counts.

#include <caf/response_promise.hpp>
#include <memory>
#include <utility>
#include <vector>

namespace troupe::recipes {

class owed {
 public:
  explicit owed(caf::response_promise p) : promise_(std::make_shared<caf::response_promise>(std::move(p))) {}

  template <class T>
  void deliver(T&& what) const {
    if (promise_->pending()) std::exchange(*promise_, caf::response_promise{}).deliver(std::forward<T>(what));
  }
  bool settled() const { return !promise_->pending(); }

 private:
  std::shared_ptr<caf::response_promise> promise_;
};

/// The same to all, who are then forgotten.
template <class T>
void deliver(std::vector<owed>& all, const T& what) {
  for (auto& one : std::exchange(all, {})) one.deliver(what);
}

}  // namespace troupe::recipes

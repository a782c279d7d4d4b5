#pragma once
/// Any failure ends the use of an object: after a failed sync neither LMDB nor the kernel knows what is on disk (LMDB
/// would go on accepting commits).

#include <optional>
#include <string>

#include "persistence/log_store.hpp"

namespace troupe::persistence {

class fail_stop {
 public:
  /// Runs `f`. After one that threw every other is refused with a storage_error that repeats why.
  template <class F>
  auto operator()(F&& f) {
    if (reason_) throw storage_error("the log stopped after an error: " + *reason_);
    try {
      return f();
    } catch (const std::exception& e) {
      reason_ = e.what();
      throw;
    }
  }
  bool stopped() const { return reason_.has_value(); }

 private:
  std::optional<std::string> reason_;
};

}  // namespace troupe::persistence

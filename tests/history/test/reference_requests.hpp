#pragma once
/// What the clients of the reference ensemble ask for.

#include <string>
#include <vector>

#include "tests/history/test/reference.hpp"
#include "tests/history/test/reference_tree.hpp"

namespace troupe::history::test {

class request_source {
 public:
  /// `tree`: where to find paths that exist.
  request_source(dice& d, const replica_tree& tree) : dice_(d), tree_(tree) {}

  request any();
  /// On two registers and a lock; a read comes with the sync before it.
  std::vector<request> on_registers();

 private:
  request write();
  std::string value() { return "v" + std::to_string(++last_value_); }
  std::string path();
  std::string child();
  std::int32_t version() { return dice_.one_in(3) ? static_cast<std::int32_t>(dice_.below(3)) : -1; }

  dice& dice_;
  const replica_tree& tree_;
  std::uint64_t last_value_ = 0;
};

}  // namespace troupe::history::test

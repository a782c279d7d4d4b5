#pragma once
/// Ways to make a right history wrong: each plants one fault of an ensemble, and names the rule that has to see it.

#include <string_view>
#include <vector>

#include "tests/history/history.hpp"
#include "tests/history/test/reference.hpp"

namespace troupe::history::test {

struct mutation {
  std::string_view name;
  std::string_view rule;           ///< that alone has to find it, with all others switched off
  bool (*apply)(history&, dice&);  ///< false: this history has no place for it
};

const std::vector<mutation>& mutations();

}  // namespace troupe::history::test

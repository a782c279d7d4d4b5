#include "tests/history/test/mutations.hpp"

#include "tests/history/test/mutation_view.hpp"

namespace troupe::history::test {

const std::vector<mutation>& mutations() {
  static const std::vector<mutation> all = [] {
    std::vector<mutation> out;
    for (auto part : {log_mutations, answer_mutations, order_mutations, watch_mutations, session_mutations,
                      opening_mutations, asker_mutations, access_mutations})
      for (auto& m : part()) out.push_back(m);
    return out;
  }();
  return all;
}

}  // namespace troupe::history::test

#pragma once
/// The O(n log n) checker. It replays the committed log on a model of ZooKeeper of its own (model.hpp), and holds what
/// clients saw against it: because every reply carries a zxid, nothing has to be searched. README.md has the rules.

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/history/history.hpp"

namespace troupe::history {

struct rule {
  std::string_view name;
  std::string_view sentence;  ///< what holds if no breach of it is found
};

/// All rules, in the order in which they are checked.
const std::vector<rule>& rules();

struct breach {
  std::string rule;                  ///< its name
  std::string what;                  ///< one sentence with the values
  std::vector<std::size_t> entries;  ///< indexes into history.entries
  std::vector<zxid_t> zxids;         ///< of the transactions concerned
};

struct options {
  std::set<std::string, std::less<>> disabled;  ///< names of rules. Throws std::invalid_argument for one that isn't
  std::size_t max_breaches = 20;                ///< stops after so many: one cause often shows many times
};

/// Empty: the history is one that a correct ensemble could have made. A history that is not well-formed (a reply without
/// a call, say) is a breach of the rule "recording".
std::vector<breach> check(const history&, const options& = {});

/// The breach with its entries, transactions and what stood around them, as text for a person.
std::string describe(const history&, const breach&, std::size_t context = 3);

/// One line.
std::string describe(const entry&);
std::string describe(const txn&);

}  // namespace troupe::history

#pragma once
/// What the right leader answers to a write at one point of the log, without changing the model.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/history/model.hpp"

namespace troupe::history {

/// Performs the operations of one request, one after the other: each sees what those before it did.
class trial {
 public:
  trial(const model& m, const caller& who) : model_(m), who_(who) {}

  struct outcome {
    zk::err error = zk::err::ok;
    std::string path;  ///< of a create: as it came out
  };
  outcome perform(const request& part);

  /// The whole request: the first error, with the index of the failing part (0 if it isn't a multi).
  std::pair<zk::err, std::size_t> perform_all(const request&);

 private:
  struct facts {
    bool exists = false;
    acl_pointer acl = nullptr;
    std::int32_t version = 0, aversion = 0, creates = 0, children = 0;
    session_id owner = 0;
  };
  facts look(std::string_view path) const;
  facts& touch(std::string_view path);
  outcome create(const request&);
  zk::err remove(const request&);

  const model& model_;
  const caller& who_;
  std::vector<std::pair<std::string, facts>> touched_;  ///< few: those of one request
};

/// Flags of create that stand for something we serve; checked before anything else is.
zk::err check_flags(const request&);

}  // namespace troupe::history

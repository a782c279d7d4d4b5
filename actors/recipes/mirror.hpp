#pragma once
/// A part of the tree as a subscription tells it: always as it was at one zxid, for transactions are applied whole.

#include <map>
#include <string>
#include <vector>

#include "actors/client/values.hpp"

namespace troupe::recipes {

struct mirrored {
  std::string data;
  std::int32_t version = 0;
  session_id ephemeral_owner = 0;
  zxid_t czxid = 0, mzxid = 0;
  bool operator==(const mirrored&) const = default;
};

class mirror {
 public:
  using contents = std::map<std::string, mirrored, std::less<>>;

  /// Both return the paths that have come, gone or changed, sorted.
  std::vector<std::string> apply(const client::changes&);
  std::vector<std::string> apply(const client::state&);

  bool ready() const { return ready_; }  ///< there was a state to begin with
  zxid_t zxid() const { return zxid_; }
  const contents& nodes() const { return nodes_; }
  const mirrored* find(std::string_view path) const {
    auto it = nodes_.find(path);
    return it == nodes_.end() ? nullptr : &it->second;
  }

 private:
  contents nodes_;
  zxid_t zxid_ = 0;
  bool ready_ = false;
};

}  // namespace troupe::recipes

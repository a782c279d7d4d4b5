#pragma once
/// The changes of one transaction while it is prepared, and their form on the wire (records.capnp Transaction).

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "schema/bytes.hpp"
#include "schema/ids.hpp"
#include "schema/zookeeper.hpp"

namespace troupe::commit {

/// One Change to be. Views must live until the transaction is built.
struct change_draft {
  enum class kind : std::uint8_t { check, create, del, set_data, set_acl, open_session, close_session };
  kind what = kind::check;
  zk::op op = zk::op::check;
  std::string_view path, data;
  std::string acl;           ///< canonical; empty = open to all
  session_id session = 0;    ///< create: ephemeral owner; open and close: the session
  std::int32_t number = 0;   ///< create: parentCreates; set_data, set_acl: the new version; open: timeout
  std::string acl_before{};  ///< del, set_data: the znode's canonical ACL before it
};

class transaction_builder {
 public:
  transaction_builder();

  std::vector<change_draft> changes;
  std::string result;  ///< of a request type of one's own: its reply
  /// A path that has no other home while the transaction is prepared.
  std::string_view keep(std::string path) { return kept_.emplace_back(std::move(path)); }
  void clear() { changes.clear(), result.clear(), kept_.clear(); }

  /// Of all acl_before.
  std::size_t acl_before_bytes() const {
    std::size_t n = 0;
    for (auto& c : changes) n += c.acl_before.size();
    return n;
  }
  shared_bytes build(session_id, std::int64_t time_ms, node_id origin, std::uint64_t request_id);

 private:
  std::deque<std::string> kept_;
  std::vector<std::uint64_t> scratch_;  ///< first segment of every message; stays zero between two
};

}  // namespace troupe::commit

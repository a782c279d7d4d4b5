#pragma once
/// The log on the model, and every reply held against the model as of the reply's zxid.

#include <unordered_map>
#include <utility>
#include <vector>

#include "tests/history/findings.hpp"
#include "tests/history/index.hpp"

namespace troupe::history {

/// A change as watches see it, in the order in which they fire.
struct watch_step {
  zxid_t zxid = 0;
  zk::event what = zk::event::node_created;
  std::string_view path;
  acl_pointer acl = nullptr;         ///< who may READ this may know of it
  bool data = false, child = false;  ///< tables that it fires
};

/// What setWatches has to answer: the events before its reply, and the watches left behind.
struct set_watches_answer {
  struct event {
    zk::event what;
    std::string_view path;
    bool operator<(const event& o) const { return std::tie(what, path) < std::tie(o.what, o.path); }
    bool operator==(const event&) const = default;
  };
  std::vector<event> events;
  std::vector<std::pair<bool, std::string_view>> left;  ///< whether in the child table, path
};

struct replayed {
  std::vector<watch_step> steps;
  std::unordered_map<std::uint32_t, set_watches_answer> set_watches;  ///< by call
  std::unordered_map<session_id, model::session> sessions;
  std::unordered_map<session_id, const txn*> closes;
  zxid_t end = 0;  ///< last of the log
};

/// Rules log_order, log_tree, log_sessions, asked, acknowledged, results, issue_order, errors, reads. Sets call::done.
replayed replay(index&, findings&);

}  // namespace troupe::history

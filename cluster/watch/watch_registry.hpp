#pragma once
/// Who watches what: connections on one side, paths on the other, each knowing the other by a small number. A watch
/// takes about 15 bytes plus its share of the path, so that ten thousand connections with tens of thousands of watches
/// each fit a node's memory.

#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cluster/commit/stream.hpp"
#include "cluster/watch/path_table.hpp"
#include "cluster/watch/watch_limits.hpp"

namespace troupe::watch {

class watch_registry {
 public:
  struct connection {
    conn_id id = 0;
    std::shared_ptr<const tree::credentials> creds;
    u32_set watches;             ///< path number * 2 + table
    std::size_t path_bytes = 0;  ///< of its watches
    bool refused = false;        ///< passed a limit: stays without watches until it is dropped
  };
  enum class added : std::uint8_t {
    yes,      ///< it is there now, or was already
    refused,  ///< a limit is passed: the caller closes the connection. Said once
    ignored,  ///< the connection was refused before
  };

  explicit watch_registry(watch_limits l) : limits_(l) {}

  added add(conn_id, watch_table, std::string_view path);
  void identify(conn_id, std::shared_ptr<const tree::credentials>);
  std::shared_ptr<const tree::credentials> credentials_of(conn_id) const;
  void drop(conn_id);
  /// As after a limit: it stays without watches until it is dropped.
  void refuse(conn_id);
  bool refused(conn_id) const;
  bool any_refused() const { return refused_ > 0; }

  bool any(watch_table t) const { return counts_[static_cast<int>(t)] > 0; }
  std::size_t count() const { return counts_[0] + counts_[1]; }
  std::size_t paths() const { return paths_.size(); }
  std::size_t connections_with_watches() const { return watching_; }

  /// Uses up the watches on `path` in the data table (if `data`) and in the child table (if `child`), and calls
  /// `fired(const connection&)` once for each connection that had one.
  template <class F>
  void fire(std::string_view path, bool data, bool child, F fired) {
    auto number = paths_.find(path);
    if (number == path_table::none) return;
    u32_set from_data, from_child;
    if (data) from_data = std::move(paths_[number].watchers[0]);
    if (child) from_child = std::move(paths_[number].watchers[1]);
    from_data.for_each([&](std::uint32_t c) { fired(use_up(c, number, 0)); });
    from_child.for_each([&](std::uint32_t c) {
      auto& who = use_up(c, number, 1);
      if (!from_data.contains(c)) fired(who);
    });
    paths_.release_if_unwatched(number);
  }

 private:
  static std::uint32_t key(std::uint32_t path, int table) { return path * 2 + static_cast<std::uint32_t>(table); }
  const connection& use_up(std::uint32_t conn, std::uint32_t path, int table);
  std::uint32_t number_of(conn_id);  ///< known or new
  void forget_watches(std::uint32_t conn);

  watch_limits limits_;
  path_table paths_;
  std::deque<connection> connections_;
  std::vector<std::uint32_t> unused_;
  std::unordered_map<conn_id, std::uint32_t> numbers_;
  std::size_t counts_[2] = {0, 0};
  std::size_t watching_ = 0, refused_ = 0;
};

}  // namespace troupe::watch

#pragma once
/// The end of a run: everything is read from every node, after a sync, and must be the same.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/chaos/client_session.hpp"

namespace troupe::chaos {

/// path -> data, stat and ACL as text.
using tree_text = std::map<std::string, std::string>;

/// Reads the tree of one node, again whenever it is told to.
class final_reader final : public client_session::listener {
 public:
  static constexpr std::size_t max_outstanding = 64;

  final_reader(int epoll, recorder&, history::client_id, server);

  void begin();
  void tick(std::int64_t now_us);
  /// The reading that begin() asked for is complete.
  bool done() const { return reading_ && todo_.empty() && waiting_ == 0; }
  const tree_text& tree() const { return tree_; }
  /// Paths of the ephemerals in it.
  const std::vector<std::string>& ephemerals() const { return ephemerals_; }
  node_id node() const { return server_.node; }
  /// The highest zxid that the node has named in its answers.
  zxid_t served() const { return served_; }
  const std::vector<std::string>& broken() const { return broken_; }

  void on_reply(client_session&, const history::request&, const history::result&) override;
  void on_lost(client_session&, const history::request&) override { failed_ = true; }
  void on_broken(client_session&, const std::string& what) override { broken_.push_back(what); }

 private:
  void ask(zk::op, const std::string& path);

  server server_;
  client_session session_;
  tree_text tree_;
  std::vector<std::string> todo_, broken_, ephemerals_;
  std::size_t waiting_ = 0;
  zxid_t served_ = 0;
  bool wanted_ = false, reading_ = false, failed_ = false;
};

/// What differs between two trees, at most `lines` lines.
std::string differences(const tree_text& a, const tree_text& b, std::size_t lines);

}  // namespace troupe::chaos

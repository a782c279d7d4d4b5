#pragma once
/// One ZAB machine, driven step by step by a test, with a disk that answers when the test says so.

#include <algorithm>
#include <utility>

#include "cluster/zab/zab_peer.hpp"

namespace troupe::zab {

inline shared_bytes payload() { return shared_bytes::copy_of("payload"); }

struct node {
  node(node_id self, int voters, log_state log = {}) : peer(settings(self, voters), log, log.last) {}

  static zab_settings settings(node_id self, int voters) {
    zab_settings s;
    s.self = self;
    for (int id = 1; id <= voters; ++id) s.ensemble.members.push_back({static_cast<node_id>(id)});
    return s;
  }
  void link(node_id with) { peer.on_link(with, true, now_ms, fx); }
  void unlink(node_id with) { peer.on_link(with, false, now_ms, fx); }
  template <class T>
  void hear(node_id from, epoch_t epoch, T body) {
    fx.clear();
    peer.on_message(from, {epoch, std::move(body)}, now_ms, fx);
  }
  /// Everything that was queued is on disk.
  void disk() {
    auto token = fx.persist_token;
    fx.clear();
    if (token) peer.on_durable(token, now_ms, fx);
  }
  bool dropped(node_id who) const {
    return std::find(fx.drop_links.begin(), fx.drop_links.end(), who) != fx.drop_links.end();
  }
  template <class T>
  std::size_t sent() const {
    return static_cast<std::size_t>(
        std::count_if(fx.send.begin(), fx.send.end(), [](auto& s) { return std::holds_alternative<T>(s.what.body); }));
  }

  zab_peer peer;
  effects fx;
  std::int64_t now_ms = 0;
};

}  // namespace troupe::zab

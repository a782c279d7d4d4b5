#pragma once
/// Bodies of subscribe and unsubscribe, and Notifications taken apart.

#include <string>
#include <vector>

#include "cluster/commit/stream.hpp"
#include "schema/client.capnp.h"
#include "schema/flat_message.hpp"

namespace troupe::test {

inline std::string flat_text(capnp::MessageBuilder& m) { return std::string(wire::flatten(m).view()); }

inline std::string subscribe_body(std::int64_t number, const std::string& path,
                                  subscription_scope scope = subscription_scope::subtree, zxid_t since = -1,
                                  bool with_data = true) {
  capnp::MallocMessageBuilder m;
  auto s = m.initRoot<wire::Subscribe>();
  s.setSubscription(number), s.setPath(path), s.setScope(static_cast<wire::Scope>(scope)), s.setSince(since);
  s.setWithData(with_data);
  return flat_text(m);
}

inline std::string unsubscribe_body(std::int64_t number) {
  capnp::MallocMessageBuilder m;
  m.initRoot<wire::Unsubscribe>().setSubscription(number);
  return flat_text(m);
}

struct notified {
  std::int64_t subscription = 0;
  zxid_t zxid = 0;
  std::int64_t time_ms = 0;
  bool is_state = false, first = false, last = false, too_old = false;
  std::string ended;
  struct one {
    std::int32_t type = 0;  ///< 0: an item of a state
    std::string path, data;
    std::int32_t version = 0;
    session_id owner = 0;
    zxid_t czxid = 0, mzxid = 0;
  };
  std::vector<one> list;
};

inline notified take_apart(const shared_bytes& flat) {
  wire::flat_message m(flat);
  auto n = m.get<wire::Notification>();
  notified out;
  out.subscription = n.getSubscription(), out.zxid = n.getZxid(), out.time_ms = n.getTimeMs();
  auto text = [](auto t) { return std::string(wire::view(t)); };
  if (n.isChanges()) {
    for (auto c : n.getChanges())
      out.list.push_back({c.getType(), text(c.getPath()), text(c.getData()), c.getVersion(), c.getEphemeralOwner()});
  } else if (n.isState()) {
    auto s = n.getState();
    out.is_state = true, out.first = s.getFirst(), out.last = s.getLast(), out.too_old = s.getTooOld();
    for (auto i : s.getNodes())
      out.list.push_back(
          {0, text(i.getPath()), text(i.getData()), i.getVersion(), i.getEphemeralOwner(), i.getCzxid(), i.getMzxid()});
  } else {
    out.ended = text(n.getEnded());
  }
  return out;
}

}  // namespace troupe::test

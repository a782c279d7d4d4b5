#include "actors/client/subscriptions.hpp"

#include <capnp/message.h>
#include <capnp/serialize.h>

#include <algorithm>

namespace troupe::client {

namespace {

std::string text(capnp::Text::Reader t) { return {t.begin(), t.size()}; }
std::string bytes(capnp::Data::Reader d) { return {reinterpret_cast<const char*>(d.begin()), d.size()}; }

std::string flat(capnp::MessageBuilder& message) {
  auto words = capnp::messageToFlatArray(message);
  auto chars = words.asChars();
  return {chars.begin(), chars.size()};
}

}  // namespace

std::int64_t subscriptions::add(std::string path, scope where, bool with_data, zxid_t since) {
  auto id = ++last_;
  auto& s = list_[id];
  s.path = std::move(path), s.where = where, s.with_data = with_data;
  s.told = std::max<zxid_t>(since, -1);
  s.notified = std::max<zxid_t>(since, 0);
  return id;
}

std::string subscriptions::request_for(std::int64_t id) const {
  auto& s = list_.at(id);
  capnp::MallocMessageBuilder message;
  auto m = message.initRoot<wire::Subscribe>();
  m.setSubscription(id);
  m.setPath(capnp::Text::Reader(s.path.c_str(), s.path.size()));
  m.setScope(static_cast<wire::Scope>(s.where));
  m.setSince(s.told);
  m.setWithData(s.with_data);
  return flat(message);
}

std::string subscriptions::end_request_for(std::int64_t id) {
  capnp::MallocMessageBuilder message;
  message.initRoot<wire::Unsubscribe>().setSubscription(id);
  return flat(message);
}

std::vector<std::int64_t> subscriptions::confirmed() const {
  std::vector<std::int64_t> out;
  for (auto& [id, s] : list_)
    if (s.confirmed) out.push_back(id);
  return out;
}

void subscriptions::on_taken(std::int64_t id, zxid_t z) {
  auto it = list_.find(id);
  if (it == list_.end()) return;  // given up meanwhile
  auto& s = it->second;
  s.confirmed = s.on_connection = true;
  // The node answers behind everything that the subscription has to tell up to here.
  s.told = std::max({s.told, z, zxid_t{1}});
}

bool subscriptions::on_notification(wire::Notification::Reader n, subscriber_port& to) {
  auto id = n.getSubscription();
  auto it = list_.find(id);
  if (it == list_.end()) return true;  // given up meanwhile
  auto& s = it->second;
  switch (n.which()) {
    case wire::Notification::CHANGES:
      return take_changes(id, s, n, to);
    case wire::Notification::STATE:
      take_part(id, s, n, to);
      return true;
    case wire::Notification::ENDED: {
      auto why = text(n.getEnded());
      list_.erase(it);
      to.tell(subscription_ended{id, std::move(why)});
      return true;
    }
  }
  return false;
}

bool subscriptions::take_changes(std::int64_t id, subscription& s, wire::Notification::Reader n, subscriber_port& to) {
  auto z = n.getZxid();
  if (z <= s.notified) return true;  // told before
  if (s.building) return false;      // in the middle of a state
  changes out{id, z, n.getTimeMs(), {}};
  auto list = n.getChanges();
  out.list.reserve(list.size());
  for (auto c : list)
    out.list.push_back({static_cast<zk::event>(c.getType()), text(c.getPath()), bytes(c.getData()), c.getVersion(),
                        c.getEphemeralOwner()});
  // Only now: what is malformed throws, was not told, and has to come again.
  s.notified = z;
  if (z > s.told) s.told = z;
  to.tell(std::move(out));
  return true;
}

void subscriptions::take_part(std::int64_t id, subscription& s, wire::Notification::Reader n, subscriber_port& to) {
  auto part = n.getState();
  if (part.getFirst()) s.building.emplace(), s.building->subscription = id;
  if (!s.building) return;  // the rest of what we never saw the beginning of
  auto& b = *s.building;
  b.zxid = n.getZxid();
  b.too_old |= part.getTooOld();
  for (auto i : part.getNodes())
    b.list.push_back(
        {text(i.getPath()), bytes(i.getData()), i.getCzxid(), i.getMzxid(), i.getVersion(), i.getEphemeralOwner()});
  if (!part.getLast()) return;
  s.told = s.notified = std::max<zxid_t>(b.zxid, 1);
  auto out = std::move(b);
  s.building.reset();
  to.tell(std::move(out));
}

void subscriptions::on_lost() {
  for (auto& [id, s] : list_) {
    // Of a state that has begun nothing counts before its end, nor what follows it.
    if (s.on_connection && !s.building) s.told = std::max(s.told, told_);
    s.on_connection = false;
    s.building.reset();
  }
  told_ = 0;
}

}  // namespace troupe::client

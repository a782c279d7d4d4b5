#pragma once
/// The node's side of client.capnp, said by hand: for tests of the machine and of the actor.

#include <capnp/message.h>
#include <capnp/serialize.h>

#include <cstring>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "actors/client/framing.hpp"
#include "schema/client.capnp.h"
#include "schema/jute.hpp"
#include "schema/zookeeper.hpp"

namespace troupe::testing {

/// What a client said, in one piece.
struct heard {
  enum class what { hello, request, keep_alive } is;
  std::int64_t session = 0, last_zxid = 0;
  std::string password;
  std::int32_t call = 0, op = 0;
  std::string body;
  std::size_t of = 0;  ///< how many requests its frame has
  bool asks(zk::op o) const { return is == what::request && op == static_cast<std::int32_t>(o); }
  /// Of bodies that begin with a path.
  std::string path() const { return std::string(jute::reader(body).ustring()); }
};

template <class T>
std::string bytes_of(T data) {
  return {reinterpret_cast<const char*>(data.begin()), data.size()};
}

inline void hear(std::span<const std::uint64_t> message, std::vector<heard>& out) {
  capnp::FlatArrayMessageReader reader(
      kj::arrayPtr(reinterpret_cast<const capnp::word*>(message.data()), message.size()));
  auto m = reader.getRoot<wire::FromClient>();
  switch (m.which()) {
    case wire::FromClient::HELLO: {
      auto h = m.getHello();
      out.push_back({heard::what::hello, h.getSession(), h.getLastZxidSeen(), bytes_of(h.getPassword()), 0, 0, {}});
      return;
    }
    case wire::FromClient::REQUESTS: {
      auto list = m.getRequests();  // once: whoever follows a pointer again, pays again
      for (auto r : list)
        out.push_back({heard::what::request, 0, 0, {}, r.getCall(), r.getOp(), bytes_of(r.getBody()), list.size()});
      return;
    }
    case wire::FromClient::KEEP_ALIVE:
      out.push_back({heard::what::keep_alive, 0, 0, {}, 0, 0, {}});
      return;
  }
}

/// Cuts frames of a client out of what came.
inline std::vector<heard> hear_all(client::frame_buffer& in) {
  std::vector<heard> out;
  std::span<const std::uint64_t> message;
  for (;;) switch (in.next(message)) {
      case client::frame_buffer::result::frame:
        hear(message, out);
        break;
      case client::frame_buffer::result::incomplete:
        return out;
      case client::frame_buffer::result::malformed:
        throw std::runtime_error("the client sent what is no frame");
    }
}

// ---- what a node says: a message without the frame's header

using message = std::vector<std::uint64_t>;

template <class F>
message say(F&& build) {
  capnp::MallocMessageBuilder m;
  build(m.initRoot<wire::ToClient>());
  auto words = capnp::messageToFlatArray(m);
  message out(words.size());
  std::memcpy(out.data(), words.begin(), words.size() * 8);
  return out;
}

inline message welcome(std::int64_t session, std::int32_t timeout_ms = 9'000, std::string_view password = "pass") {
  return say([&](auto m) {
    auto w = m.initWelcome();
    w.setVersion(1), w.setSession(session), w.setTimeoutMs(timeout_ms);
    w.setPassword({reinterpret_cast<const kj::byte*>(password.data()), password.size()});
  });
}

inline message refused(std::uint16_t oldest, std::uint16_t newest, const char* why = "because") {
  return say([&](auto m) {
    auto r = m.initRefused();
    r.setWhy(why), r.setOldest(oldest), r.setNewest(newest);
  });
}

inline message response(std::int32_t call, zxid_t zxid, std::int32_t error = 0, std::string_view body = {}) {
  return say([&](auto m) {
    auto r = m.initItems(1)[0].initResponse();
    r.setCall(call), r.setZxid(zxid), r.setError(error);
    r.setBody({reinterpret_cast<const kj::byte*>(body.data()), body.size()});
  });
}

inline message alive(zxid_t zxid) {
  return say([&](auto m) { m.initItems(1)[0].setAlive(zxid); });
}

template <class F>
message notification(std::int64_t subscription, zxid_t zxid, F&& build) {
  capnp::MallocMessageBuilder inner;
  auto n = inner.initRoot<wire::Notification>();
  n.setSubscription(subscription), n.setZxid(zxid);
  build(n);
  auto words = capnp::messageToFlatArray(inner);
  return say([&](auto m) { m.initItems(1)[0].setNotification(words.asBytes()); });
}

inline message changed(std::int64_t subscription, zxid_t zxid, const char* path) {
  return notification(subscription, zxid, [&](auto n) {
    auto c = n.initChanges(1)[0];
    c.setType(3), c.setPath(path);
  });
}

inline message state_part(std::int64_t subscription, zxid_t zxid, bool first, bool last, const char* path,
                          bool too_old = false) {
  return notification(subscription, zxid, [&](auto n) {
    auto p = n.initState();
    p.setFirst(first), p.setLast(last), p.setTooOld(too_old);
    p.initNodes(1)[0].setPath(path);
  });
}

inline message ended(std::int64_t subscription, const char* why) {
  return notification(subscription, 1, [&](auto n) { n.setEnded(why); });
}

struct subscription_asked {
  std::int64_t number = 0;
  std::string path;
  zxid_t since = 0;
};
inline subscription_asked subscription_of(const heard& h) {
  client::word_buffer words(h.body.size() / 8);
  std::memcpy(words.data(), h.body.data(), h.body.size());
  capnp::FlatArrayMessageReader reader(kj::arrayPtr(reinterpret_cast<const capnp::word*>(words.data()), words.size()));
  auto s = reader.getRoot<wire::Subscribe>();
  return {s.getSubscription(), s.getPath().cStr(), s.getSince()};
}

}  // namespace troupe::testing

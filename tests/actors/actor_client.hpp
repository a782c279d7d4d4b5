#pragma once
/// What an actor client says and reads, for tests: frames of schema/client.capnp by Cap'n Proto's own builder.

#include <capnp/message.h>
#include <capnp/serialize.h>

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "schema/client.capnp.h"
#include "schema/zookeeper.hpp"

namespace troupe::testing {

inline std::string actor_frame(std::string_view message, std::uint16_t kind = 5, std::uint16_t zero = 0) {
  std::string out(8, '\0');
  auto size = static_cast<std::uint32_t>(message.size());
  std::memcpy(out.data(), &size, 4), std::memcpy(out.data() + 4, &kind, 2), std::memcpy(out.data() + 6, &zero, 2);
  return out.append(message);
}

inline std::string flat(capnp::MessageBuilder& m) {
  auto words = capnp::messageToFlatArray(m);
  return {words.asChars().begin(), words.asChars().size()};
}

inline capnp::Data::Reader data_of(std::string_view s) {
  return {reinterpret_cast<const kj::byte*>(s.data()), s.size()};
}

struct hello_fields {
  std::uint16_t version = 1, oldest = 1;
  std::int64_t session = 0;
  std::string password = {};
  std::int32_t timeout_ms = 10'000;
  std::int64_t last_zxid_seen = 0;
};

inline std::string hello_frame(const hello_fields& f = {}) {
  capnp::MallocMessageBuilder m;
  auto h = m.initRoot<wire::FromClient>().initHello();
  h.setVersion(f.version), h.setOldest(f.oldest), h.setSession(f.session), h.setTimeoutMs(f.timeout_ms);
  h.setPassword(data_of(f.password)), h.setLastZxidSeen(f.last_zxid_seen);
  return actor_frame(flat(m));
}

struct asked {
  std::int32_t call, op;
  std::string body;
};

inline std::string requests_frame(const std::vector<asked>& list) {
  capnp::MallocMessageBuilder m;
  auto to = m.initRoot<wire::FromClient>().initRequests(static_cast<unsigned>(list.size()));
  for (unsigned i = 0; i < list.size(); ++i)
    to[i].setCall(list[i].call), to[i].setOp(list[i].op), to[i].setBody(data_of(list[i].body));
  return actor_frame(flat(m));
}

inline std::string keep_alive_frame() {
  capnp::MallocMessageBuilder m;
  m.initRoot<wire::FromClient>().setKeepAlive();
  return actor_frame(flat(m));
}

/// A frame of ToClient, copied to where Cap'n Proto can read it.
class told {
 public:
  explicit told(std::string_view message) : words_(kj::heapArray<capnp::word>(message.size() / sizeof(capnp::word))) {
    std::memcpy(words_.begin(), message.data(), words_.size() * sizeof(capnp::word));
    reader_ = kj::heap<capnp::FlatArrayMessageReader>(words_);
    root_ = reader_->getRoot<wire::ToClient>();
  }
  wire::ToClient::Reader operator*() const { return root_; }

 private:
  kj::Array<capnp::word> words_;
  kj::Own<capnp::FlatArrayMessageReader> reader_;
  wire::ToClient::Reader root_;
};

/// Takes whole frames off the front of `bytes`.
inline std::vector<told> take_frames(std::string& bytes) {
  std::vector<told> out;
  std::uint32_t size = 0;
  while (bytes.size() >= 8) {
    std::memcpy(&size, bytes.data(), 4);
    if (bytes.size() - 8 < size) break;
    out.emplace_back(std::string_view(bytes).substr(8, size));
    bytes.erase(0, 8 + size);
  }
  return out;
}

inline constexpr auto get_data = static_cast<std::int32_t>(zk::op::get_data);

inline std::string text(capnp::Data::Reader d) { return {reinterpret_cast<const char*>(d.begin()), d.size()}; }
inline std::string text(capnp::Text::Reader t) { return {t.begin(), t.size()}; }

}  // namespace troupe::testing

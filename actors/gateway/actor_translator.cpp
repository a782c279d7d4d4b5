#include "actors/gateway/actor_translator.hpp"

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/exception.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "schema/client.capnp.h"
#include "schema/jute.hpp"

namespace troupe::gateway {

namespace {

static_assert(std::endian::native == std::endian::little, "headers are read as they stand in memory");

constexpr std::uint16_t frame_kind = 5;
constexpr std::size_t request_header_bytes = 8;  ///< xid and op
/// What Cap'n Proto may put around one request, and room for what later versions add to it.
constexpr std::size_t framing_bytes = 4'096;
constexpr int nesting = 4;
constexpr std::uint64_t spare_words = 64;  ///< that a reader may look at beyond each word once

struct header {
  std::uint32_t size = 0;
  std::uint16_t what = 0;
  std::uint16_t zero = 0;
};
static_assert(sizeof(header) == 8);

template <class F>
void append(request_batch& out, conn_id conn, F&& write) {
  auto at = out.bytes.size();
  jute::writer w(out.bytes);
  write(w);
  out.items.push_back({conn, request_batch::kind::frame, static_cast<std::uint32_t>(at),
                       static_cast<std::uint32_t>(out.bytes.size() - at)});
}

/// Sessions begin by Hello and stay alive by keepAlive: as operations they would have replies without a call.
bool may_ask(std::int32_t op) {
  if (op == static_cast<std::int32_t>(zk::op::close_session)) return true;
  return op >= 0 && op != static_cast<std::int32_t>(zk::op::ping);
}

/// A message in place, or in a copy where it does not lie as Cap'n Proto wants.
class message_words {
 public:
  explicit message_words(std::string_view s) : size_(s.size() / sizeof(capnp::word)) {
    if (reinterpret_cast<std::uintptr_t>(s.data()) % alignof(std::uint64_t) == 0) {
      words_ = reinterpret_cast<const capnp::word*>(s.data());
      return;
    }
    copy_ = kj::heapArray<capnp::word>(size_);
    std::memcpy(copy_.begin(), s.data(), s.size());
    words_ = copy_.begin();
  }
  kj::ArrayPtr<const capnp::word> get() const { return kj::arrayPtr(words_, size_); }

 private:
  kj::Array<capnp::word> copy_;
  const capnp::word* words_;
  std::size_t size_;
};

}  // namespace

bool actor_translator::refuse(std::string why) {
  why_ = std::move(why);
  return false;
}

std::string_view actor_translator::first_frame(std::string_view bytes) {
  header h;
  if (bytes.size() < sizeof h) return {};
  std::memcpy(&h, bytes.data(), sizeof h);
  if (h.what != frame_kind || h.zero) return refuse("sent what is no frame of an actor client"), std::string_view{};
  understood_ = true;
  // A frame with several requests may be larger than one request may be in this node.
  auto most = greeted_ ? std::max<std::size_t>(limits_.max_request, wire::MAX_BATCH_BYTES) + framing_bytes
                       : limits_.max_first_frame;
  if (h.size > most || h.size % sizeof(capnp::word)) {
    return refuse(fmt::format("sent a frame of {} bytes: they must be whole words, at most {} bytes{}", h.size, most,
                              greeted_ ? "" : " for the first")),
           std::string_view{};
  }
  return bytes.size() < sizeof h + h.size ? std::string_view{} : bytes.substr(0, sizeof h + h.size);
}

bool actor_translator::take(std::string_view frame, conn_id conn, request_batch& out) {
  message_words words(frame.substr(sizeof(header)));
  auto malformed = kj::runCatchingExceptions([&] {
    capnp::ReaderOptions options;
    options.traversalLimitInWords = words.get().size() + spare_words, options.nestingLimit = nesting;
    capnp::FlatArrayMessageReader reader(words.get(), options);
    auto message = reader.getRoot<wire::FromClient>();
    if (reader.getEnd() != words.get().end()) return void(refuse("sent a frame that goes on behind its message"));
    switch (message.which()) {
      case wire::FromClient::HELLO:
        take_hello(message.getHello(), conn, out);
        return;
      case wire::FromClient::REQUESTS:
        take_requests(message.getRequests(), conn, out);
        return;
      case wire::FromClient::KEEP_ALIVE:
        if (!greeted_) return void(refuse("did not begin with Hello"));
        return append(out, conn, [](auto& w) { w.i32(zk::xid_ping), w.i32(static_cast<std::int32_t>(zk::op::ping)); });
    }
    refuse(fmt::format("sent a message that version {} does not have", version_));
  });
  if (malformed != nullptr) return refuse("sent a malformed message");
  return !refused();
}

template <class Hello>
bool actor_translator::take_hello(Hello hello, conn_id conn, request_batch& out) {
  if (greeted_) return refuse("said Hello twice");
  auto newest = hello.getVersion(), oldest = hello.getOldest();
  auto versions = [&](const char* which_side) {
    return fmt::format("{} is too old: the client speaks versions {} to {}, this node {} to {}", which_side, oldest,
                       newest, oldest_client_version, newest_client_version);
  };
  if (newest < oldest_client_version) return refuse(versions("the client"));
  if (oldest > newest_client_version) return refuse(versions("this node"));
  version_ = std::min(newest, newest_client_version);
  auto password = hello.getPassword();
  append(out, conn, [&](auto& w) {  // ConnectRequest
    w.i32(0), w.i64(hello.getLastZxidSeen()), w.i32(hello.getTimeoutMs()), w.i64(hello.getSession());
    w.buffer({reinterpret_cast<const char*>(password.begin()), password.size()});
  });
  greeted_ = true;
  return true;
}

template <class Requests>
bool actor_translator::take_requests(Requests list, conn_id conn, request_batch& out) {
  if (!greeted_) return refuse("did not begin with Hello");
  if (list.size() > wire::MAX_BATCH_REQUESTS)
    return refuse(fmt::format("sent {} requests in a frame; {} is the most", list.size(), wire::MAX_BATCH_REQUESTS));
  for (auto r : list) {
    auto call = r.getCall(), op = r.getOp();
    auto body = r.getBody();
    if (call < 1) return refuse(fmt::format("numbered a request {}: calls are from 1 to 2^31 - 1", call));
    if (!may_ask(op)) return refuse(fmt::format("asked for operation {}, which is not for clients", op));
    if (body.size() + request_header_bytes > limits_.max_request)
      return refuse(fmt::format("sent a request of {} bytes; {} is the most that this node takes",
                                body.size() + request_header_bytes, limits_.max_request));
    append(out, conn, [&](auto& w) {
      w.i32(call), w.i32(op);
      w.out().append(reinterpret_cast<const char*>(body.begin()), body.size());
    });
  }
  return true;
}

}  // namespace troupe::gateway

/// actor_translator, the way out: delivered pieces into frames of ToClient, built where they leave from.

#include <capnp/message.h>
#include <spdlog/fmt/fmt.h>

#include <cstring>
#include <stdexcept>

#include "actors/gateway/actor_translator.hpp"
#include "schema/client.capnp.h"
#include "schema/jute.hpp"

namespace troupe::gateway {

namespace {

constexpr std::size_t word_bytes = sizeof(capnp::word);
constexpr std::size_t header_words = 2;  ///< the frame's header, and the table of a message with one segment
constexpr std::size_t kept_pieces = 64;  ///< an idle connection keeps room for no more

constexpr std::size_t words(std::size_t bytes) { return (bytes + word_bytes - 1) / word_bytes; }
constexpr std::size_t text_words(std::size_t bytes) { return words(bytes + 1); }  // with the NUL that ends it

capnp::Data::Reader data_of(std::string_view s) { return {reinterpret_cast<const kj::byte*>(s.data()), s.size()}; }

/// Appends a frame whose message is known to take `size` words behind its root pointer: no copy and no allocation but
/// that of `out`.
template <class F>
void append_frame(std::string& out, std::size_t size, F&& build) {
  auto at = out.size();
  auto segment = 1 + size;
  out.resize(at + (header_words + segment) * word_bytes);  // zeros, as a builder wants them
  auto* begin = out.data() + at;
  if (reinterpret_cast<std::uintptr_t>(begin) % alignof(std::uint64_t))
    throw std::logic_error("what waits for an actor client does not consist of whole words");
  const std::uint32_t head[] = {static_cast<std::uint32_t>((1 + segment) * word_bytes), 5, 0,
                                static_cast<std::uint32_t>(segment)};
  static_assert(sizeof head == header_words * word_bytes);
  std::memcpy(begin, head, sizeof head);
  capnp::FlatMessageBuilder message(kj::arrayPtr(reinterpret_cast<capnp::word*>(begin + sizeof head), segment));
  build(message.initRoot<wire::ToClient>());
  message.requireFilled();
}

}  // namespace

void actor_translator::collect(std::string_view bytes) {
  jute::reader r(bytes);
  if (r.i32() != static_cast<std::int32_t>(bytes.size()) - 4)
    throw std::logic_error("a piece for an actor client is not one frame");
  if (!answered_) {
    answered_ = true;
    pieces_.push_back({kind::welcome, 0, 0, 0, r.rest()});
    return;
  }
  piece p{kind::response, r.i32(), 0, 0, {}};
  p.zxid = r.i64(), p.error = r.i32();
  if (p.call == zk::xid_watch_event) {
    p.what = kind::event, p.call = r.i32();
    r.i32();  // the state: always connected
    p.body = r.ustring();
  } else {
    p.what = p.call == zk::xid_ping           ? kind::alive
             : p.call == zk::xid_notification ? kind::notification
                                              : kind::response;
    p.body = r.rest();
  }
  if (!r.ok()) throw std::logic_error("a piece for an actor client has no reply header");
  pieces_.push_back(p);
}

/// Behind the Item itself.
std::size_t actor_translator::words_of(const piece& p) {
  switch (p.what) {
    case kind::response:
      return capnp::sizeInWords<wire::Response>() + words(p.body.size());
    case kind::event:
      return capnp::sizeInWords<wire::Event>() + text_words(p.body.size());
    case kind::notification:
      return words(p.body.size());
    default:
      return 0;
  }
}

void actor_translator::write_frame(std::string& out) {
  if (pieces_[next_].what == kind::welcome) {
    write_welcome(pieces_[next_++], out);
  } else {
    auto size = capnp::sizeInWords<wire::ToClient>() + 1;  // 1: the list's own size
    auto end = next_;
    do {
      size += capnp::sizeInWords<wire::Item>() + words_of(pieces_[end]);
      ++end;
    } while (end < pieces_.size() && size * word_bytes < full_frame);
    append_frame(out, size, [&](wire::ToClient::Builder to) {
      auto items = to.initItems(static_cast<unsigned>(end - next_));
      for (auto item : items) {
        auto& p = pieces_[next_++];
        switch (p.what) {
          case kind::response: {
            auto r = item.initResponse();
            r.setCall(p.call), r.setZxid(p.zxid), r.setError(p.error);
            if (!p.body.empty()) r.setBody(data_of(p.body));
            break;
          }
          case kind::event: {
            auto e = item.initEvent();
            e.setZxid(p.zxid), e.setType(p.call);
            auto path = e.initPath(static_cast<unsigned>(p.body.size()));
            std::memcpy(path.begin(), p.body.data(), p.body.size());
            break;
          }
          case kind::notification:
            item.setNotification(data_of(p.body));
            break;
          case kind::alive:
            item.setAlive(p.zxid);
            break;
          case kind::welcome:
            throw std::logic_error("an actor client was welcomed twice");
        }
      }
    });
  }
  if (anything()) return;
  forget_collected();
  if (pieces_.capacity() > kept_pieces) std::vector<piece>().swap(pieces_);
}

void actor_translator::write_welcome(const piece& p, std::string& out) const {
  jute::reader r(p.body);
  r.i32();  // the protocol's version: always 0
  auto timeout_ms = r.i32();
  auto session = r.i64();
  auto password = r.buffer();
  if (!r.ok()) throw std::logic_error("the answer to an actor client's Hello is no ConnectResponse");
  auto size = capnp::sizeInWords<wire::ToClient>() + capnp::sizeInWords<wire::Welcome>() + words(password.size());
  append_frame(out, size, [&](wire::ToClient::Builder to) {
    auto w = to.initWelcome();
    w.setVersion(version_), w.setSession(session), w.setTimeoutMs(timeout_ms), w.setPassword(data_of(password));
  });
}

void actor_translator::write_refused(std::string& out, std::string_view why) {
  auto size = capnp::sizeInWords<wire::ToClient>() + capnp::sizeInWords<wire::Refused>() + text_words(why.size());
  append_frame(out, size, [&](wire::ToClient::Builder to) {
    auto r = to.initRefused();
    r.setOldest(oldest_client_version), r.setNewest(newest_client_version);
    auto text = r.initWhy(static_cast<unsigned>(why.size()));
    std::memcpy(text.begin(), why.data(), why.size());
  });
}

}  // namespace troupe::gateway

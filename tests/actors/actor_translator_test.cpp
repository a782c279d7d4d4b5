/// What an actor client may say, and what the translator makes of it, frame by frame.

#include "actors/gateway/actor_translator.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "schema/jute.hpp"
#include "tests/actors/actor_client.hpp"

using namespace troupe;
using namespace troupe::gateway;
using namespace troupe::testing;

namespace {

constexpr conn_id conn = actor_port_bit | 7;

/// A translator and what it made.
struct fixture {
  explicit fixture(actor_translator::limits l = {}) : t(l) {}

  /// Takes the whole frames of `bytes`. Empty, or why it refused.
  std::string take(std::string_view bytes) {
    while (!bytes.empty()) {
      auto f = t.first_frame(bytes);
      if (t.refused()) return t.why();
      if (f.empty()) return "is not whole";
      if (!t.take(f, conn, batch)) return t.why();
      bytes.remove_prefix(f.size());
    }
    return {};
  }
  fixture& greet() {
    REQUIRE(take(hello_frame()).empty());
    return *this;
  }
  std::string frame(std::size_t i) const { return std::string(batch.view(batch.items.at(i))); }

  actor_translator t;
  request_batch batch;
};

std::string greeted(const std::string& bytes) { return fixture().greet().take(bytes); }

std::string reply_piece(std::int32_t xid, zxid_t zxid, std::int32_t error, std::string_view rest) {
  std::string out;
  jute::writer w(out);
  auto at = w.begin_frame();
  w.i32(xid), w.i64(zxid), w.i32(error), out.append(rest);
  w.end_frame(at);
  return out;
}
std::string connect_piece(session_id session, std::int32_t timeout_ms) {
  std::string out;
  jute::writer w(out);
  auto at = w.begin_frame();
  w.i32(0), w.i32(timeout_ms), w.i64(session), w.buffer(std::string(16, 'p'));
  w.end_frame(at);
  return out;
}
std::vector<told> written(actor_translator& t) {
  std::string out;
  while (t.anything()) t.write_frame(out);
  auto frames = take_frames(out);
  CHECK(out.empty());
  return frames;
}
fixture& welcome(fixture& f) {
  f.greet();
  auto piece = connect_piece(9, 4'000);
  f.t.collect(piece);
  written(f.t);
  return f;
}

}  // namespace

// ---- in

TEST_CASE("a Hello becomes a ConnectRequest") {
  fixture f;
  CHECK(f.take(hello_frame(
                   {.session = 0x100000000000007, .password = "secret", .timeout_ms = 5'000, .last_zxid_seen = 77}))
            .empty());
  REQUIRE(f.batch.items.size() == 1);
  CHECK(f.batch.items[0].conn == conn);
  auto frame = f.frame(0);
  jute::reader r(frame);
  CHECK(r.i32() == 0);
  CHECK(r.i64() == 77);
  CHECK(r.i32() == 5'000);
  CHECK(r.i64() == 0x100000000000007);
  CHECK(r.buffer() == "secret");
  CHECK(r.done());
}

TEST_CASE("requests become frames of xid, operation and body, keepAlive becomes a ping") {
  fixture f;
  f.greet();
  CHECK(f.take(requests_frame({{1, get_data, "body"}, {0x7fffffff, -11, ""}, {5, 1'000, std::string(1000, 'b')}}))
            .empty());
  CHECK(f.take(requests_frame({})).empty());
  CHECK(f.take(keep_alive_frame()).empty());
  REQUIRE(f.batch.items.size() == 5);
  auto expect = [&](std::size_t i, std::int32_t xid, std::int32_t op, const std::string& body) {
    auto frame = f.frame(i);
    jute::reader r(frame);
    CHECK(r.i32() == xid);
    CHECK(r.i32() == op);
    CHECK(r.rest() == body);
  };
  expect(1, 1, get_data, "body");
  expect(2, 0x7fffffff, -11, "");
  expect(3, 5, 1'000, std::string(1000, 'b'));
  expect(4, zk::xid_ping, static_cast<std::int32_t>(zk::op::ping), "");
}

TEST_CASE("a frame is taken wherever it lies in memory") {
  for (std::size_t offset = 0; offset < 8; ++offset) {
    fixture f;
    f.greet();
    auto bytes = requests_frame({{3, get_data, "body"}});
    std::vector<std::uint64_t> room(bytes.size() / 8 + 2);
    auto* at = reinterpret_cast<char*>(room.data()) + offset;
    std::copy(bytes.begin(), bytes.end(), at);
    CHECK(f.take({at, bytes.size()}).empty());
    CHECK(f.frame(1).substr(8) == "body");
  }
}

TEST_CASE("a frame that is not whole is waited for, and no longer than it may be") {
  fixture f;
  auto bytes = hello_frame();
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    CHECK(f.t.first_frame(std::string_view(bytes).substr(0, n)).empty());
    CHECK_FALSE(f.t.refused());
  }
  CHECK(f.t.first_frame(bytes + "more").size() == bytes.size());
  CHECK(fixture({1'000, 64}).take(actor_frame(std::string(72, '\0'))) ==
        "sent a frame of 72 bytes: they must be whole words, at most 64 bytes for the first");
  auto header = [](std::uint32_t size) {
    auto out = actor_frame("");
    std::memcpy(out.data(), &size, 4);
    return out;
  };
  CHECK(greeted(header(0xfffff + 4'096 - 7)) == "is not whole");
  CHECK(greeted(header(0xfffff + 4'096 + 1)) ==
        "sent a frame of 1052672 bytes: they must be whole words, at most 1052671 bytes");
  CHECK(greeted(header(0xffffffff)).starts_with("sent a frame of 4294967295 bytes"));
  CHECK(greeted(header(1'001)).starts_with("sent a frame of 1001 bytes"));
}

TEST_CASE("a batch has its size even where requests must be small") {
  fixture f({1'024, 1'024});
  f.greet();
  std::vector<asked> list;
  for (int i = 1; i <= 60; ++i) list.push_back({i, get_data, std::string(1'000, 'x')});
  CHECK(f.take(requests_frame(list)).empty());
  CHECK(f.take(requests_frame({{1, get_data, std::string(1'016, 'x')}})).empty());
  CHECK(f.take(requests_frame({{1, get_data, std::string(1'017, 'x')}})) ==
        "sent a request of 1025 bytes; 1024 is the most that this node takes");
}

TEST_CASE("what does not look like a frame of an actor client is not answered") {
  for (const auto& bytes : {actor_frame("", 4), actor_frame("", 6), actor_frame("", 5, 1),
                            std::string("GET / HTTP/1.1\r\n"), std::string("\0\0\0\x2d\0\0\0\0", 8)}) {
    fixture f;
    CHECK(f.take(bytes) == "sent what is no frame of an actor client");
    CHECK_FALSE(f.t.understood());
  }
  fixture f;
  f.take(actor_frame(std::string(8, '\xff')));
  CHECK(f.t.understood());
  CHECK(greeted(actor_frame("", 4)) == "sent what is no frame of an actor client");
}

TEST_CASE("of two versions that do not meet, the refusal says whose is too old") {
  CHECK(fixture().take(hello_frame({.version = 0, .oldest = 0})) ==
        "the client is too old: the client speaks versions 0 to 0, this node 1 to 1");
  CHECK(fixture().take(hello_frame({.version = 9, .oldest = 2})) ==
        "this node is too old: the client speaks versions 2 to 9, this node 1 to 1");
  CHECK(fixture().take(hello_frame({.version = 1, .oldest = 0})).empty());
  CHECK(fixture().take(hello_frame({.version = 9, .oldest = 1})).empty());
  fixture f;
  f.take(hello_frame({.version = 9, .oldest = 1}));
  auto piece = connect_piece(9, 4'000);
  f.t.collect(piece);
  auto frames = written(f.t);
  CHECK((*frames[0]).getWelcome().getVersion() == 1);  // the smaller one
}

TEST_CASE("Hello comes first and once") {
  CHECK(fixture().take(requests_frame({{1, get_data, ""}})) == "did not begin with Hello");
  CHECK(fixture().take(keep_alive_frame()) == "did not begin with Hello");
  CHECK(greeted(hello_frame()) == "said Hello twice");
}

TEST_CASE("calls are numbered from 1, and operations are those of clients") {
  CHECK(greeted(requests_frame({{0, get_data, ""}})) == "numbered a request 0: calls are from 1 to 2^31 - 1");
  CHECK(greeted(requests_frame({{-100, get_data, ""}})).starts_with("numbered a request -100"));
  for (std::int32_t op : {-1, -10, -12, 11, INT32_MIN})
    CHECK(greeted(requests_frame({{1, op, ""}})) ==
          "asked for operation " + std::to_string(op) + ", which is not for clients");
}

TEST_CASE("a frame has at most so many requests") {
  std::vector<asked> list(4'096, asked{1, get_data, ""});
  CHECK(greeted(requests_frame(list)).empty());
  list.push_back({1, get_data, ""});
  CHECK(greeted(requests_frame(list)) == "sent 4097 requests in a frame; 4096 is the most");
}

TEST_CASE("requests that share one body, to become more than what was sent, are malformed") {
  auto bytes = requests_frame({{1, get_data, std::string(4'000, 'x')}, {2, get_data, ""}, {3, get_data, ""}});
  // The elements: 8 bytes of header, 8 of table, root, FromClient (2 words), the list's tag; call and op, pointer.
  auto pointer = [&](std::size_t i) { return bytes.data() + 8 + 8 + 8 + 16 + 8 + i * 16 + 8; };
  for (std::size_t i = 1; i < 3; ++i) {
    std::uint64_t p = 0;
    std::memcpy(&p, pointer(0), 8);
    auto offset = static_cast<std::uint32_t>(p) >> 2;
    p = (p & ~0xffffffffull) | static_cast<std::uint32_t>((offset - 2 * i) << 2 | 1);
    std::memcpy(pointer(i), &p, 8);
  }
  CHECK(greeted(bytes) == "sent a malformed message");
}

TEST_CASE("a message that is none is malformed, whatever is wrong with it") {
  auto good = requests_frame({{1, get_data, std::string(100, 'x')}}).substr(8);
  CHECK(greeted(actor_frame("")) == "sent a malformed message");
  CHECK(greeted(actor_frame(good + std::string(8, '\0'))) == "sent a frame that goes on behind its message");
  for (std::size_t cut = 8; cut < good.size(); cut += 8)
    CHECK(greeted(actor_frame(good.substr(0, cut))) == "sent a malformed message");
  auto many_segments = good;
  many_segments[0] = '\x7f';
  CHECK(greeted(actor_frame(many_segments)) == "sent a malformed message");
  auto member = good;
  member[16] = '\x09';  // the discriminant of FromClient
  CHECK(greeted(actor_frame(member)) == "sent a message that version 1 does not have");
  auto far_away = good;
  far_away[12] = '\x7f';  // the root pointer
  CHECK(greeted(actor_frame(far_away)) == "sent a malformed message");
  CHECK(greeted(actor_frame(std::string(64, '\xff'))) == "sent a malformed message");
}

TEST_CASE("a list of a later version, whose elements are larger, is understood") {
  // Elements of two data words and two pointers, as a ClientRequest with more fields would have.
  std::string body;
  auto word = [&](std::uint64_t w) { body.append(reinterpret_cast<const char*>(&w), 8); };
  word(11ull << 32);                              // one segment of 11 words
  word(1ull << 32 | 1ull << 48);                  // root: a struct with 1 data word and 1 pointer, right behind
  word(1);                                        // requests
  word(0ull << 2 | 1 | 7ull << 32 | 8ull << 35);  // a composite list of 8 words, right behind
  word(2ull << 2 | 2ull << 32 | 2ull << 48);      // two elements of 2 data words and 2 pointers
  for (std::uint64_t call = 1; call <= 2; ++call) word(4ull << 32 | call), word(99), word(0), word(0);
  // 4 + 8 words: the table said 11, and so the end is behind it.
  std::uint64_t table = 12ull << 32;
  std::memcpy(body.data(), &table, 8);
  fixture f;
  f.greet();
  CHECK(f.take(actor_frame(body)).empty());
  CHECK(f.batch.items.size() == 3);
}

// ---- out

TEST_CASE("the answer to Hello becomes Welcome, also where it says that the session is gone") {
  fixture f;
  f.greet();
  auto piece = connect_piece(0x200000000000001, 4'000);
  f.t.collect(piece);
  auto frames = written(f.t);
  REQUIRE(frames.size() == 1);
  auto w = (*frames[0]).getWelcome();
  CHECK(w.getSession() == 0x200000000000001);
  CHECK(w.getTimeoutMs() == 4'000);
  CHECK(text(w.getPassword()) == std::string(16, 'p'));
  CHECK(w.getVersion() == 1);
  fixture expired;
  expired.greet();
  auto refusal = connect_piece(0, 0);
  expired.t.collect(refusal);
  CHECK((*written(expired.t)[0]).getWelcome().getSession() == 0);
}

TEST_CASE("replies, events, notifications and pongs become items of one frame, in their order") {
  fixture f;
  welcome(f);
  std::string event_rest;
  jute::writer w(event_rest);
  w.i32(3), w.i32(3), w.ustring("/path");
  const std::vector<std::string> pieces{reply_piece(-1, 41, 0, event_rest),
                                        reply_piece(12, 42, 0, "an answer"),
                                        reply_piece(zk::xid_notification, 43, 0, "a notification"),
                                        reply_piece(zk::xid_ping, 44, 0, ""),
                                        reply_piece(13, 45, -101, ""),
                                        reply_piece(14, 46, -8, "why: not")};
  for (auto& p : pieces) f.t.collect(p);
  auto frames = written(f.t);
  REQUIRE(frames.size() == 1);
  auto items = (*frames[0]).getItems();
  REQUIRE(items.size() == 6);
  CHECK(items[0].getEvent().getZxid() == 41);
  CHECK(items[0].getEvent().getType() == 3);
  CHECK(text(items[0].getEvent().getPath()) == "/path");
  CHECK(items[1].getResponse().getCall() == 12);
  CHECK(items[1].getResponse().getZxid() == 42);
  CHECK(items[1].getResponse().getError() == 0);
  CHECK(text(items[1].getResponse().getBody()) == "an answer");
  CHECK(text(items[2].getNotification()) == "a notification");
  CHECK(items[3].getAlive() == 44);
  CHECK(items[4].getResponse().getError() == -101);
  CHECK_FALSE(items[4].getResponse().hasBody());
  CHECK(text(items[5].getResponse().getBody()) == "why: not");  // the text of an error
}

TEST_CASE("a frame is closed once it is large, and the rest goes into the next") {
  fixture f;
  welcome(f);
  auto piece = reply_piece(1, 1, 0, std::string(actor_translator::full_frame / 2, 'b'));
  for (int i = 0; i < 5; ++i) f.t.collect(piece);
  auto frames = written(f.t);
  REQUIRE(frames.size() == 3);
  CHECK((*frames[0]).getItems().size() == 2);
  CHECK((*frames[2]).getItems().size() == 1);
}

TEST_CASE("a refusal says why, and which versions the node speaks") {
  std::string out(16, 'x');  // behind what waits already
  actor_translator::write_refused(out, "because");
  out.erase(0, 16);
  auto frames = take_frames(out);
  REQUIRE(frames.size() == 1);
  auto r = (*frames[0]).getRefused();
  CHECK(text(r.getWhy()) == "because");
  CHECK(r.getOldest() == 1);
  CHECK(r.getNewest() == 1);
}

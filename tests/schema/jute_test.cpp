#include "schema/jute.hpp"

#include <doctest/doctest.h>

#include <climits>

#include "schema/zookeeper.hpp"

using namespace troupe;

namespace {

template <class F>
std::string written(F f) {
  std::string out;
  jute::writer w(out);
  f(w);
  return out;
}

}  // namespace

TEST_CASE("a field reads back as it was written, big-endian") {
  const auto s = written([](jute::writer& w) {
    w.boolean(true), w.i32(INT_MIN), w.i64(INT64_MIN + 1), w.buffer("bytes"), w.ustring(""), w.null_buffer();
  });
  CHECK(s.substr(1, 4) == std::string("\x80\0\0\0", 4));
  jute::reader r(s);
  CHECK(r.boolean());
  CHECK(r.i32() == INT_MIN);
  CHECK(r.i64() == INT64_MIN + 1);
  CHECK(r.buffer() == "bytes");
  bool null = true;
  CHECK(r.buffer(&null).empty());
  CHECK_FALSE(null);
  CHECK(r.buffer(&null).empty());
  CHECK(null);
  CHECK(r.done());
}

TEST_CASE("a record that is cut anywhere reads as not ok, and yields nothing from there on") {
  const auto s = written([](jute::writer& w) { w.i64(5), w.ustring("/path"), w.boolean(true), w.i32(7); });
  for (std::size_t n = 0; n < s.size(); ++n) {
    const auto cut = s.substr(0, n);
    jute::reader r(cut);
    r.i64(), r.ustring(), r.boolean();
    CHECK(r.i32() == 0);
    CHECK_FALSE(r.ok());
    CHECK_FALSE(r.done());
    CHECK(r.left() == 0);
    CHECK(r.buffer().empty());
    CHECK_FALSE(r.boolean());
  }
}

TEST_CASE("a buffer with a negative or too large length is refused") {
  for (auto n : {-2, INT_MIN, 5, INT_MAX}) {
    const auto s = written([&](jute::writer& w) { w.i32(n), w.out().append("abcd"); });
    jute::reader r(s);
    CHECK(r.buffer().empty());
    CHECK_FALSE(r.ok());
  }
  const auto exact = written([](jute::writer& w) { w.i32(4), w.out().append("abcd"); });
  jute::reader r(exact);
  CHECK(r.buffer() == "abcd");
  CHECK(r.done());
}

TEST_CASE("a vector cannot claim more items than the frame has bytes for") {
  auto count = [](std::int32_t n, std::size_t room, bool* ok, bool* null) {
    const auto s = written([&](jute::writer& w) { w.i32(n), w.out().append(room, '\0'); });
    jute::reader r(s);
    const auto c = r.count(4, null);
    *ok = r.ok();
    return c;
  };
  bool ok = false, null = false;
  CHECK(count(2, 8, &ok, &null) == 2);
  CHECK(ok);
  CHECK(count(3, 11, &ok, &null) == 0);
  CHECK_FALSE(ok);
  CHECK(count(INT_MAX, 8, &ok, &null) == 0);
  CHECK_FALSE(ok);
  CHECK(count(-2, 8, &ok, &null) == 0);
  CHECK_FALSE(ok);
  CHECK(count(-1, 8, &ok, &null) == 0);
  CHECK(ok);
  CHECK(null);
}

TEST_CASE("a frame's length counts what follows it") {
  const auto s = written([](jute::writer& w) {
    const auto at = w.begin_frame();
    w.i64(1);
    w.end_frame(at);
  });
  jute::reader r(s);
  CHECK(r.i32() == 8);
  CHECK(r.left() == 8);
}

TEST_CASE("a Stat takes 68 bytes, in ZooKeeper's order") {
  const zk::stat st{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  const auto s = written([&](jute::writer& w) { zk::write(w, st); });
  CHECK(s.size() == 68);
  jute::reader r(s);
  for (int i = 1; i <= 4; ++i) CHECK(r.i64() == i);
  for (int i = 5; i <= 7; ++i) CHECK(r.i32() == i);
  CHECK(r.i64() == 8);
  CHECK(r.i32() == 9);
  CHECK(r.i32() == 10);
  CHECK(r.i64() == 11);
  CHECK(r.done());
}

TEST_CASE("an ACL list reads back, null reads as empty, and a cut or lying one is refused") {
  const zk::acl_list list{{31, {"world", "anyone"}}, {1, {"digest", "a:b"}}};
  const auto s = written([&](jute::writer& w) { zk::write(w, list); });
  jute::reader whole(s);
  CHECK(zk::read_acl(whole) == list);
  CHECK(whole.done());
  for (std::size_t n = 0; n < s.size(); ++n) {
    const auto cut = s.substr(0, n);
    jute::reader r(cut);
    zk::read_acl(r);
    CHECK_FALSE(r.ok());
  }
  const auto null = written([](jute::writer& w) { w.i32(-1); });
  jute::reader r(null);
  CHECK(zk::read_acl(r).empty());
  CHECK(r.done());
  const auto huge = written([](jute::writer& w) { w.i32(INT_MAX), w.out().append(100, '\0'); });
  jute::reader h(huge);
  CHECK(zk::read_acl(h).empty());
  CHECK_FALSE(h.ok());
}

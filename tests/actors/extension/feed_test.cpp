#include <algorithm>

#include "tests/actors/extension/feed_fixture.hpp"

using namespace troupe;
using namespace troupe::testing;
using kind = feed::change::kind;

TEST_CASE("the feed tells what is committed as values, in order") {
  feed_fixture f;
  f.append(1, 5);
  asker a(f);
  a.ask(z(3));
  CHECK(f.wanted() == z(3));
  f.committed(z(5));
  auto b = a.take();
  CHECK_FALSE(b.too_old);
  REQUIRE(b.list.size() == 2);
  CHECK(b.list[0].zxid == z(4));
  CHECK(b.list[0].time_ms == 1'700'000'000'004);
  CHECK(b.list[0].session == 0x1234);
  REQUIRE(b.list[0].changes.size() == 1);
  CHECK(b.list[0].changes[0].what == kind::data_changed);
  CHECK(b.list[0].changes[0].path == "/a");
  CHECK(b.list[0].changes[0].data == "4");
  CHECK(b.list[0].changes[0].version == 4);
  auto& five = b.list[1].changes;
  REQUIRE(five.size() == 3);  // a check is no change
  CHECK(five[0].what == kind::session_opened);
  CHECK(five[0].session == 0x77);
  CHECK(five[0].timeout_ms == 4000);
  CHECK(five[1].what == kind::created);
  CHECK(five[1].path == "/e");
  CHECK(five[1].data == "5");
  CHECK(five[1].ephemeral_owner == 0x77);
}

TEST_CASE("the feed tells nothing that is in the log but not committed, and waits for it") {
  feed_fixture f;
  f.append(1, 9);
  asker a(f);
  a.ask(0);
  CHECK(f.wanted() == 0);
  f.committed(z(4));
  CHECK(a.take().list.back().zxid == z(4));
  a.ask(z(4));
  CHECK(f.wanted() == z(4));
  f.committed(z(5));
  auto b = a.take();
  REQUIRE(b.list.size() == 1);
  CHECK(b.list[0].zxid == z(5));
}

TEST_CASE("a batch has as many transactions as are wanted, and the next goes on behind it without asking commit") {
  feed_fixture f;
  f.append(1, 9);
  asker a(f);
  a.ask(0, 4);
  f.wanted();
  f.committed(z(9));
  std::vector<zxid_t> got;
  while (got.size() < 9) {
    auto b = a.take();
    CHECK(b.list.size() == std::min<std::size_t>(4, 9 - got.size()));
    for (auto& t : b.list) got.push_back(t.zxid);
    if (got.size() < 9) a.ask(got.back(), 4);
  }
  for (std::uint32_t i = 0; i < 9; ++i) CHECK(got[i] == z(i + 1));
  a.ask(z(9));
  CHECK(f.wanted() == z(9));  // the first question since
}

TEST_CASE("a log that does not reach back is told, with where it begins") {
  feed_fixture f;
  f.append(1, 9);
  f.trim(z(9));
  asker a(f);
  a.ask(z(2));
  f.wanted();
  f.committed(z(9));
  auto b = a.take();
  CHECK(b.too_old);
  CHECK(b.first == z(8));
  CHECK(b.list.empty());
  a.ask(b.first);
  CHECK(a.take().list.size() == 1);
}

TEST_CASE("several may ask at once; who is further ahead holds up nobody") {
  feed_fixture f;
  f.append(1, 9);
  asker a(f), b(f), c(f);
  a.ask(z(8));
  CHECK(f.wanted() == z(8));
  f.committed(z(6));  // of what was asked for before: not enough
  CHECK(f.wanted() == z(8));
  b.ask(z(1));
  CHECK(b.take().list.size() == 5);
  c.ask(z(6), 1);
  f.committed(z(9));
  CHECK(c.take().list.at(0).zxid == z(7));
  CHECK(a.take().list.at(0).zxid == z(9));
}

TEST_CASE("more requests than the feed keeps are refused") {
  feed_fixture f;
  asker a(f);
  for (std::size_t i = 0; i < max_feed_requests; ++i) a.ask(z(1));
  bool refused = false;
  f.self->request(f.feed, caf::infinite, feed::next{z(1), 1})
      .receive([](const feed::batch&) {}, [&](const caf::error&) { refused = true; });
  CHECK(refused);
}

TEST_CASE("a request of an actor that is no more is forgotten") {
  feed_fixture f;
  f.append(1, 2);
  f.committed(z(1));
  for (int round = 0; round < 3; ++round) {
    asker a(f);
    for (std::size_t i = 0; i < max_feed_requests / 2; ++i) a.ask(z(1));
    a.ask(0);  // answered, so that the feed has seen all of them while their sender lives
    CHECK(a.take().list.size() == 1);
  }
  asker last(f);
  last.ask(z(1));
  f.committed(z(2));
  CHECK(last.take().list.size() == 1);
}

#include "cluster/session/session_tracker.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <stdexcept>

using troupe::session_id;
using troupe::session::session_tracker;
using ids = std::vector<session_id>;

namespace {

constexpr std::int64_t tick = 2000;

ids sorted(ids v) {
  std::sort(v.begin(), v.end());
  return v;
}

session_tracker leader_with(session_id id, std::int32_t timeout_ms, std::int64_t now_ms) {
  session_tracker t(tick);
  t.start_leading(0);
  t.opened(id, timeout_ms, now_ms);
  return t;
}

}  // namespace

TEST_CASE("a session expires after its timeout, within one tick, and never earlier") {
  for (std::int64_t opened = 0; opened <= 2 * tick; opened += 100)
    for (std::int32_t timeout : {0, 1, 1999, 2000, 2001, 4000, 40000}) {
      CAPTURE(opened);
      CAPTURE(timeout);
      auto t = leader_with(1, timeout, opened);
      CHECK(t.expired(opened + timeout).empty());
      CHECK(t.expired(opened + timeout + tick) == ids{1});
    }
}

TEST_CASE("the deadline is a multiple of the tick (ExpiryQueue.roundToNextInterval)") {
  auto t = leader_with(1, 4000, 100);
  CHECK(t.expired(5999).empty());
  CHECK(t.expired(6000) == ids{1});
}

TEST_CASE("an expiry is reported once, and a later touch does not revive the session") {
  auto t = leader_with(1, 4000, 0);
  CHECK(t.expired(10000) == ids{1});
  CHECK(t.expired(20000).empty());
  t.touch({1}, 20000);
  CHECK(t.expired(100000).empty());
  CHECK(t.size() == 1);
  t.closed(1);
  CHECK(t.size() == 0);
}

TEST_CASE("a touch moves the deadline") {
  auto t = leader_with(1, 4000, 0);
  t.touch({1}, 5000);
  CHECK(t.expired(9999).empty());
  CHECK(t.expired(10000) == ids{1});
}

TEST_CASE("sessions expire in the order of their deadlines, equal ones by id") {
  session_tracker t(tick);
  t.start_leading(0);
  t.opened(9, 8000, 0), t.opened(3, 4000, 0), t.opened(2, 4000, 0), t.opened(7, 40000, 0);
  CHECK(t.expired(20000) == ids{2, 3, 9});
  CHECK(t.expired(60000) == ids{7});
}

TEST_CASE("a closed session does not expire") {
  auto t = leader_with(1, 4000, 0);
  t.closed(1);
  t.closed(1);
  CHECK(t.expired(100000).empty());
}

TEST_CASE("a node that does not lead expires nobody") {
  session_tracker t(tick);
  t.opened(1, 4000, 0);
  CHECK(t.expired(100000).empty());
  t.start_leading(100000);
  t.stop_leading();
  CHECK(t.expired(200000).empty());
}

TEST_CASE("a new leader inherits no deadline: all start anew, also those that had passed") {
  session_tracker t(tick);
  t.opened(1, 4000, 0);
  t.start_leading(50000);
  CHECK(t.expired(54000).empty());
  CHECK(t.expired(56000) == ids{1});
  t.stop_leading();
  t.start_leading(90000);
  CHECK(t.expired(94000).empty());
  CHECK(t.expired(96000) == ids{1});
}

TEST_CASE("a follower reports each touched session once") {
  session_tracker t(tick);
  t.opened(1, 4000, 0), t.opened(2, 4000, 0), t.opened(3, 4000, 0);
  CHECK(t.take_touched().empty());
  t.touch({1, 2, 1}, 10);
  t.touch({2}, 20);
  CHECK(sorted(t.take_touched()) == ids{1, 2});
  CHECK(t.take_touched().empty());
  t.touch({3, 1}, 30);
  t.closed(3);
  CHECK(t.take_touched() == ids{1});
}

TEST_CASE("a leader has nobody to report to") {
  auto t = leader_with(1, 4000, 0);
  t.touch({1}, 10);
  t.stop_leading();
  CHECK(t.take_touched().empty());
}

TEST_CASE("unknown sessions are ignored") {
  auto t = leader_with(1, 4000, 0);
  t.touch({5}, 0);
  t.closed(6);
  CHECK(t.size() == 1);
  CHECK(t.expired(100000) == ids{1});
  session_tracker follower(tick);
  follower.touch({5}, 0);
  CHECK(follower.take_touched().empty());
}

TEST_CASE("a session that is opened again takes the new timeout") {
  auto t = leader_with(1, 4000, 0);
  t.opened(1, 20000, 1000);
  CHECK(t.size() == 1);
  CHECK(t.expired(21000).empty());
  CHECK(t.expired(22000) == ids{1});
}

TEST_CASE("clear forgets every session and goes on leading") {
  auto t = leader_with(1, 4000, 0);
  t.clear();
  CHECK(t.size() == 0);
  CHECK(t.expired(100000).empty());
  t.opened(2, 4000, 100000);
  CHECK(t.expired(106000) == ids{2});
}

TEST_CASE("ten thousand sessions that are touched all the time stay, one that is not goes") {
  session_tracker t(tick);
  t.start_leading(0);
  ids all;
  for (session_id i = 1; i <= 10000; ++i) t.opened(i, 6000, 0), all.push_back(i);
  ids touched(all.begin(), all.end() - 1);
  for (std::int64_t now = 0; now <= 60000; now += 1000) {
    t.touch(touched, now);
    CHECK(t.expired(now) == (now == 8000 ? ids{10000} : ids{}));
  }
}

TEST_CASE("a tick that is not above 0 is our own error") { CHECK_THROWS_AS(session_tracker(0), std::logic_error); }

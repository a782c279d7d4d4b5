/// Where subscriptions go on after a reconnect.

#include "tests/actors/client/machine_fixture.hpp"

using namespace troupe;
using namespace troupe::testing;
namespace c = troupe::client;

namespace {

const heard& only(const std::vector<heard>& said) {
  REQUIRE(said.size() == 1);
  return said[0];
}

zxid_t changed_at(const machine_fixture& f, std::size_t i) {
  REQUIRE(i < f.events.size());
  REQUIRE(std::holds_alternative<c::changes>(f.events[i]));
  return std::get<c::changes>(f.events[i]).zxid;
}

}  // namespace

TEST_SUITE("client subscriptions") {
  TEST_CASE("a subscription from now on goes on from where it was taken") {
    machine_fixture f;
    f.connect();
    auto [t, id] = f.subscribe();
    auto said = f.listen();
    CHECK(subscription_of(only(said)).since == -1);
    CHECK(subscription_of(only(said)).number == id);
    f.hears(response(said[0].call, 10));
    CHECK(f.answers[t].reference == id);
    CHECK(f.answers[t].zxid == 10);
    f.lose();
    f.connect();
    CHECK(subscription_of(only(f.listen())).since == 10);
  }

  TEST_CASE("notifications, responses and alive move the place from which it goes on") {
    machine_fixture f;
    f.connect();
    f.subscribe();
    auto call = only(f.listen()).call;
    f.hears(response(call, 10));
    zxid_t expected = 10;
    SUBCASE("a notification") { f.hears(changed(1, 12, "/s/a")), expected = 12; }
    SUBCASE("a response") {
      f.read("/r");
      f.hears(response(only(f.listen()).call, 13));
      expected = 13;
    }
    SUBCASE("alive") { f.hears(alive(14)), expected = 14; }
    SUBCASE("whatever is latest") {
      f.hears(alive(14)), f.hears(changed(1, 15, "/s/a")), f.hears(alive(15)), expected = 15;
    }
    SUBCASE("not the answer to a request that was answered before it was taken") {}
    f.lose();
    f.connect();
    CHECK(subscription_of(only(f.listen())).since == expected);
  }

  TEST_CASE("what came before the node took the subscription moves nothing") {
    machine_fixture f;
    f.connect();
    f.hears(alive(50));
    f.subscribe(20);
    auto call = only(f.listen()).call;
    f.hears(changed(1, 30, "/s/a"));  // it catches up
    f.lose();
    f.connect();
    auto again = only(f.listen());
    CHECK(again.call != call);
    CHECK(subscription_of(again).since == 30);
    f.hears(changed(1, 40, "/s/a"));
    f.hears(response(again.call, 50));
    f.lose();
    f.connect();
    CHECK(subscription_of(only(f.listen())).since == 50);
    CHECK(changed_at(f, 0) == 30);
    CHECK(changed_at(f, 1) == 40);
  }

  TEST_CASE("a new connection's responses count only for subscriptions that it took") {
    machine_fixture f;
    f.connect();
    f.subscribe();
    f.hears(response(only(f.listen()).call, 10));
    f.lose();
    f.connect();
    f.listen();
    f.hears(alive(99));  // not of a node that keeps the order, but nothing may be lost by it
    f.lose();
    f.connect();
    CHECK(subscription_of(only(f.listen())).since == 10);
  }

  TEST_CASE("what was told is not told again") {
    machine_fixture f;
    f.connect();
    f.subscribe();
    f.hears(response(only(f.listen()).call, 10));
    f.hears(changed(1, 11, "/s/a"));
    f.hears(changed(1, 11, "/s/a"));
    f.hears(changed(1, 9, "/s/a"));
    f.hears(changed(1, 12, "/s/a"));
    REQUIRE(f.events.size() == 2);
    CHECK(changed_at(f, 0) == 11);
    CHECK(changed_at(f, 1) == 12);
  }

  TEST_CASE("the parts of a state are told as one") {
    machine_fixture f;
    f.connect();
    f.subscribe(0);
    auto call = only(f.listen()).call;
    f.hears(state_part(1, 20, true, false, "/s"));
    f.hears(state_part(1, 20, false, false, "/s/a"));
    CHECK(f.events.empty());
    f.hears(state_part(1, 20, false, true, "/s/b"));
    f.hears(response(call, 20));
    REQUIRE(f.events.size() == 1);
    auto& s = std::get<c::state>(f.events[0]);
    CHECK(s.zxid == 20);
    CHECK_FALSE(s.too_old);
    REQUIRE(s.list.size() == 3);
    CHECK(s.list[2].path == "/s/b");
    f.lose();
    f.connect();
    CHECK(subscription_of(only(f.listen())).since == 20);
  }

  TEST_CASE("a state that breaks off is asked for again, from where it was before") {
    machine_fixture f;
    f.connect();
    zxid_t since = 0;
    SUBCASE("at first") {}
    SUBCASE("because the log no longer reached back") { since = 7; }
    f.subscribe(since);
    auto call = only(f.listen()).call;
    f.hears(state_part(1, 20, true, false, "/s", since != 0));
    f.lose();
    CHECK(f.events.empty());
    f.connect();
    auto again = only(f.listen());
    CHECK(again.call != call);
    CHECK(subscription_of(again).since == since);
    f.hears(state_part(1, 30, true, true, "/t", since != 0));
    f.hears(response(again.call, 30));
    REQUIRE(f.events.size() == 1);
    auto& s = std::get<c::state>(f.events[0]);
    CHECK(s.zxid == 30);
    CHECK(s.too_old == (since != 0));
    REQUIRE(s.list.size() == 1);
    CHECK(s.list[0].path == "/t");
  }

  TEST_CASE("after a state that broke off another node may go on with changes") {
    machine_fixture f;
    f.connect();
    f.subscribe(7);
    f.listen();
    f.hears(state_part(1, 20, true, false, "/s", true));
    f.lose();
    f.connect();
    CHECK(subscription_of(only(f.listen())).since == 7);
    f.hears(changed(1, 8, "/s/a"));
    CHECK(changed_at(f, 0) == 8);
    CHECK(f.m.connected());
  }

  TEST_CASE("changes in the middle of a state end the connection") {
    machine_fixture f;
    f.connect();
    f.subscribe(0);
    f.listen();
    f.hears(state_part(1, 20, true, false, "/s"));
    f.hears(changed(1, 21, "/s/a"));
    CHECK(f.events.empty());
    CHECK(f.sessions.back() == c::session_state::disconnected);
  }

  TEST_CASE("subscriptions outlive their session") {
    machine_fixture f;
    f.connect();
    f.subscribe();
    f.hears(response(only(f.listen()).call, 10));
    f.hears(changed(1, 11, "/s/a"));
    f.lose();
    f.pick_up();
    f.hears(welcome(0));
    f.connect(78);
    auto again = only(f.listen());
    CHECK(subscription_of(again).since == 11);
    f.hears(changed(1, 12, "/s/a"));
    f.hears(response(again.call, 15));
    CHECK(f.events.size() == 2);
    CHECK(f.order.size() == 1);  // whoever subscribed is answered once
    f.lose();
    f.connect();
    CHECK(subscription_of(only(f.listen())).since == 15);
  }

  TEST_CASE("one that the node never took is refused to whoever asked; one that it takes no more has ended") {
    machine_fixture f;
    f.connect();
    auto [t, id] = f.subscribe();
    f.hears(response(only(f.listen()).call, 10, static_cast<int>(zk::err::quota_exceeded)));
    CHECK(f.code(t) == static_cast<int>(zk::err::quota_exceeded));
    f.subscribe();
    f.hears(response(only(f.listen()).call, 10));
    f.lose();
    f.connect();
    f.hears(response(only(f.listen()).call, 11, static_cast<int>(zk::err::quota_exceeded)));
    REQUIRE(f.events.size() == 1);
    CHECK(std::get<c::subscription_ended>(f.events[0]).subscription == 2);
    f.lose();
    f.connect();
    CHECK(f.listen().empty());
  }

  TEST_CASE("one that the node ends is not taken up again") {
    machine_fixture f;
    f.connect();
    f.subscribe();
    f.hears(response(only(f.listen()).call, 10));
    f.hears(ended(1, "enough"));
    CHECK(std::get<c::subscription_ended>(f.events[0]).why == "enough");
    f.hears(changed(1, 11, "/s/a"));
    CHECK(f.events.size() == 1);
    f.lose();
    f.connect();
    CHECK(f.listen().empty());
  }

  TEST_CASE("after unsubscribe nothing is told, and nothing is taken up again") {
    machine_fixture f;
    f.connect();
    f.subscribe();
    f.hears(response(only(f.listen()).call, 10));
    auto t = f.next++;
    f.m.unsubscribe(f.now, t, 0, 1);
    auto call = only(f.listen()).call;
    f.hears(changed(1, 11, "/s/a"));
    CHECK(f.events.empty());
    bool answered = false;
    SUBCASE("and the node knows") { f.hears(response(call, 11)), answered = true; }
    SUBCASE("even if the connection breaks") {}
    f.lose();
    CHECK(f.code(t) == 0);
    CHECK((answered || f.answers[t].why.empty()));
    f.connect();
    CHECK(f.listen().empty());
  }

  TEST_CASE("an unsubscribe that has not gone out when the connection breaks is done") {
    machine_fixture f;
    f.connect();
    auto [t, id] = f.subscribe();
    f.hears(response(only(f.listen()).call, 10));
    auto end = f.next++;
    f.m.unsubscribe(f.now, end, 0, id);
    f.lose();
    CHECK(f.code(end) == 0);
    f.connect();
    CHECK(f.listen().empty());
  }

  TEST_CASE("a subscription whose subscriber ends before it went out does not go out") {
    machine_fixture f;
    auto [t, id] = f.subscribe();
    f.m.unsubscribe(f.now, c::nobody, 0, id);
    f.connect();
    CHECK(f.listen().empty());
    CHECK(f.code(t) == c::code::cancelled);
    CHECK(f.m.outstanding() == 0);
  }

  TEST_CASE("a subscription whose deadline passes on its way is called back") {
    machine_fixture f;
    f.connect();
    auto t = f.next++;
    f.m.subscribe(f.now, t, 500, "/s", c::scope::node, true, -1);
    auto call = only(f.listen()).call;
    f.pass(500);
    CHECK(f.code(t) == c::code::deadline_passed);
    auto said = f.listen();
    CHECK(only(said).asks(zk::op::unsubscribe));
    f.hears(response(call, 10));
    f.hears(changed(1, 11, "/s/a"));
    f.hears(response(said[0].call, 11));
    CHECK(f.events.empty());
    CHECK(f.m.outstanding() == 0);
  }

  TEST_CASE("a subscription that breaks off on its way is asked for again, and answered once") {
    machine_fixture f;
    f.connect();
    auto [t, id] = f.subscribe(5);
    f.listen();
    f.hears(changed(id, 8, "/s/a"));
    f.lose();
    CHECK_FALSE(f.answered(t));
    f.connect();
    auto again = only(f.listen());
    CHECK(subscription_of(again).since == 8);
    f.hears(response(again.call, 9));
    CHECK(f.code(t) == 0);
  }

  TEST_CASE("whatever word of a notification is damaged, what was not told comes again") {
    const auto size = changed(1, 5, "/s/a").size();
    for (std::size_t word = 0; word < size; ++word) {
      CAPTURE(word);
      machine_fixture f;
      f.connect();
      auto [t, id] = f.subscribe();
      f.hears(response(only(f.listen()).call, 2));
      auto m = changed(id, 5, "/s/a");
      m[word] ^= 0xff;
      f.hears(m);
      f.lose();
      f.connect();
      auto since = subscription_of(only(f.listen())).since;
      if (f.events.empty()) CHECK(since == 2);
    }
  }
}

/// Sessions and requests of the client's machine, against a node that is said by hand.

#include "tests/actors/client/machine_fixture.hpp"

using namespace troupe;
using namespace troupe::testing;
namespace c = troupe::client;
using state = client::session_state;

TEST_SUITE("client machine") {
  TEST_CASE("a client says Hello without a session and keeps what it is given") {
    machine_fixture f;
    auto h = f.connect(77);
    CHECK(h.session == 0);
    CHECK(f.sessions == std::vector{state::connected});
    CHECK(f.m.session().session == 77);
    f.lose();
    CHECK(f.sessions.back() == state::disconnected);
    h = f.pick_up();
    CHECK(h.session == 77);
    CHECK(h.password == "pass");
  }

  TEST_CASE("what was asked before there was a connection goes out in one frame, in its order") {
    machine_fixture f;
    auto a = f.write("/a");
    auto b = f.read("/b");
    f.connect();
    auto said = f.listen();
    REQUIRE(said.size() == 2);
    CHECK(said[0].path() == "/a");
    CHECK(said[1].path() == "/b");
    f.hears(response(said[0].call, 5, 0, "body"));
    f.hears(response(said[1].call, 6, -101));
    CHECK(f.answers[a].body == "body");
    CHECK(f.answers[a].zxid == 5);
    CHECK(f.code(b) == -101);
    CHECK(f.m.outstanding() == 0);
    CHECK(f.m.last_zxid() == 6);
  }

  TEST_CASE("every node is tried once before there is a pause, and pauses grow") {
    machine_fixture f;
    for (int i = 0; i < 2; ++i) f.lose();
    CHECK(std::set<std::size_t>(f.dials.begin(), f.dials.end()).size() == 3);
    f.lose();
    CHECK(f.dials.size() == 3);
    CHECK_FALSE(f.dialled);
    f.pass(20);
    CHECK(f.dials.size() == 4);
    for (int round = 0; round < 20; ++round) {
      while (f.dialled) f.lose();
      f.pass(1'010);  // never longer than this
      REQUIRE(f.dialled);
    }
    while (f.dialled) f.lose();
    f.pass(490);  // never shorter than half of it
    CHECK_FALSE(f.dialled);
  }

  TEST_CASE("a node that does not answer Hello in time is left for another") {
    machine_fixture f;
    f.pick_up();
    f.pass(2'990);
    CHECK(f.dials.size() == 1);
    f.pass(30);
    CHECK(f.dials.size() == 2);
    CHECK(f.dials[0] != f.dials[1]);
  }

  TEST_CASE("a node that is behind closes the connection, and the next is told the same") {
    machine_fixture f;
    f.connect();
    f.hears(alive(40));
    f.lose();
    for (int i = 0; i < 2; ++i) {
      auto h = f.pick_up();
      CHECK(h.last_zxid == 40);
      f.lose();
    }
    CHECK(std::count(f.sessions.begin(), f.sessions.end(), state::disconnected) == 1);
  }

  TEST_CASE("after a loss the next node is another one") {
    for (std::uint32_t seed = 1; seed < 50; ++seed) {
      auto o = machine_fixture::defaults();
      o.seed = seed;
      machine_fixture f(o);
      f.connect();
      f.hears(alive(1));
      auto served = *f.dialled;
      f.lose();
      REQUIRE(f.dialled);
      CHECK(*f.dialled != served);
    }
  }

  TEST_CASE("writes that were on their way are lost, reads are asked again, what did not go out waits") {
    machine_fixture f;
    f.connect();
    auto w = f.write("/w");
    auto r = f.read("/r");
    f.listen();
    auto later = f.write("/later");
    f.lose();
    CHECK(f.code(w) == c::code::connection_loss);
    CHECK_FALSE(f.answered(r));
    CHECK_FALSE(f.answered(later));
    f.connect();
    auto said = f.listen();
    REQUIRE(said.size() == 2);
    CHECK(said[0].path() == "/r");
    CHECK(said[1].path() == "/later");
    f.hears(response(said[0].call, 5));
    f.hears(response(said[1].call, 6));
    CHECK(f.code(r) == 0);
    CHECK(f.code(later) == 0);
  }

  TEST_CASE("a session that has expired costs the writes that wait, not the reads") {
    machine_fixture f;
    f.connect(77);
    auto r = f.read("/r");
    f.listen();
    f.lose();
    auto w = f.write("/w");
    f.pick_up();
    f.hears(welcome(0));
    CHECK(f.code(w) == static_cast<int>(zk::err::session_expired));
    CHECK(f.sessions == std::vector{state::connected, state::disconnected, state::expired});
    auto h = f.connect(78);
    CHECK(h.session == 0);
    CHECK(h.password.empty());
    CHECK(f.sessions.back() == state::connected);
    auto said = f.listen();
    REQUIRE(said.size() == 1);
    CHECK(said[0].path() == "/r");
    CHECK_FALSE(f.answered(r));
  }

  TEST_CASE("a silent client says keepAlive after a third of the timeout, a silent node is left after two") {
    machine_fixture f;
    f.connect();
    f.pass(2'990);
    CHECK(f.listen().empty());
    f.pass(10);
    auto said = f.listen();
    REQUIRE(said.size() == 1);
    CHECK(said[0].is == heard::what::keep_alive);
    f.hears(alive(1));
    f.pass(6'000);
    CHECK(f.sessions.back() == state::connected);
    f.pass(10);
    CHECK(f.sessions.back() == state::disconnected);
    CHECK(f.dialled);
  }

  TEST_CASE("a request is a sign of life like keepAlive") {
    machine_fixture f;
    f.connect();
    f.pass(2'000);
    f.read("/r");
    f.listen();
    f.pass(2'990);
    CHECK(f.listen().empty());
    f.pass(10);
    CHECK(f.listen().size() == 1);
  }

  TEST_CASE("a deadline that passes says whether anything may have been done") {
    machine_fixture f;
    f.connect();
    auto w = f.write("/w", 500), r = f.read("/r", 500);
    auto said = f.listen();
    auto waits = f.write("/waits", 500);
    f.pass(490);
    CHECK(f.answers.empty());
    f.pass(10);
    CHECK(f.code(w) == c::code::connection_loss);
    CHECK(f.code(r) == c::code::deadline_passed);
    CHECK(f.code(waits) == c::code::deadline_passed);
    CHECK(f.listen().empty());
    auto next = f.read("/next");
    auto more = f.listen();
    REQUIRE(more.size() == 1);
    f.hears(response(said[0].call, 5));
    f.hears(response(said[1].call, 5));
    CHECK_FALSE(f.answered(next));
    f.hears(response(more[0].call, 5));
    CHECK(f.code(next) == 0);
  }

  TEST_CASE("without a connection requests wait until their deadline: their own or the default") {
    machine_fixture f;
    auto a = f.read("/a"), b = f.read("/b", 40'000);
    f.pass(29'990);
    CHECK_FALSE(f.answered(a));
    f.pass(10);
    CHECK(f.code(a) == c::code::deadline_passed);
    CHECK_FALSE(f.answered(b));
    f.pass(10'000);
    CHECK(f.code(b) == c::code::deadline_passed);
    CHECK(f.m.outstanding() <= 2);
    f.connect();
    CHECK(f.listen().empty());
    CHECK(f.m.outstanding() == 0);
  }

  TEST_CASE("cancelled and unwanted requests do not go out") {
    machine_fixture f;
    auto a = f.write("/a"), b = f.write("/b"), d = f.write("/d");
    CHECK(f.m.cancel([&](c::ticket t) { return t == a; }) == 1);
    CHECK(f.code(a) == c::code::cancelled);
    f.unwanted.insert(b);
    f.connect();
    auto said = f.listen();
    REQUIRE(said.size() == 1);
    CHECK(said[0].path() == "/d");
    CHECK_FALSE(f.answered(b));
    CHECK(f.m.cancel([&](c::ticket) { return true; }) == 0);  // it is on its way
    f.hears(response(said[0].call, 1));
    CHECK(f.code(d) == 0);
  }

  TEST_CASE("past the bounds on requests and bytes there is a refusal") {
    auto o = machine_fixture::defaults();
    o.max_requests = 3, o.max_bytes = 1'000;
    machine_fixture f(o);
    for (int i = 0; i < 3; ++i) {
      CHECK(f.m.refusal() == 0);
      f.read("/r");
    }
    CHECK(f.m.refusal() == c::code::too_many);
    f.connect();
    auto said = f.listen();
    f.hears(response(said[0].call, 1));
    CHECK(f.m.refusal() == 0);
    f.write(std::string(1'000, 'x'));
    f.hears(response(said[1].call, 1));
    CHECK(f.m.refusal() == c::code::too_many);
  }

  TEST_CASE("without a connection, what was cancelled or has passed its deadline makes room for others") {
    auto o = machine_fixture::defaults();
    o.max_requests = 3, o.max_bytes = 1'000;
    machine_fixture f(o);
    auto kept = f.read("/kept"), cancelled = f.write(std::string(1'000, 'x'));
    CHECK(f.m.refusal() == c::code::too_many);
    CHECK(f.m.cancel([&](c::ticket t) { return t == cancelled; }) == 1);
    CHECK(f.m.outstanding() == 1);
    f.m.cancel([&](c::ticket t) { return t == kept; });
    CHECK(f.m.refusal() == 0);  // of bytes too

    kept = f.write("/kept");
    for (int round = 0; round < 5; ++round) {
      f.read("/late", 10), f.write("/late", 10);
      CHECK(f.m.refusal() == c::code::too_many);
      f.pass(20);
      CHECK(f.m.refusal() == 0);
    }
    f.connect();
    auto said = f.listen();
    REQUIRE(said.size() == 1);
    CHECK(said[0].path() == "/kept");
    f.hears(response(said[0].call, 1));
    CHECK(f.code(kept) == 0);
  }

  TEST_CASE("a request that no node takes is refused here") {
    machine_fixture f;
    f.connect();
    auto w = f.write(std::string(1'100'000, 'x'));
    CHECK(f.code(w) == static_cast<int>(zk::err::bad_arguments));
    CHECK(f.listen().empty());
    CHECK(f.m.outstanding() == 0);
  }

  TEST_CASE("frames of several requests stay within what nodes take") {
    machine_fixture f;
    f.connect();
    for (int i = 0; i < 30; ++i) f.write(std::string(10'000, 'x'));
    f.write(std::string(1'000'000, 'y'));
    for (int i = 0; i < 10'000; ++i) f.read("/r");
    c::word_buffer out;
    while (f.m.fill(f.now, out, 1 << 16)) {
    }
    std::size_t requests = 0;
    for (std::size_t at = 0; at < out.size();) {
      c::frame_header h;
      std::memcpy(&h, reinterpret_cast<const char*>(&out[at]), sizeof h);
      std::vector<heard> in;
      hear({out.data() + at + 1, h.size / 8}, in);
      REQUIRE((in.size() == 1 || (h.size <= wire::MAX_BATCH_BYTES && in.size() <= wire::MAX_BATCH_REQUESTS)));
      requests += in.size();
      at += 1 + h.size / 8;
    }
    CHECK(requests == 10'031);
  }

  TEST_CASE("authentication is said first on every connection, and one that failed is not said again") {
    auto o = machine_fixture::defaults();
    o.auth = {{"digest", "a:1"}};
    machine_fixture f(o);
    f.read("/r");
    f.connect();
    auto said = f.listen();
    REQUIRE(said.size() == 2);
    CHECK(said[0].asks(zk::op::auth));
    CHECK(said[0].body.find("a:1") != std::string::npos);
    f.hears(response(said[0].call, 0));
    f.hears(response(said[1].call, 3));
    auto good = f.next++, bad = f.next++;
    f.m.authenticate(f.now, good, 0, {"digest", "b:2"});
    f.m.authenticate(f.now, bad, 0, {"what", "c:3"});
    auto read = f.read("/x");
    said = f.listen();
    REQUIRE(said.size() == 3);
    f.hears(response(said[1].call, 0, static_cast<int>(zk::err::auth_failed)));  // it overtakes
    CHECK(f.code(bad) == static_cast<int>(zk::err::auth_failed));
    f.hears(response(said[0].call, 0));
    CHECK(f.code(good) == 0);
    f.lose();
    f.connect();
    said = f.listen();
    REQUIRE(said.size() == 3);
    CHECK(said[0].body.find("a:1") != std::string::npos);
    CHECK(said[1].body.find("b:2") != std::string::npos);
    CHECK(said[2].path() == "/x");
    CHECK_FALSE(f.answered(read));
  }

  TEST_CASE("a client whose authentication is refused by a node after a reconnect is closed for good") {
    auto o = machine_fixture::defaults();
    o.auth = {{"digest", "a:1"}};
    machine_fixture f(o);
    auto r = f.read("/r");
    f.connect();
    auto said = f.listen();
    f.hears(response(said[0].call, 0, static_cast<int>(zk::err::auth_failed)));
    CHECK(f.m.closed());
    CHECK(f.code(r) == c::code::closed);
    CHECK(f.sessions.back() == state::closed);
  }

  TEST_CASE("close ends the session: its answer is the last one") {
    machine_fixture f;
    f.connect();
    auto r = f.read("/r");
    auto t = f.next++;
    f.m.close(f.now, t, 0);
    CHECK(f.m.refusal() == c::code::closed);
    auto said = f.listen();
    REQUIRE(said.size() == 2);
    CHECK(said[1].asks(zk::op::close_session));
    f.hears(response(said[0].call, 1));
    f.hears(response(said[1].call, 2));
    CHECK(f.order == std::vector{r, t});
    CHECK(f.code(t) == 0);
    CHECK(f.m.closed());
    f.pass(60'000);
    CHECK_FALSE(f.dialled);
  }

  TEST_CASE("close without a session ends at once; with one it reaches a node, finds it expired, or runs out of time") {
    machine_fixture never;
    auto t = never.next++;
    auto r = never.read("/r");
    never.m.close(never.now, t, 0);
    CHECK(never.code(t) == 0);
    CHECK(never.code(r) == c::code::closed);
    CHECK_FALSE(never.dialled);

    machine_fixture again;
    again.connect();
    t = again.next++;
    again.m.close(again.now, t, 0);
    again.listen();
    again.lose();
    CHECK_FALSE(again.answered(t));
    again.pick_up();
    SUBCASE("reached") {
      again.hears(welcome(77));
      auto said = again.listen();
      REQUIRE(said.size() == 1);
      CHECK(said[0].asks(zk::op::close_session));
      again.hears(response(said[0].call, 9));
    }
    SUBCASE("expired") { again.hears(welcome(0)); }
    SUBCASE("out of time") { again.pass(30'000); }
    CHECK(again.code(t) == 0);
    CHECK(again.m.closed());
    CHECK_FALSE(again.dialled);
  }

  TEST_CASE("versions that no node shares close the client; a single such node does not") {
    machine_fixture f;
    auto r = f.read("/r");
    for (int i = 0; i < 2; ++i) f.pick_up(), f.hears(refused(2, 3, "the client is too old"));
    CHECK_FALSE(f.m.closed());
    f.pick_up();
    f.hears(refused(2, 3, "the client is too old"));
    CHECK(f.m.closed());
    CHECK(f.code(r) == c::code::closed);
    CHECK(f.answers[r].why.find("the client is too old") != std::string::npos);
  }

  TEST_CASE("other refusals are no end, and what a node refused in the middle is not asked again") {
    machine_fixture f;
    for (int i = 0; i < 10; ++i) {
      f.pick_up();
      f.hears(refused(1, 1, "too many clients"));
      f.pass(1'010);
    }
    f.connect();
    auto r = f.read("/r"), w = f.write("/w");
    f.listen();
    f.hears(refused(1, 1, "too large"));
    CHECK(f.code(r) == static_cast<int>(zk::err::bad_arguments));
    CHECK(f.code(w) == c::code::connection_loss);
    f.connect();
    CHECK(f.listen().empty());
  }

  TEST_CASE("what makes no sense ends the connection, never the client") {
    machine_fixture f;
    f.connect();
    auto r = f.read("/r");
    f.listen();
    SUBCASE("a response to nothing") { f.hears(response(999, 1)); }
    SUBCASE("a second welcome") { f.hears(welcome(78)); }
    SUBCASE("noise") { f.hears({0x1234567812345678, 0xffffffffffffffff, 3}); }
    SUBCASE("nothing") { f.hears({}); }
    SUBCASE("a pointer out of the message") { f.hears({0x0000000300000000, 0x0001000100000ff0, 0, 0}); }
    CHECK_FALSE(f.answered(r));
    CHECK(f.sessions.back() == state::disconnected);
    f.connect();
    CHECK(f.listen().size() == 1);
  }

  TEST_CASE("whatever word of a response is damaged, its request is answered, once") {
    const auto size = response(1, 1, 0, "body").size();
    for (std::size_t word = 0; word < size; ++word) {
      CAPTURE(word);
      machine_fixture f;
      f.connect();
      auto r = f.read("/r"), w = f.write("/w");
      auto said = f.listen();
      for (auto& s : said) {
        auto m = response(s.call, 1, 0, "body");
        m[word] ^= 0xff;
        f.hears(m);
      }
      f.m.abandon("the end");
      CHECK(f.answered(r));
      CHECK(f.answered(w));
    }
  }

  TEST_CASE("a welcome whose password is damaged begins no session") {
    machine_fixture f;
    f.pick_up();
    auto m = welcome(77);
    m[m.size() - 2] ^= 0xff;  // the pointer to the password, which is the last word
    f.hears(m);
    CHECK_FALSE(f.m.connected());
    CHECK(f.pick_up().session == 0);
  }

  TEST_CASE("call numbers go round") {
    machine_fixture f;
    f.connect();
    for (int i = 0; i < 100; ++i) {
      f.read("/r");
      auto said = f.listen();
      REQUIRE(said.size() == 1);
      REQUIRE(said[0].call == i + 1);
      f.hears(response(said[0].call, 1));
    }
  }
}

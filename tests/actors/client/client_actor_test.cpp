/// The client actor against a node that is said by hand, over loopback.

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <future>
#include <stdexcept>

#include "tests/actors/client/scripted_server.hpp"
#include "troupe/client.hpp"

using namespace troupe;
using namespace troupe::testing;
using namespace std::chrono_literals;
namespace c = troupe::client;
using state = client::session_state;

namespace {

constexpr auto patience = std::chrono::milliseconds(patience_ms);

struct fixture {
  explicit fixture(c::waking w = c::waking::on_workers) : links(system, w) {}
  c::options options() const {
    c::options o;
    o.nodes = {server.address()};
    return o;
  }
  caf::actor spawn() { return links.spawn(options()); }

  /// Asks without waiting.
  template <class R>
  void ask(const caf::actor& client, R r) {
    self->send(client, std::move(r));
  }
  template <class T>
  T next() {
    T out;
    self->receive([&](T& t) { out = std::move(t); },
                  [&](caf::error& e) { FAIL("error ", c::code_of(e), " ", c::why_of(e)); },
                  caf::after(patience) >> [] { FAIL("no answer"); });
    return out;
  }
  std::int32_t next_error() {
    std::int32_t out = 0;
    self->receive([&](caf::error& e) { out = c::code_of(e); }, caf::after(patience) >> [] { FAIL("no error"); });
    return out;
  }
  state next_state() { return next<c::session_event>().state; }

  caf::actor_system_config cfg;
  caf::actor_system system{cfg};
  scripted_server server;
  c::connections links;
  caf::scoped_actor self{system};
};

}  // namespace

TEST_SUITE("client actor") {
  TEST_CASE("requests are answered by values, or by errors with a code and a text") {
    fixture f;
    auto client = f.spawn();
    auto node = f.server.serve();
    bool done = false;
    f.ask(client, c::get_data{"/a"});
    auto q = node.next();
    CHECK(q.asks(zk::op::get_data));
    CHECK(q.path() == "/a");
    node.say(response(q.call, 7, 0, data_body("hello")));
    auto d = f.next<c::data>();
    CHECK(d.bytes == "hello");
    CHECK(d.zxid == 7);

    f.ask(client, c::call{"what", "x"});
    q = node.next();
    node.say(response(q.call, 8, static_cast<int>(zk::err::bad_arguments), "not so"));
    f.self->receive([&](caf::error& e) {
      CHECK(c::code_of(e) == static_cast<int>(zk::err::bad_arguments));
      CHECK(c::why_of(e) == "not so");
      done = true;
    });
    CHECK(done);

    f.ask(client, c::exists{"/none"});
    q = node.next();
    node.say(response(q.call, 8, static_cast<int>(zk::err::no_node)));
    CHECK_FALSE(f.next<c::existing>().stat);

    f.ask(client, c::get_data{"/a"});
    q = node.next();
    node.say(response(q.call, 9, 0, "rubbish"));
    CHECK(f.next_error() == static_cast<int>(zk::err::marshalling_error));
    CHECK(c::code_of(caf::make_error(caf::sec::request_timeout)) == 0);
  }

  TEST_CASE("whoever waits by `request` is answered, through delegation too") {
    fixture f(c::waking::in_place);
    auto client = f.spawn();
    auto node = f.server.serve();
    auto middle = f.system.spawn([client](caf::event_based_actor* self) -> caf::behavior {
      return {[self, client](const c::get_data& q) { return self->delegate(client, q); }};
    });
    auto pending = f.self->request(middle, patience, c::get_data{"/a"});
    auto q = node.next();
    node.say(response(q.call, 7, 0, data_body("x")));
    std::string got;
    pending.receive([&](c::data& d) { got = d.bytes; }, [](caf::error&) { FAIL("an error"); });
    CHECK(got == "x");
    caf::anon_send_exit(middle, caf::exit_reason::user_shutdown);
  }

  TEST_CASE("a sender that does not expect its answer does not end the client") {
    fixture f;
    auto client = f.spawn();
    auto node = f.server.serve();
    std::promise<void> answered;
    auto careless = f.system.spawn([&, client](caf::event_based_actor* self) -> caf::behavior {
      self->set_default_handler([&](caf::scheduled_actor*, caf::message_view&) -> caf::result<caf::message> {
        answered.set_value();
        return caf::make_error(caf::sec::unexpected_message);
      });
      self->send(client, c::get_data{"/first"});
      return {[](int n) { return n; }};
    });
    node.say(response(node.next().call, 7, 0, data_body("x")));
    REQUIRE(answered.get_future().wait_for(patience) == std::future_status::ready);
    // When it answers this, CAF has sent the error.
    f.self->request(careless, patience, 1).receive([](int) {}, [](caf::error&) { FAIL("an error"); });
    f.ask(client, c::get_data{"/second"});
    node.say(response(node.next().call, 7, 0, data_body("y")));
    CHECK(f.next<c::data>().bytes == "y");
    caf::anon_send_exit(careless, caf::exit_reason::user_shutdown);
  }

  TEST_CASE("what gathers goes out in one frame") {
    fixture f;
    auto client = f.spawn();
    for (int i = 0; i < 100; ++i) f.ask(client, c::get_data{"/" + std::to_string(i)});
    auto node = f.server.serve();
    CHECK(node.next().path() == "/0");
    CHECK(node.waiting() == 99);
  }

  TEST_CASE("what a turn brings goes out by 64, so that the node works while the rest is made") {
    fixture f;
    auto client = f.spawn();
    auto node = f.server.serve();
    f.ask(client, c::get_data{"/up"});
    node.say(response(node.next().call, 7, 0, data_body("x")));
    f.next<c::data>();
    c::batch many;
    for (int i = 0; i < 200; ++i) many.requests.emplace_back(c::get_data{"/a"});
    f.ask(client, std::move(many));
    std::vector<std::size_t> frames;
    for (std::size_t asked = 0; asked < 200; asked += frames.back()) {
      frames.push_back(node.next().of);
      for (std::size_t i = 1; i < frames.back(); ++i) node.next();
    }
    CHECK(frames == std::vector<std::size_t>{64, 64, 64, 8});
  }

  TEST_CASE("a session is watched, outlives its connection, and is followed by another when it expires") {
    fixture f;
    auto client = f.spawn();
    f.self->send(client, c::watch_session{caf::actor_cast<caf::actor>(f.self)});
    CHECK(f.next_state() == state::disconnected);  // the answer
    CHECK(f.next_state() == state::disconnected);
    auto node = f.server.serve(77);
    CHECK(f.server.hello.session == 0);
    CHECK(f.next_state() == state::connected);
    node.close();
    CHECK(f.next_state() == state::disconnected);
    node = f.server.serve(0);
    CHECK(f.server.hello.session == 77);
    CHECK(f.server.hello.password == "pass");
    CHECK(f.next_state() == state::expired);
    node.wait_for_end();
    node = f.server.serve(78);
    CHECK(f.server.hello.session == 0);
    auto e = f.next<c::session_event>();
    CHECK(e.state == state::connected);
    CHECK(e.session == 78);
    f.ask(client, c::close{});
    auto q = node.next();
    CHECK(q.asks(zk::op::close_session));
    node.say(response(q.call, 9));
    CHECK(f.next<c::done>().zxid == 9);
    CHECK(f.next_state() == state::closed);
    f.self->wait_for(client);
  }

  TEST_CASE("subscribers get states and changes, and take their subscriptions with them") {
    fixture f;
    auto client = f.spawn();
    auto node = f.server.serve();
    auto me = caf::actor_cast<caf::actor>(f.self);
    auto subscriber = f.system.spawn([me](caf::event_based_actor* self) -> caf::behavior {
      return {
          [=](c::state& s) { self->send(me, std::move(s)); },
          [=](c::changes& s) { self->send(me, std::move(s)); },
          [=](c::subscription_ended& s) { self->send(me, std::move(s)); },
      };
    });
    f.ask(client, c::subscribe{"/s", c::scope::subtree, 0, true, subscriber});
    auto q = node.next();
    auto s = subscription_of(q);
    CHECK(s.path == "/s");
    CHECK(s.since == 0);
    node.say(state_part(s.number, 20, true, true, "/s"));
    node.say(response(q.call, 20));
    node.say(changed(s.number, 21, "/s/a"));
    CHECK(f.next<c::state>().zxid == 20);
    auto taken = f.next<c::subscribed>();
    CHECK(taken.subscription == s.number);
    CHECK(f.next<c::changes>().list.at(0).path == "/s/a");

    f.ask(client, c::subscribe{"/t", c::scope::node, -1, true, subscriber});
    q = node.next();
    node.say(response(q.call, 22));
    auto second = f.next<c::subscribed>().subscription;
    node.say(ended(second, "enough"));
    CHECK(f.next<c::subscription_ended>().why == "enough");

    caf::anon_send_exit(subscriber, caf::exit_reason::user_shutdown);
    q = node.next();
    CHECK(q.asks(zk::op::unsubscribe));
    node.say(response(q.call, 23));
    // Whoever unsubscribes is answered, and nobody is subscribed twice.
    f.ask(client, c::unsubscribe{second});
    q = node.next();
    node.say(response(q.call, 23, static_cast<int>(zk::err::bad_arguments)));
    CHECK(f.next_error() == static_cast<int>(zk::err::bad_arguments));
  }

  TEST_CASE("an authentication that fails costs no subscriber its subscription") {
    fixture f;
    auto client = f.spawn();
    auto node = f.server.serve();
    f.ask(client, c::subscribe{"/s", c::scope::subtree, -1, true, caf::actor_cast<caf::actor>(f.self)});
    auto q = node.next();
    auto number = subscription_of(q).number;
    node.say(response(q.call, 20));
    f.next<c::subscribed>();
    f.ask(client, c::add_auth{"what", "x"});
    node.say(response(node.next().call, 0, static_cast<int>(zk::err::auth_failed)));
    CHECK(f.next_error() == static_cast<int>(zk::err::auth_failed));
    node.say(changed(number, 21, "/s/a"));
    CHECK(f.next<c::changes>().list.at(0).path == "/s/a");
  }

  TEST_CASE("a request whose asker has ended does not go out") {
    fixture f;
    auto client = f.spawn();
    auto asker = f.system.spawn([client](caf::event_based_actor* self) {
      self->request(client, caf::infinite, c::set_data{"/dead", "x"}).then([](const c::changed&) {});
    });
    caf::anon_send_exit(asker, caf::exit_reason::user_shutdown);
    f.self->wait_for(asker);  // it has asked before
    f.ask(client, c::watch_session{});
    f.next<c::session_event>();  // the client has seen its request: it waits for a connection now
    f.ask(client, c::get_data{"/alive"});
    auto node = f.server.serve();
    CHECK(node.next().path() == "/alive");
  }

  TEST_CASE("cancel drops what the sender tagged and has not gone out") {
    fixture f;
    auto client = f.spawn();
    f.ask(client, c::limited<c::set_data>{{"/a", "x"}, 0ms, 5});
    f.ask(client, c::limited<c::set_data>{{"/b", "x"}, 0ms, 6});
    {
      caf::scoped_actor other{f.system};
      other->send(client, c::cancel{5});
      other->receive([](c::cancelled& n) { CHECK(n.requests == 0); });
    }
    f.ask(client, c::cancel{5});
    CHECK(f.next_error() == c::code::cancelled);
    CHECK(f.next<c::cancelled>().requests == 1);
    auto node = f.server.serve();
    CHECK(node.next().path() == "/b");
  }

  TEST_CASE(
      "of a batch what has not gone out is cancelled, refused past the bounds, or left out when its asker has ended") {
    fixture f;
    auto o = f.options();
    o.max_requests = 3;
    auto client = f.links.spawn(o);
    auto codes = [&] {
      std::vector<std::int32_t> out;
      for (auto& one : f.next<c::batch_result>().results) out.push_back(std::get<c::batch_result::failed>(one).code);
      return out;
    };
    c::batch four{{c::get_data{"/1"}, c::remove{"/2"}, c::sync{}, c::get_data{"/4"}}};
    f.ask(client, c::limited<c::batch>{std::move(four), 0ms, 5});
    f.ask(client, c::cancel{5});
    CHECK(f.next<c::cancelled>().requests == 3);
    CHECK(codes() == std::vector{c::code::cancelled, c::code::cancelled, c::code::cancelled, c::code::too_many});

    auto asker = f.system.spawn(
        [client](caf::event_based_actor* self) { self->send(client, c::batch{{c::get_data{"/ended"}}}); });
    f.self->wait_for(asker);
    f.ask(client, c::watch_session{});
    f.next<c::session_event>();  // the client has seen the batch: it waits for a connection
    auto node = f.server.serve();
    f.ask(client, c::batch{{c::get_data{"/a"}, c::exists{"/b"}}});
    auto first = node.next(), second = node.next();
    CHECK(first.path() == "/a");
    node.say(response(first.call, 7, 0, data_body("x")));
    node.say(response(second.call, 7, static_cast<int>(zk::err::no_node)));
    auto got = f.next<c::batch_result>().results;
    CHECK(std::get<c::data>(got.at(0)).bytes == "x");
    CHECK_FALSE(std::get<c::existing>(got.at(1)).stat);

    // A read is asked again on the next connection; what became of a write nobody knows.
    f.ask(client, c::batch{{c::get_data{"/a"}, c::remove{"/b"}}});
    node.next(), node.next();
    node.close();
    node = f.server.serve();
    auto again = node.next();
    CHECK(again.path() == "/a");
    node.say(response(again.call, 8, 0, data_body("y")));
    got = f.next<c::batch_result>().results;
    CHECK(std::get<c::data>(got.at(0)).bytes == "y");
    CHECK(std::get<c::batch_result::failed>(got.at(1)).code == c::code::connection_loss);

    f.ask(client, c::batch{{c::get_data{"/c"}}});
    CHECK(node.next().path() == "/c");
    caf::anon_send_exit(client, caf::exit_reason::user_shutdown);
    CHECK(codes() == std::vector{c::code::closed});
  }

  TEST_CASE("deadlines pass, by the request and by the client's default") {
    fixture f;
    auto o = f.options();
    o.deadline = 50ms;
    auto client = f.links.spawn(o);
    f.ask(client, c::limited<c::set_data>{{"/a", "x"}, 20ms});
    f.ask(client, c::get_data{"/b"});
    CHECK(f.next_error() == c::code::deadline_passed);
    CHECK(f.next_error() == c::code::deadline_passed);
    auto node = f.server.serve();
    f.ask(client, c::limited<c::set_data>{{"/c", "x"}, 1s});  // time enough to go out on a busy machine
    CHECK(node.next().path() == "/c");
    CHECK(f.next_error() == c::code::connection_loss);
  }

  TEST_CASE("past the client's bounds a request is answered at once") {
    fixture f;
    auto o = f.options();
    o.max_requests = 2;
    auto client = f.links.spawn(o);
    for (int i = 0; i < 3; ++i) f.ask(client, c::get_data{"/a"});
    CHECK(f.next_error() == c::code::too_many);
    auto node = f.server.serve();
    auto q = node.next();
    node.say(response(q.call, 1, 0, data_body("x")));
    f.next<c::data>();
    f.ask(client, c::get_data{"/b"});
    node.next();
    CHECK(node.next().path() == "/b");
  }

  TEST_CASE("names are looked up, and every address of a name is tried") {
    fixture f;
    c::options o;
    o.nodes = {"localhost:" + std::to_string(f.server.port())};
    auto client = f.links.spawn(o);
    f.ask(client, c::get_data{"/a"});
    auto node = f.server.serve();
    CHECK(node.next().path() == "/a");
  }

  TEST_CASE("a node that is not there, says nonsense or too much is left for another") {
    fixture f;
    std::string nowhere;
    {
      scripted_server gone;
      nowhere = gone.address();
    }
    auto o = f.options();
    o.nodes.push_back(nowhere);
    o.max_reply = 4'096;
    auto client = f.links.spawn(o);
    f.ask(client, c::get_data{"/a"});
    for (auto nonsense : {std::string(4'096, 'x'), std::string("\0\0\1\0\5\0\0\0", 8) + std::string(8, '\0')}) {
      auto node = f.server.serve();
      CHECK(node.next().path() == "/a");
      node.say_bytes(nonsense);
      node.wait_for_end();
    }
    auto node = f.server.serve();
    CHECK(node.next().path() == "/a");
  }

  TEST_CASE("replies in pieces of any size are put together") {
    fixture f;
    auto client = f.spawn();
    auto node = f.server.serve();
    std::string large(300'000, 'x');
    f.ask(client, c::get_data{"/a"});
    auto m = response(node.next().call, 1, 0, data_body(large));
    c::frame_header h{static_cast<std::uint32_t>(m.size() * 8), c::frame_kind, 0};
    std::string bytes(reinterpret_cast<const char*>(&h), sizeof h);
    bytes.append(reinterpret_cast<const char*>(m.data()), m.size() * 8);
    for (std::size_t at = 0, size = 1; at < bytes.size(); at += size, size = size * 2 + 1)
      node.say_bytes(std::string_view(bytes).substr(at, size));
    CHECK(f.next<c::data>().bytes == large);
  }

  TEST_CASE("a client that ends tells whoever waits") {
    fixture f;
    auto client = f.spawn();
    auto node = f.server.serve();
    f.ask(client, c::get_data{"/a"});
    f.ask(client, c::set_data{"/b", "x"});
    node.next(), node.next();
    caf::anon_send_exit(client, caf::exit_reason::user_shutdown);
    CHECK(f.next_error() == c::code::closed);
    CHECK(f.next_error() == c::code::connection_loss);
    node.wait_for_end();
  }

  TEST_CASE("connections that end close the sessions of their clients, and wait for no node that is silent") {
    caf::actor_system_config cfg;
    caf::actor_system system{cfg};
    scripted_server server;
    auto links = std::make_unique<c::connections>(system);
    c::options o;
    o.nodes = {server.address()};
    auto silent = links->spawn(o);
    auto node = server.serve();
    SUBCASE("silent") {}
    SUBCASE("several") { links->spawn(o), links->spawn(o); }
    links.reset();
    CHECK(node.next().asks(zk::op::close_session));
    node.wait_for_end();
    caf::scoped_actor self{system};
    bool refused = false;
    self->request(silent, patience, c::get_data{"/a"}).receive([](c::data&) {}, [&](caf::error&) { refused = true; });
    CHECK(refused);
  }

  TEST_CASE("options that cannot work are refused at once") {
    fixture f;
    for (auto* node : {"", "host", ":1", "host:", "host:0", "host:70000", "host:1x"}) {
      c::options o;
      o.nodes = {node};
      CHECK_THROWS_AS(f.links.spawn(o), std::invalid_argument);
    }
    CHECK_THROWS_AS(f.links.spawn({}), std::invalid_argument);
  }
}

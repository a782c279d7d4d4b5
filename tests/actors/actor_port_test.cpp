/// The actor port as its clients see it: sessions, requests, events, bounds. What its translator refuses stands in
/// actor_translator_test.cpp.

#include "tests/actors/actor_port_fixture.hpp"
#include "tests/actors/gateway_fixture.hpp"

using namespace troupe;
using namespace troupe::testing;

namespace {

constexpr auto create = static_cast<std::int32_t>(zk::op::create),
               set_data = static_cast<std::int32_t>(zk::op::set_data), auth = static_cast<std::int32_t>(zk::op::auth),
               close_session = static_cast<std::int32_t>(zk::op::close_session);

std::string create_body(std::string_view path, std::string_view data, std::int32_t flags = 0) {
  std::string out;
  jute::writer w(out);
  w.ustring(path), w.buffer(data), zk::write(w, {{zk::perm::all, {"world", "anyone"}}}), w.i32(flags);
  return out;
}
std::string get_body(std::string_view path, bool watch = false) {
  std::string out;
  jute::writer w(out);
  w.ustring(path), w.boolean(watch);
  return out;
}
std::string set_body(std::string_view path, std::string_view data) {
  std::string out;
  jute::writer w(out);
  w.ustring(path), w.buffer(data), w.i32(-1);
  return out;
}
std::string auth_body(std::string_view scheme, std::string_view who) {
  std::string out;
  jute::writer w(out);
  w.i32(0), w.ustring(scheme), w.buffer(who);
  return out;
}
std::string data_in(const std::string& reply) { return std::string(jute::reader(reply).buffer()); }

constexpr auto response = wire::Item::RESPONSE, event = wire::Item::EVENT, alive = wire::Item::ALIVE,
               notification = wire::Item::NOTIFICATION;

}  // namespace

TEST_CASE("an actor client gets a session, writes and reads what it wrote") {
  port_fixture f;
  actor_client c(f);
  auto w = c.hello();
  CHECK(w.session != 0);
  CHECK(w.password.size() == 16);
  CHECK(w.timeout_ms == 10'000);
  CHECK(w.version == 1);
  CHECK(on_actor_port(f.book.last_conn));
  auto created = c.ask(create, create_body("/a", "data"));
  CHECK(created.error == 0);
  CHECK(created.zxid == make_zxid(1, 2));  // the session was the first transaction
  auto got = c.ask(get_data, get_body("/a"));
  CHECK(data_in(got.body) == "data");
  CHECK(got.zxid == created.zxid);
  auto missing = c.ask(get_data, get_body("/b"));
  CHECK(missing.error == static_cast<std::int32_t>(zk::err::no_node));
  CHECK(missing.body.empty());
}

TEST_CASE("a session moves to another connection of the actor port, and not with a wrong password") {
  port_fixture f;
  actor_client first(f);
  auto w = first.hello();
  first.ask(create, create_body("/e", "", 1));
  actor_client thief(f);
  auto refused = thief.hello({.session = w.session, .password = std::string(16, 'x')});
  CHECK(refused.session == 0);
  CHECK(thief.closed());
  CHECK_FALSE(first.closed());
  first.close();
  actor_client second(f);
  CHECK(second.hello({.session = w.session, .password = w.password}).session == w.session);
  CHECK(second.ask(get_data, get_body("/e")).error == 0);
  actor_client third(f);
  CHECK(third.hello({.session = w.session, .password = w.password}).session == w.session);
  CHECK(second.closed());  // its session is another's now
}

TEST_CASE("a client that has seen more than the node is closed without a word") {
  port_fixture f;
  actor_client c(f);
  c.send(hello_frame({.last_zxid_seen = make_zxid(9, 9)}));
  CHECK(c.frames().empty());
  CHECK(c.closed());
}

TEST_CASE("pipelined requests are answered in their order, in one frame, and reach the commit actor as one batch") {
  port_fixture f;
  actor_client c(f);
  c.hello();
  std::string all;
  std::vector<asked> list{{1, create, create_body("/p", "0")}};
  for (int i = 2; i <= 100; ++i)
    list.push_back({i, i % 2 ? get_data : set_data, i % 2 ? get_body("/p") : set_body("/p", std::to_string(i))});
  all += requests_frame(list);
  for (int i = 101; i <= 200; ++i) all += requests_frame({{i, get_data, get_body("/p")}});
  auto batches = f.book.batches;
  c.send(all);
  CHECK(f.book.batches == batches + 1);
  auto items = c.items();
  REQUIRE(items.size() == 200);
  CHECK(c.last_frames() == 1);
  for (int i = 0; i < 200; ++i) {
    CHECK(items[i].what == response);
    CHECK(items[i].call == i + 1);
  }
  for (int i = 3; i <= 99; i += 2) CHECK(data_in(items[i - 1].body) == std::to_string(i - 1));
}

TEST_CASE("requests may follow Hello at once, and byte by byte") {
  port_fixture f;
  actor_client c(f);
  for (char b : hello_frame() + requests_frame({{1, create, create_body("/a", "x")}, {2, get_data, get_body("/a")}}))
    c.send({&b, 1});
  auto list = c.frames();
  REQUIRE(list.size() == 2);
  CHECK((*list[0]).isWelcome());
  REQUIRE((*list[1]).getItems().size() == 2);
  CHECK(data_in(text((*list[1]).getItems()[1].getResponse().getBody())) == "x");
}

TEST_CASE("keepAlive is answered by the zxid that the client has been told up to") {
  port_fixture f;
  actor_client c(f);
  c.hello();
  auto zxid = c.ask(create, create_body("/a", "")).zxid;
  c.send(keep_alive_frame());
  auto items = c.items();
  REQUIRE(items.size() == 1);
  CHECK(items[0].what == alive);
  CHECK(items[0].zxid == zxid);
}

TEST_CASE("an event comes before the reply that shows the change, in the same frame, with the change's zxid") {
  port_fixture f;
  actor_client c(f);
  c.hello();
  c.ask(create, create_body("/a", "old"));
  c.ask(get_data, get_body("/a", true));
  c.send(requests_frame({{1, set_data, set_body("/a", "new")}, {2, get_data, get_body("/a")}}));
  auto items = c.items();
  REQUIRE(items.size() == 3);
  CHECK(c.last_frames() == 1);
  CHECK(items[0].what == event);
  CHECK(items[0].type == static_cast<std::int32_t>(zk::event::node_data_changed));
  CHECK(items[0].body == "/a");
  CHECK(items[0].zxid == items[1].zxid);
  CHECK(items[1].call == 1);
  CHECK(data_in(items[2].body) == "new");
}

TEST_CASE("what the notifier has for a subscription passes as it stands") {
  port_fixture f;
  actor_client c(f);
  c.hello();
  std::string piece;
  jute::writer w(piece);
  auto at = w.begin_frame();
  w.i32(zk::xid_notification), w.i64(7), w.i32(0);
  piece += "a flat message";
  w.end_frame(at);
  caf::anon_send(f.node, piece);
  auto items = c.items();
  REQUIRE(items.size() == 1);
  CHECK(items[0].what == notification);
  CHECK(items[0].body == "a flat message");
  CHECK(c.ask(create, create_body("/a", "")).error == 0);  // it was no answer to anything
}

TEST_CASE("auth is answered under its own call, and a wrong one ends the connection after its answer") {
  port_fixture f;
  actor_client c(f);
  c.hello();
  CHECK(c.ask(auth, auth_body("digest", "user:password")).error == 0);
  auto bad = c.ask(auth, auth_body("kerberos", "me"));
  CHECK(bad.error == static_cast<std::int32_t>(zk::err::auth_failed));
  CHECK(c.closed());
}

TEST_CASE("a client ends its session by an operation, and gets its answer before the end") {
  port_fixture f;
  actor_client c(f);
  auto w = c.hello();
  CHECK(c.ask(close_session, "").error == 0);
  CHECK(c.closed());
  actor_client again(f);
  CHECK(again.hello({.session = w.session, .password = w.password}).session == 0);
}

TEST_CASE("operations that a node does not serve cost an actor client an error and no more") {
  port_fixture f;
  actor_client c(f);
  c.hello();
  for (std::int32_t op = 1'000; op <= 1'003; ++op) {
    // Served or not: the connection stays.
    auto answer = c.ask(op, "no message");
    CHECK(answer.error != 0);
  }
  CHECK(c.ask(9'999, "").error == static_cast<std::int32_t>(zk::err::unimplemented));
  CHECK(c.ask(create, create_body("/a", "")).error == 0);
}

TEST_CASE("nothing of a refused frame is carried out, what came before it is, and the client is told why") {
  port_fixture f;
  actor_client c(f);
  c.hello();
  auto bad = [](std::int32_t call, std::string_view path) {
    return requests_frame({{call, create, create_body(path, "")}, {0, create, create_body("/last", "")}});
  };
  c.send(requests_frame({{1, create, create_body("/before", "")}}) + bad(2, "/in"));
  CHECK(c.refusal() == "numbered a request 0: calls are from 1 to 2^31 - 1");
  CHECK(c.closed());
  CHECK(f.book.closed == 1);
  actor_client other(f);
  other.hello();
  other.send(bad(1, "/alone"));
  CHECK(other.closed());
  auto exists = [&](const char* path) { return f.book.processor->database().find(path) != nullptr; };
  CHECK(exists("/before"));
  CHECK_FALSE(exists("/in"));
  CHECK_FALSE(exists("/alone"));
  CHECK(f.stats.connections_dropped == 2);
}

TEST_CASE("a stranger before Hello never reaches the commit actor") {
  port_fixture f;
  for (const auto& bytes : {std::string("GET / HTTP/1.1\r\n\r\n"), std::string("\0\0\0\x2d\0\0\0\0\0\0\0\0", 12),
                            std::string("ruok\0\0\0\0", 8), actor_frame(std::string(8, '\0'), 4)}) {
    actor_client c(f);
    c.send(bytes);
    CHECK(c.frames().empty());
    CHECK(c.closed());
  }
  CHECK(f.book.opened == 0);
  CHECK(f.book.batches == 0);
}

TEST_CASE("four-letter words are none at the actor port") {
  port_fixture f;
  actor_client c(f);
  c.send("ruok");
  CHECK(c.frames().empty());
  CHECK_FALSE(c.closed());  // half a header
}

TEST_CASE("an actor client that sends no whole Hello in time is told so") {
  gateway::options o;
  o.handshake_timeout_ms = 1;
  o.spoken = gateway::protocol::actors;
  gateway_fixture f(o);
  testing::client silent(f.port), half(f.port);
  half.send(std::string_view(hello_frame()).substr(0, 20));
  CHECK(silent.read_all().empty());
  auto said = half.read_all();
  auto frames = take_frames(said);
  REQUIRE(frames.size() == 1);
  CHECK(text((*frames[0]).getRefused().getWhy()) == "sent no whole Hello in time");
}

TEST_CASE("an actor client with too many requests outstanding is not read until they are answered") {
  gateway::options o;
  o.max_outstanding = 10;
  port_fixture f(o);
  actor_client c(f);
  c.hello();
  f.book.hold = true;
  auto before = f.book.frames;
  std::string all;
  for (int i = 0; i < 30; ++i)
    all += requests_frame({{3 * i + 1, get_data, get_body("/")},
                           {3 * i + 2, get_data, get_body("/")},
                           {3 * i + 3, get_data, get_body("/")}});
  c.send(all);
  CHECK(f.book.frames == before + 12);  // whole frames, until the bound is reached
  CHECK(f.stats.outstanding == 12);
  f.book.hold = false;
  caf::anon_send(f.node, std::uint64_t{0});
  auto items = c.items();
  REQUIRE(items.size() == 90);
  for (int i = 0; i < 90; ++i) CHECK(items[i].call == i + 1);
  CHECK(f.stats.outstanding == 0);
}

TEST_CASE("an actor client that never reads is closed at the bound, others are served") {
  gateway::options o;
  o.max_output = 8 << 20;
  port_fixture f(o);
  actor_client slow(f);
  slow.hello();
  slow.ask(create, create_body("/big", std::string(900'000, 'b')));
  std::vector<asked> many;
  for (int i = 1; i <= 64; ++i) many.push_back({i, get_data, get_body("/big")});
  slow.send(requests_frame(many));
  CHECK(f.stats.connections == 0);
  CHECK(f.stats.connections_dropped == 1);
  actor_client c(f);
  c.hello();
  CHECK(c.ask(get_data, get_body("/")).error == 0);
  CHECK(f.stats.outstanding == 0);
}

TEST_CASE("a frame begins where a word does, also behind one of which the socket took an odd number of bytes") {
  gateway::options o;
  o.pause_output = 32 << 20;  // answer while much of what stands before has not left
  port_fixture f(o);
  actor_client c(f);
  io::descriptor next(::dup(0));  // the descriptor that accept will give the gateway's end
  const auto theirs = next.get();
  next.reset();
  c.hello();
  const int odd = 20'001;  // a socket of the local domain takes pieces of half of its buffer, less a constant
  REQUIRE(::setsockopt(theirs, SOL_SOCKET, SO_SNDBUF, &odd, sizeof odd) == 0);
  std::string data(300'000, 'b');
  c.ask(create, create_body("/big", data));
  std::int32_t call = 0;
  for (int i = 0; i < 12; ++i) {
    c.send(requests_frame({{++call, get_data, get_body("/big")}, {++call, get_data, get_body("/big")}}));
    c.read(290'001);
  }
  auto items = c.items();
  REQUIRE(items.size() == static_cast<std::size_t>(call));
  for (auto& i : items) CHECK(data_in(i.body) == data);
}

TEST_CASE("answers of any size reach a slow reader, in frames that are closed once they are large") {
  port_fixture f;
  actor_client c(f);
  c.hello();
  std::string data(300'001, 'b');
  c.ask(create, create_body("/big", data));
  std::vector<asked> many;
  for (int i = 1; i <= 40; ++i) many.push_back({i, get_data, get_body("/big")});
  c.send(requests_frame(many));
  auto items = c.items();
  REQUIRE(items.size() == 40);
  for (auto& i : items) CHECK(data_in(i.body) == data);
  CHECK(c.last_frames() == 10);  // four fill one
}

TEST_CASE("a frame without requests that begins a new batch does no harm to the one before it") {
  port_fixture f;
  // Together they nearly fill a batch, in one turn: each lacks its last byte until then.
  constexpr std::size_t each = 1'040'000, most = gateway::group_limit / each;
  std::vector<std::unique_ptr<actor_client>> others;
  auto large = requests_frame({{1, create, create_body("/large", std::string(each - 100, 'x'))}});
  for (std::size_t i = 0; i < most; ++i) {
    auto& c = others.emplace_back(std::make_unique<actor_client>(f));
    c->hello();
    c->send(std::string_view(large).substr(0, large.size() - 1));
  }
  actor_client c(f);
  c.hello();
  capnp::MallocMessageBuilder empty(64 << 10);
  empty.initRoot<wire::FromClient>().initRequests(0);
  empty.getOrphanage().newOrphan<capnp::Data>(gateway::group_limit - most * each + 10'000);
  auto batches = f.book.batches;
  for (auto& other : others) other->send_at_once(std::string_view(large).substr(large.size() - 1));
  c.send_at_once(requests_frame({{1, get_data, get_body("/none")}}) + actor_frame(flat(empty)));
  f.settle();
  CHECK(f.book.batches == batches + 2);
  auto items = c.items();
  REQUIRE(items.size() == 1);
  CHECK(items[0].error == static_cast<std::int32_t>(zk::err::no_node));
}

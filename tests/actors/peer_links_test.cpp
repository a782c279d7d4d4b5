#include "actors/peer/peer_links.hpp"

#include <doctest/doctest.h>
#include <spdlog/fmt/fmt.h>

#include "actors/peer/hello.hpp"
#include "tests/actors/gateway_fixture.hpp"

using namespace troupe;
using namespace troupe::testing;

namespace {

/// What an election or broadcast actor was told.
struct heard {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> frames;
  std::vector<shared_bytes> kept;
  std::vector<std::pair<node_id, bool>> states;
  bool aligned = true;
  template <class F>
  void wait(F f) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return f(*this); });
  }
};

struct listener_stub {
  static constexpr const char* name = "listener stub";
  listener_stub(io::pinned_actor*, heard* h) : heard_(h) {}
  caf::behavior make_behavior() {
    return {[this](boxed<msg::peer_frames>& m) {
              std::lock_guard lock(heard_->mutex);
              for (auto& f : m->list) {
                heard_->aligned = heard_->aligned && f.body.aligned();
                heard_->frames.emplace_back(f.body.view());
                heard_->kept.push_back(f.body);
              }
              heard_->changed.notify_all();
            },
            [this](boxed<msg::link_state>& s) {
              std::lock_guard lock(heard_->mutex);
              heard_->states.emplace_back(s->peer, s->up);
              heard_->changed.notify_all();
            }};
  }
  heard* heard_;
};

/// One end: links, election and broadcast stubs on one loop.
struct node_end {
  node_end(loop_fixture& f, peer::options o, io::listener l) : fixture(f) {
    links = peer::spawn_peer_links(f.system, f.loop, std::move(l), std::move(o), stats);
    election = io::spawn_pinned<listener_stub>(f.system, &f.loop, &elections);
    broadcast = io::spawn_pinned<listener_stub>(f.system, &f.loop, &broadcasts);
    caf::anon_send(links, box(peer::start{election, broadcast}));
  }
  ~node_end() { fixture.end(links), fixture.end(election), fixture.end(broadcast); }
  void send(node_id to, msg::channel what, std::string_view body) {
    caf::anon_send(links, box(msg::peer_send{{{to, what, shared_bytes::copy_of(body)}}}));
  }
  loop_fixture& fixture;
  node_stats stats;
  heard elections, broadcasts;
  caf::actor links, election, broadcast;
};

io::listener any_port() { return io::listen_on("127.0.0.1", 0, 64); }

peer::options options_of(node_id self, std::vector<peer::member> members) {
  peer::options o;
  o.self = self, o.ensemble = "e", o.members = std::move(members);
  o.min_backoff_ms = 1, o.max_backoff_ms = 5;
  return o;
}

std::string text_of(std::size_t i) { return fmt::format("{:016}", i); }

std::string raw(std::uint16_t kind, std::string_view body) {
  peer::header h{static_cast<std::uint32_t>(body.size()), kind, 0};
  return std::string(reinterpret_cast<const char*>(&h), sizeof h) + std::string(body);
}

bool is_up(const heard& h) { return !h.states.empty() && h.states.back().second; }

struct pair_of_nodes {
  explicit pair_of_nodes(const std::string& host = "127.0.0.1", std::size_t max_frame = 64 << 20) {
    auto l1 = any_port(), l2 = any_port();
    std::vector<peer::member> members{{1, host, l1.port}, {2, host, l2.port}};
    auto o1 = options_of(1, members), o2 = options_of(2, members);
    o1.max_frame = max_frame;
    port1 = l1.port;
    one = std::make_unique<node_end>(f, o1, std::move(l1));
    two = std::make_unique<node_end>(f, o2, std::move(l2));
    for (auto* n : {one.get(), two.get()})
      for (auto* h : {&n->elections, &n->broadcasts}) h->wait(is_up);
  }
  loop_fixture f;
  std::uint16_t port1;
  std::unique_ptr<node_end> one, two;
};

/// One node that waits for node 2, whom the test plays by hand.
struct node_alone {
  explicit node_alone(peer::options o = options_of(1, {{1, "", 0}, {2, "127.0.0.1", 1}})) {
    auto l = any_port();
    port = l.port;
    node = std::make_unique<node_end>(f, o, std::move(l));
  }
  static std::string hello(std::string ensemble = "e", node_id from = 2, node_id to = 1) {
    auto o = options_of(from, {});
    o.ensemble = ensemble;
    return raw(1, peer::make_hello(o, to).view());
  }
  /// A client whose Hello was answered.
  client linked() {
    client c(port);
    c.send(hello());
    CHECK(c.read(8).size() == 8);
    return c;
  }
  loop_fixture f;
  std::uint16_t port;
  std::unique_ptr<node_end> node;
};

}  // namespace

TEST_CASE("two nodes link up, and each hears the other's frames in order, aligned and by channel") {
  pair_of_nodes p;
  constexpr std::size_t count = 3000;
  for (std::size_t i = 0; i < count; ++i) {
    p.two->send(1, msg::channel::zab, text_of(i));
    p.one->send(2, msg::channel::election, text_of(i));
  }
  for (auto* h : {&p.one->broadcasts, &p.two->elections}) {
    h->wait([](auto& h) { return h.frames.size() == count; });
    bool in_order = true;
    for (std::size_t i = 0; i < count; ++i)
      in_order = in_order && h->frames[i] == text_of(i) && h->kept[i].view() == text_of(i);
    CHECK(in_order);
    CHECK(h->aligned);
  }
  CHECK(p.one->elections.frames.empty());
}

TEST_CASE("frames larger than a receive buffer arrive whole, and slices that are kept are never written over") {
  pair_of_nodes p;
  std::vector<std::string> sent;
  for (std::size_t i = 0; i < 40; ++i) {
    sent.emplace_back(i % 4 ? 8 * (1000 + i) : 3'000'000, static_cast<char>('a' + i % 26));
    p.two->send(1, msg::channel::zab, sent.back());
  }
  p.one->broadcasts.wait([](auto& h) { return h.frames.size() == 40; });
  for (std::size_t i = 0; i < 40; ++i) CHECK(p.one->broadcasts.kept[i].view() == sent[i]);
}

TEST_CASE("a node that is alone has links without a listener") {
  loop_fixture f;
  node_end alone(f, options_of(1, {{1, "", 0}}), {});
  alone.send(2, msg::channel::zab, text_of(1));
  f.on_loop([] {});
  CHECK(alone.stats.links_up == 0);
}

TEST_CASE("a peer given by name is resolved and linked") {
  pair_of_nodes p("localhost");
  CHECK(p.one->stats.links_up == 1);
}

TEST_CASE("a frame over the limit cuts the link, which comes back") {
  pair_of_nodes p("127.0.0.1", 1 << 20);
  p.two->send(1, msg::channel::zab, std::string((1 << 20) + 8, 'x'));
  p.two->broadcasts.wait([](auto& h) { return h.states.size() == 3; });
  CHECK(p.two->broadcasts.states[1] == std::pair<node_id, bool>{1, false});
  CHECK(p.two->broadcasts.states[2] == std::pair<node_id, bool>{1, true});
  p.one->broadcasts.wait([](auto& h) { return h.states.size() == 3; });
  CHECK(p.one->broadcasts.frames.empty());
}

TEST_CASE("a link that is dropped on request is reported to both ends, and comes back") {
  pair_of_nodes p;
  caf::anon_send(p.one->links, box(msg::drop_link{2}));
  for (auto* h : {&p.one->elections, &p.one->broadcasts, &p.two->elections, &p.two->broadcasts})
    h->wait([](auto& h) { return h.states.size() == 3 && h.states[2].second; });
  p.two->send(1, msg::channel::zab, text_of(7));
  p.one->broadcasts.wait([](auto& h) { return h.frames.size() == 1; });
  CHECK(p.one->broadcasts.frames[0] == text_of(7));
}

TEST_CASE("a node that starts later is dialled again until it answers") {
  loop_fixture f;
  auto l1 = any_port(), l2 = any_port();
  std::vector<peer::member> members{{1, "127.0.0.1", l1.port}, {2, "127.0.0.1", l2.port}};
  auto port = l1.port;
  l1.fd.reset();
  node_end two(f, options_of(2, members), std::move(l2));
  for (int i = 0; i < 50; ++i) f.on_loop([] {});
  node_end one(f, options_of(1, members), io::listen_on("127.0.0.1", port, 64));
  two.broadcasts.wait(is_up);
  one.broadcasts.wait(is_up);
  CHECK(one.stats.links_up == 1);
}

TEST_CASE("all addresses of a peer's name are tried, in turn") {
  loop_fixture f;
  auto l1 = any_port(), l2 = any_port(), nobody = any_port();
  io::resolved both{1, io::look_up({1, "127.0.0.1", nobody.port}, true).addresses, {}};
  both.addresses.push_back(io::look_up({1, "127.0.0.1", l1.port}, true).addresses.at(0));
  nobody.fd.reset();
  // To have no address at once makes the name wait for the answer that the test gives.
  node_end two(f, options_of(2, {{1, "", l1.port}, {2, "127.0.0.1", l2.port}}), std::move(l2));
  node_end one(f, options_of(1, {{1, "127.0.0.1", l1.port}, {2, "", 0}}), std::move(l1));
  auto up = [&] {
    std::lock_guard lock(two.broadcasts.mutex);
    return is_up(two.broadcasts);
  };
  for (int i = 0; i < 10'000 && !up(); ++i) {
    caf::anon_send(two.links, box(io::resolved(both)));
    f.on_loop([] {});
  }
  CHECK(up());
}

TEST_CASE("a newer link of a peer takes the place of the older one: down, then up") {
  node_alone n;
  auto first = n.linked();
  auto second = n.linked();
  n.node->broadcasts.wait([](auto& h) { return h.states.size() == 3; });
  CHECK(n.node->broadcasts.states == std::vector<std::pair<node_id, bool>>{{2, true}, {2, false}, {2, true}});
  second.send(raw(4, "8 bytes."));
  n.node->broadcasts.wait([](auto& h) { return h.frames.size() == 1; });
  first.read_all();  // ends: the node has closed it
  CHECK(n.node->stats.links_up == 1);
}

TEST_CASE("whoever does not speak our language on the peer port is cut off, and nobody hears of it") {
  node_alone n;
  for (auto& garbage : {std::string("GET / HTTP/1.1\r\n\r\n"), std::string(4096, '\xff'), raw(3, "8 bytes."),
                        raw(1, std::string(64, '\7')), raw(1, ""), raw(2, ""), raw(1, std::string(8192, 0)),
                        node_alone::hello("another"), node_alone::hello("e", 2, 3), node_alone::hello("e", 9, 1),
                        node_alone::hello("e", 1, 1)}) {
    client c(n.port);
    c.send(garbage);
    CHECK(c.read_all().empty());
  }
  n.f.on_loop([] {});
  CHECK(n.node->stats.links_refused == 11);
  CHECK(n.node->elections.states.empty());
}

TEST_CASE("garbage on a link that is up cuts it after the frames before it were heard") {
  for (auto& garbage : {raw(4, "7 bytes"), raw(5, ""), raw(0, ""), node_alone::hello(), raw(2, "8 bytes."),
                        std::string("\0\0\0\0\4\0\1\0", 8)}) {
    node_alone n;
    auto c = n.linked();
    c.send(raw(4, "8 bytes.") + garbage);
    c.read_all();
    n.node->broadcasts.wait([](auto& h) { return h.states.size() == 2; });
    CHECK(n.node->broadcasts.frames == std::vector<std::string>{"8 bytes."});
  }
}

TEST_CASE("a Hello that comes byte by byte is a Hello") {
  node_alone n;
  client c(n.port);
  for (char b : node_alone::hello()) c.send({&b, 1});
  n.node->elections.wait(is_up);
  CHECK(n.node->elections.states.back().first == 2);
}

TEST_CASE("a silent link is closed, one that sends heartbeats gets heartbeats") {
  auto o = options_of(1, {{1, "", 0}, {2, "127.0.0.1", 1}});
  o.heartbeat_ms = 2, o.timeout_ms = 20;
  node_alone n(o);
  client c(n.port);
  c.send(node_alone::hello());
  auto all = c.read_all();  // until the node closes
  n.node->broadcasts.wait([](auto& h) { return h.states.size() == 2; });
  CHECK_FALSE(n.node->broadcasts.states[1].second);
  CHECK(all.ends_with(raw(2, "")));
}

TEST_CASE("who connects and says nothing is cut off, and there is a bound on how many may") {
  auto o = options_of(1, {{1, "", 0}, {2, "127.0.0.1", 1}});
  o.max_handshakes = 3;
  node_alone patient(o);
  std::vector<client> silent;
  for (int i = 0; i < 3; ++i) silent.emplace_back(patient.port);
  client fourth(patient.port);
  CHECK(fourth.read_all().empty());
  patient.f.on_loop([] {});
  CHECK(patient.node->stats.links_refused == 1);
  o.handshake_timeout_ms = 1;
  node_alone hasty(o);
  client c(hasty.port);
  CHECK(c.read_all().empty());
}

TEST_CASE("a peer that does not read is cut off when too much waits for it") {
  auto o = options_of(1, {{1, "", 0}, {2, "127.0.0.1", 1}});
  o.max_output = 1 << 20, o.timeout_ms = 60'000;
  node_alone n(o);
  auto c = n.linked();
  for (int i = 0; i < 64; ++i) n.node->send(2, msg::channel::zab, std::string(1 << 20, 'x'));
  n.node->broadcasts.wait([](auto& h) { return h.states.size() == 2; });
  CHECK_FALSE(n.node->broadcasts.states[1].second);
}

#include "actors/gateway/gateway.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include "tests/actors/gateway_fixture.hpp"

using namespace troupe;
using namespace troupe::testing;

namespace {

const std::string hello = frame(std::string(44, '\1'));  // stands for a ConnectRequest; its echo for the response

/// A client whose session stands.
client session(std::uint16_t port) {
  client c(port);
  c.send(hello);
  REQUIRE(c.read(hello.size()) == hello);
  return c;
}

}  // namespace

TEST_CASE("a client gets the replies to its frames in their order, and the commit actor knows its address") {
  gateway_fixture f;
  auto c = session(f.port);
  std::string all;
  for (int i = 0; i < 1000; ++i) all += frame(std::string("request ").append(std::to_string(i)));
  c.send(all);
  CHECK(c.read(all.size()) == all);
  std::lock_guard lock(f.log.mutex);
  CHECK(f.log.last_address == "127.0.0.1");
  CHECK(f.log.frames == 1001);
  CHECK(f.log.batches < 500);  // grouped
}

TEST_CASE("frames that arrive byte by byte are put together") {
  gateway_fixture f;
  client c(f.port);
  auto all = hello + frame("one") + frame("") + frame("three");
  for (char b : all) c.send({&b, 1});
  CHECK(c.read(all.size()) == all);
}

TEST_CASE("a frame of the greatest length is taken, one byte more closes the connection without a reply") {
  gateway_fixture f;
  auto c = session(f.port);
  auto greatest = frame(std::string(0xfffff, 'g'));
  c.send(greatest);
  CHECK(c.read(greatest.size()) == greatest);
  c.send(std::string("\x00\x10\x00\x00", 4));
  CHECK(c.read_all().empty());
  f.log.wait([&] { return f.log.closed == 1; });
  CHECK(f.stats.connections_dropped == 1);
}

TEST_CASE("a negative length closes the connection without a reply") {
  gateway_fixture f;
  auto c = session(f.port);
  c.send("\xff\xff\xff\xff");
  CHECK(c.read_all().empty());
}

TEST_CASE("garbage instead of a ConnectRequest never reaches the commit actor") {
  gateway_fixture f;
  for (std::string garbage : {std::string("GET / HTTP/1.1\r\n\r\n"), std::string("\x16\x03\x01\x02\x00\x01", 6),
                              std::string("\x00\x00\x04\x01", 4)}) {
    client c(f.port);
    c.send(garbage);
    CHECK(c.read_all().empty());
  }
  auto c = session(f.port);
  std::lock_guard lock(f.log.mutex);
  CHECK(f.log.opened == 1);
}

TEST_CASE("a connection that sends no whole ConnectRequest in time is closed") {
  gateway::options o;
  o.handshake_timeout_ms = 1;
  gateway_fixture f(o);
  client c(f.port);
  c.send(std::string_view(hello).substr(0, 20));
  CHECK(c.read_all().empty());
  CHECK(f.stats.connections_dropped == 1);
}

TEST_CASE("a client that goes away is reported closed, and its id is not used again") {
  gateway_fixture f;
  { auto c = session(f.port); }
  f.log.wait([&] { return f.log.closed == 1; });
  auto c = session(f.port);
  c.send(frame("still"));
  CHECK(c.read(9) == frame("still"));
}

TEST_CASE("a connection is closed after the reply that ends it, and the reply survives what the client pipelined") {
  gateway_fixture f;
  for (int i = 0; i < 20; ++i) {
    auto c = session(f.port);
    std::string junk;
    for (int n = 0; n < 200; ++n) junk += frame("pipelined after the end");
    c.send(frame("close") + junk);
    CHECK(c.read_all() == frame("close"));
  }
}

TEST_CASE("a client with too many requests outstanding is not read until they are answered") {
  gateway::options o;
  o.max_outstanding = 10;
  gateway_fixture f(o);
  auto c = session(f.port);
  f.log.hold = true;
  std::string all;
  for (int i = 0; i < 95; ++i) all += frame(std::string("r").append(std::to_string(i)));
  c.send(all);
  f.log.wait([&] { return f.log.frames == 11; });  // the ConnectRequest and ten
  for (int i = 0; i < 100; ++i) f.on_loop([] {});  // turns enough to read more, if it did
  {
    std::lock_guard lock(f.log.mutex);
    CHECK(f.log.frames == 11);
  }
  f.log.hold = false;
  caf::anon_send(f.commit, std::uint64_t{0});
  CHECK(c.read(all.size()) == all);
}

TEST_CASE("a connection is not read past what its requests are expected to make of output, by its last replies") {
  gateway::options o;
  o.max_expected_output = 1 << 20;
  gateway_fixture f(o);
  auto c = session(f.port);
  std::string all;
  for (int i = 0; i < 95; ++i) all += frame(std::string("r").append(std::to_string(i)));
  // How many of `all` are taken before the first of them is answered. In the end all are.
  auto taken_at_once = [&](std::size_t expected) {
    std::size_t before = 0;
    f.log.wait([&] { return before = f.log.frames, true; });
    f.log.hold = true;
    c.send(all);
    f.log.wait([&] { return f.log.frames >= before + expected; });
    for (int i = 0; i < 100; ++i) f.on_loop([] {});  // turns enough to read more, if it did
    std::size_t taken = 0;
    f.log.wait([&] { return taken = f.log.frames - before, true; });
    f.log.hold = false;
    caf::anon_send(f.commit, std::uint64_t{0});
    CHECK(c.read(all.size()) == all);
    return taken;
  };
  CHECK(taken_at_once(37) == 37);  // of a new connection: 37 times 7/8 of 32 KiB, after the ConnectResponse
  CHECK(taken_at_once(95) == 95);  // of one with small replies
  auto large = frame(std::string(200'000, 'x'));
  c.send(large);
  CHECK(c.read(large.size()) == large);
  CHECK(taken_at_once(6) == 6);
}

TEST_CASE("requests past the bound of all connections wait, and none is lost") {
  gateway::options o;
  o.max_outstanding_total = 8;
  gateway_fixture f(o);
  std::vector<client> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(session(f.port));
  std::string all;
  for (int i = 0; i < 500; ++i) all += frame(std::string("r").append(std::to_string(i)));
  for (auto& c : clients) c.send(all);
  for (auto& c : clients) CHECK(c.read(all.size()) == all);
}

TEST_CASE("a reader that never reads is closed at the bound, others are served") {
  gateway::options o;
  o.max_output = 8 << 20;
  gateway_fixture f(o);
  auto slow = session(f.port);
  for (int i = 0; i < 64; ++i) slow.send(frame("many 1000000"));
  f.log.wait([&] { return f.log.closed == 1; });
  auto c = session(f.port);
  c.send(frame("x"));
  CHECK(c.read(5) == frame("x"));
}

TEST_CASE("a slow reader gets everything") {
  gateway_fixture f;
  auto slow = session(f.port);
  std::size_t expected = 0;
  for (int i = 0; i < 20; ++i) {
    slow.send(frame("many 1000000"));
    expected += 4 + 1'000'000 + 4 + 12;
  }
  CHECK(slow.read(expected).size() == expected);
}

TEST_CASE("connections past the bound are closed at once, in all and per address") {
  gateway::options all, each;
  all.max_connections = 2;
  each.max_connections_per_address = 2;
  for (auto& o : {all, each}) {
    gateway_fixture f(o);
    {
      auto a = session(f.port), b = session(f.port);
      client c(f.port);
      CHECK(c.read_all().empty());
      CHECK(f.stats.connections_refused == 1);
    }
    f.log.wait([&] { return f.log.closed == 2; });
    auto d = session(f.port);
    CHECK(d.connected);
  }
}

TEST_CASE("a process without descriptors refuses connections at once and serves those it has") {
  gateway::options o;
  o.handshake_timeout_ms = 3'600'000;
  gateway_fixture f(o);
  auto c = session(f.port);
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  std::vector<io::descriptor> probes;
  for (int i = 0; i < 3; ++i) probes.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  rlimit none = before;
  none.rlim_cur = static_cast<rlim_t>(probes.back().get() + 1);
  ::setrlimit(RLIMIT_NOFILE, &none);
  sockaddr_in to{};
  to.sin_family = AF_INET, to.sin_port = htons(f.port), to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::size_t refused = 0;
  for (auto& probe : probes) {  // one after the other: what the first one needed must be there for the next
    ::connect(probe.get(), reinterpret_cast<sockaddr*>(&to), sizeof to);
    timeval patience{30, 0};
    ::setsockopt(probe.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    char end;
    auto n = ::recv(probe.get(), &end, 1, 0);
    refused += n == 0 || (n < 0 && errno != EAGAIN);
  }
  c.send(frame("still served"));
  auto reply = c.read(16);
  ::setrlimit(RLIMIT_NOFILE, &before);
  CHECK(refused == probes.size());
  CHECK(reply == frame("still served"));
  CHECK(f.stats.connections_refused == probes.size());
}

TEST_CASE("an event does not count as a reply") {
  gateway_fixture f;
  auto c = session(f.port);
  for (int i = 0; i < 100; ++i) c.send(frame("many 10"));
  CHECK(c.read(100 * (14 + 11)).size() == 2500);
  f.on_loop([] {});
  CHECK(f.stats.outstanding == 0);
  CHECK(f.stats.latency_count == 101);
}

TEST_CASE("who sent a paced piece hears of it when the client has taken it, and not before") {
  gateway_fixture f;
  auto c = session(f.port), other = session(f.port);
  constexpr std::size_t size = 30'000'000;  // no socket buffer holds it
  auto request = frame("paced " + std::to_string(size));
  c.send(request);
  auto length = c.read(4);
  other.send(frame("ask"));
  CHECK(other.read(7) == frame("ask"));
  {
    std::lock_guard lock(f.log.mutex);
    CHECK(f.log.drained == 0);
  }
  CHECK(c.read(size + request.size()).size() == size + request.size());
  f.log.wait([&] { return f.log.drained == 1; });
}

#include "tests/chaos/proxy.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>

namespace troupe::chaos {
namespace {

sockaddr_in on_loopback(std::uint16_t port) {
  sockaddr_in a{};
  a.sin_family = AF_INET, a.sin_port = htons(port), a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return a;
}

/// A target that listens, and a proxy with one route to it.
struct network {
  int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  int client = -1, server = -1;
  int always = ::eventfd(1, 0);  // readable for ever: a turn does not wait
  std::uint16_t port = 0;
  proxy p{7};

  network() {
    auto any = on_loopback(0);
    socklen_t size = sizeof any;
    REQUIRE(::bind(listener, reinterpret_cast<sockaddr*>(&any), size) == 0);
    REQUIRE(::listen(listener, 8) == 0);
    REQUIRE(::getsockname(listener, reinterpret_cast<sockaddr*>(&any), &size) == 0);
    for (port = static_cast<std::uint16_t>(ntohs(any.sin_port) % 20000 + 11000);; ++port) try {
        p.add_route("r", port, ntohs(any.sin_port));
        return;
      } catch (const std::exception&) {
      }
  }
  ~network() {
    for (int fd : {listener, client, server, always})
      if (fd >= 0) ::close(fd);
  }

  void dial() {
    client = ::socket(AF_INET, SOCK_STREAM, 0);
    auto to = on_loopback(port);
    REQUIRE(::connect(client, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
  }
  bool accepted() {
    if (server < 0) server = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
    return server >= 0;
  }
  void until(const std::function<bool()>& condition) {
    while (!condition()) p.turn(always);
  }
  void some_turns() {
    for (int i = 0; i < 200; ++i) p.turn(always);
  }
  void say(int fd, const std::string& s) {
    REQUIRE(::send(fd, s.data(), s.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(s.size()));
  }
  /// What has come by now; "<end>" behind it if the stream has ended.
  std::string heard(int fd) {
    char text[4096];
    for (;;) {
      auto n = ::recv(fd, text, sizeof text, MSG_DONTWAIT);
      if (n > 0) {
        all[fd].append(text, static_cast<std::size_t>(n));
        continue;
      }
      return all[fd] + (n == 0 ? "<end>" : errno == ECONNRESET ? "<reset>" : "");
    }
  }
  std::unordered_map<int, std::string> all;
};

TEST_CASE("a route carries bytes both ways and tells the end of a connection") {
  network n;
  n.dial();
  n.until([&] { return n.accepted(); });
  n.say(n.client, "there"), n.say(n.server, "back");
  n.until([&] { return n.heard(n.server) == "there" && n.heard(n.client) == "back"; });
  ::close(n.client), n.client = -1;
  n.until([&] { return n.heard(n.server) == "there<end>"; });
}

TEST_CASE("a stalled direction holds bytes and the end of a connection back, and the other one goes on") {
  network n;
  n.dial();
  n.until([&] { return n.accepted(); });
  CHECK(n.p.command("set r up stall=1") == "ok");
  n.say(n.client, "one"), n.say(n.server, "back");
  n.until([&] { return n.heard(n.client) == "back"; });
  n.say(n.client, "two");
  ::close(n.client), n.client = -1;
  n.some_turns();
  CHECK(n.heard(n.server) == "");
  CHECK(n.p.command("set r up") == "ok");
  n.until([&] { return n.heard(n.server) == "onetwo<end>"; });
}

TEST_CASE("a connect is held back while its direction is stalled") {
  network n;
  CHECK(n.p.command("set r both stall=1") == "ok");
  n.dial();
  n.some_turns();
  CHECK_FALSE(n.accepted());
  CHECK(n.p.command("set r both") == "ok");
  n.until([&] { return n.accepted(); });
}

TEST_CASE("jitter and slow links keep the order of bytes") {
  network n;
  n.dial();
  n.until([&] { return n.accepted(); });
  CHECK(n.p.command("set r up delay=1 jitter=5 rate=100000") == "ok");
  std::string all;
  for (int i = 0; i < 50; ++i) {
    auto piece = std::to_string(i) + " ";
    n.say(n.client, piece);
    all += piece;
    n.p.turn(n.always);
  }
  n.until([&] { return n.heard(n.server).size() >= all.size(); });
  CHECK(n.heard(n.server) == all);
}

TEST_CASE("a cut breaks both ends and loses what was on its way") {
  network n;
  n.dial();
  n.until([&] { return n.accepted(); });
  CHECK(n.p.command("set r up stall=1") == "ok");
  n.say(n.client, "lost");
  n.some_turns();
  CHECK(n.p.command("cut r") == "ok 1");
  for (int fd : {n.server, n.client}) {
    std::string heard;
    n.until([&] { return !(heard = n.heard(fd)).empty(); });
    CHECK(heard == "<reset>");
  }
}

TEST_CASE(
    "weather that touches no piece has met nothing, and what it holds or delays is counted for its direction alone") {
  network n;
  n.dial();
  n.until([&] { return n.accepted(); });
  auto exchange = [&](const std::string& s) {
    auto up = n.heard(n.server) + s, down = n.heard(n.client) + s;
    n.say(n.client, s), n.say(n.server, s);
    n.until([&] { return n.heard(n.server) == up && n.heard(n.client) == down; });
  };
  exchange("fair");
  for (std::string weather : {"stall=1", "delay=50", "rate=1000"}) {
    CHECK(n.p.command("set r both " + weather) == "ok");
    CHECK(n.p.command("set r both") == "ok");
  }
  CHECK(n.p.command("met r up") == "ok 0");
  CHECK(n.p.command("set r up delay=1") == "ok");
  exchange("late");
  CHECK(n.p.command("met r up") == "ok 1");
  CHECK(n.p.command("set r up rate=100000") == "ok");
  exchange("slow");
  CHECK(n.p.command("met r up") == "ok 2");
  CHECK(n.p.command("set r up stall=1") == "ok");
  n.say(n.client, "held");
  n.until([&] { return n.p.command("met r up") == "ok 3"; });
  CHECK(n.p.command("met r down") == "ok 0");
}

TEST_CASE("a connect that a stall holds is met by it") {
  network n;
  CHECK(n.p.command("set r up stall=1") == "ok");
  n.dial();
  n.until([&] { return n.p.command("met r up") == "ok 1"; });
  CHECK(n.p.command("met r down") == "ok 0");
}

TEST_CASE("a proxy refuses commands that it does not know, and routes that it does not have") {
  network n;
  CHECK(n.p.command("set other both stall=1").starts_with("error"));
  CHECK(n.p.command("set r both speed=1").starts_with("error"));
  CHECK(n.p.command("melt r").starts_with("error"));
  CHECK(n.p.command("met other up").starts_with("error"));
  CHECK(n.p.command("set * both").starts_with("ok"));
}

}  // namespace
}  // namespace troupe::chaos

#pragma once
/// A node on loopback that says what the test says: blocking, in the test's own thread.

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>

#include <deque>
#include <string>

#include "actors/io/socket.hpp"
#include "tests/actors/client/scripted_node.hpp"

namespace troupe::testing {

constexpr int patience_ms = 30'000;

class scripted_connection {
 public:
  explicit scripted_connection(io::descriptor fd) : fd_(std::move(fd)) {}

  /// The next thing that the client says.
  heard next() {
    while (heard_.empty()) {
      REQUIRE_MESSAGE(wait(), "the client says nothing");
      auto space = in_.prepare();
      auto n = ::recv(fd_.get(), space.data(), space.size(), 0);
      REQUIRE_MESSAGE(n > 0, "the client has closed the connection");
      in_.add(static_cast<std::size_t>(n));
      for (auto& h : hear_all(in_)) heard_.push_back(h);
    }
    auto out = heard_.front();
    heard_.pop_front();
    return out;
  }
  /// What came with the last one.
  std::size_t waiting() const { return heard_.size(); }
  void say(const message& m) {
    client::frame_header h{static_cast<std::uint32_t>(m.size() * 8), client::frame_kind, 0};
    say_bytes({reinterpret_cast<const char*>(&h), sizeof h});
    say_bytes({reinterpret_cast<const char*>(m.data()), m.size() * 8});
  }
  void say_bytes(std::string_view bytes) {
    REQUIRE(::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
  }
  /// The client hangs up.
  void wait_for_end() {
    char part[4096];
    for (;;) {
      REQUIRE_MESSAGE(wait(), "the client does not hang up");
      if (::recv(fd_.get(), part, sizeof part, 0) <= 0) return;
    }
  }
  void close() { fd_.reset(); }

 private:
  bool wait() {
    pollfd p{fd_.get(), POLLIN, 0};
    return ::poll(&p, 1, patience_ms) == 1;
  }
  io::descriptor fd_;
  client::frame_buffer in_{64 << 20};
  std::deque<heard> heard_;
};

class scripted_server {
 public:
  scripted_server() : listener_(io::listen_on("127.0.0.1", 0, 16)) {}
  std::string address() const { return "127.0.0.1:" + std::to_string(listener_.port); }
  std::uint16_t port() const { return listener_.port; }

  scripted_connection accept() {
    pollfd p{listener_.fd.get(), POLLIN, 0};
    REQUIRE_MESSAGE(::poll(&p, 1, patience_ms) == 1, "no client connects");
    return scripted_connection(io::descriptor(::accept4(listener_.fd.get(), nullptr, nullptr, SOCK_CLOEXEC)));
  }
  /// Takes the next client: its Hello is in `hello`.
  scripted_connection serve(std::int64_t session = 77, std::int32_t timeout_ms = 9'000) {
    auto c = accept();
    hello = c.next();
    REQUIRE(hello.is == heard::what::hello);
    c.say(welcome(session, timeout_ms));
    return c;
  }
  heard hello{};

 private:
  io::listener listener_;
};

/// Bodies of replies.
inline std::string stat_body(std::string_view front = {}, std::int32_t version = 0) {
  std::string out(front);
  jute::writer w(out);
  zk::stat s;
  s.version = version;
  zk::write(w, s);
  return out;
}
inline std::string data_body(std::string_view data) {
  std::string out;
  jute::writer w(out);
  w.buffer(data);
  return stat_body(out);
}

}  // namespace troupe::testing

#pragma once
/// A network of TCP connections that a nemesis can disturb: routes, each a listening port on loopback that forwards to
/// another port, with faults for each direction.
///
/// What a fault may do is what a network may do to TCP. Bytes are never lost or reordered inside a connection (TCP would
/// send them again); they come late, slowly, not before the fault ends, or never because the connection breaks. That
/// holds for the beginning and the end of connections too: a stalled direction holds a connect or a close back as well,
/// so that a peer hears of neither through a partition, and both arrive late when it heals.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

namespace troupe::chaos {

/// What happens to one direction of a route.
struct weather {
  std::int64_t delay_ms = 0;     ///< each piece is held so long
  std::int64_t jitter_ms = 0;    ///< and up to so much longer; order stays
  std::int64_t bytes_per_s = 0;  ///< 0: as fast as it goes
  bool stalled = false;          ///< nothing passes until this ends
};

class proxy {
 public:
  proxy(std::uint64_t seed);
  ~proxy();
  proxy(const proxy&) = delete;
  proxy& operator=(const proxy&) = delete;

  /// Listens on `port` of loopback; std::system_error if it is taken.
  void add_route(const std::string& name, std::uint16_t port, std::uint16_t target);

  /// One command, without the newline. ROUTE may end with '*'. DIRECTION: up (from who dials), down, both.
  ///   set ROUTE DIRECTION delay=MS jitter=MS rate=BYTES stall=0|1    what is not named is as in fair weather
  ///   cut ROUTE                 breaks its connections; what was on its way is lost
  ///   met ROUTE DIRECTION       pieces and connects that any weather held or delayed there so far
  /// Returns what to answer: "ok...", or "error ...".
  std::string command(const std::string&);

  /// Waits for sockets and for `fd` (of the caller) and carries what it can. Returns whether `fd` is readable.
  bool turn(int fd);

  static constexpr std::size_t max_held_bytes = std::size_t{4} << 20;  ///< of a direction; then the sender must wait
  static constexpr std::size_t max_connections = 512;                  ///< of a route; then the oldest breaks

 private:
  struct piece {
    std::int64_t due_us = 0;
    std::string bytes;  ///< empty: the end of the stream
    std::size_t sent = 0;
  };
  struct direction {
    int from = -1, to = -1;
    std::deque<piece> held;
    std::size_t held_bytes = 0;
    std::int64_t last_due_us = 0;
    bool ended = false;  ///< nothing more will come
  };
  struct route;
  struct connection {
    route* of = nullptr;
    direction ways[2];            ///< up, down
    std::int64_t connect_us = 0;  ///< not connected to the target before
    bool connecting = false, gone = false;
    std::uint32_t registered[2] = {0, 0};  ///< epoll events of the two sockets
  };
  struct route {
    std::string name;
    int listener = -1;
    std::uint16_t target = 0;
    weather sky[2];
    std::uint64_t met[2] = {0, 0};  ///< pieces and connects that the sky held or delayed
    std::vector<std::unique_ptr<connection>> connections;
  };

  void accept_from(route&);
  void connect_target(connection&, std::int64_t now);
  void receive(connection&, int way, std::int64_t now);
  void forward(connection&, int way, std::int64_t now);
  void enqueue(connection&, int way, std::string bytes, std::int64_t now);
  void carry(connection&, std::int64_t now);
  void watch(connection&);
  void close_both(connection&, bool reset);
  std::int64_t next_due_us(std::int64_t now) const;
  std::string set(const std::vector<std::string>& words);
  static void put(route&, int way, const weather&);

  int epoll_;
  std::mt19937_64 random_;
  std::vector<std::unique_ptr<route>> routes_;
  struct end {
    connection* conn;
    int side;
  };
  std::unordered_map<int, end> ends_;          ///< by descriptor
  std::unordered_map<int, route*> listeners_;  ///< by descriptor
  std::uint64_t cut_ = 0;
};

}  // namespace troupe::chaos

#pragma once
/// Where a program's client actors live: one thread of our own for all of them, beside the program's actor system.
///
///     caf::actor_system system{config};
///     client::connections troupe{system};                       // outlives its clients, not the system
///     auto client = troupe.spawn({.nodes = {"127.0.0.1:3181", "127.0.0.1:3182"}});
///     self->request(client, 5s, client::get_data{"/a"}).then(...);
///
/// `spawn` returns at once: what is asked before there is a connection waits for it. Every client has a session of its
/// own, which lives as long as the client: end it by client::close.

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "actors/client/messages.hpp"

namespace troupe::client {

struct options {
  /// "host:port" of the actor ports, tried in random order, with growing pauses. Names are looked up at each dial.
  std::vector<std::string> nodes{};
  std::chrono::milliseconds session_timeout{10'000};  ///< what we ask for; the nodes have bounds of their own
  std::chrono::milliseconds connect_timeout{3'000};   ///< for one node to take us, before the next is tried
  std::chrono::milliseconds deadline{30'000};         ///< of requests that give none; 0: none
  std::vector<add_auth> auth{};                       ///< as by add_auth before anything else
  /// Back-pressure: with so many requests, or so many bytes of them, not answered, another one is answered at once with
  /// client::code::too_many. The second is also what the client holds of requests at most, give or take one of them.
  std::size_t max_requests = 65'536, max_bytes = std::size_t{64} << 20;
  std::size_t max_reply = std::size_t{64} << 20;  ///< a node that sends more in one piece is not listened to any more
  /// Lines for people, one for each connection that was lost or refused. Called on the connections' thread.
  std::function<void(std::string_view)> log{};
};

/// On which thread an actor runs when an answer wakes it.
enum class waking : std::uint8_t {
  /// CAF's, as always. What comes to a worker that has nothing to do is seen late by CAF's default policy, which looks
  /// around and sleeps in between; set `scheduler.policy` to `sharing` where round trips matter (tests/bench/README.md).
  on_workers,
  /// The connections' own thread, if the actor is not detached: no switch of threads between what comes from a socket,
  /// the actor and what it asks next. For programs whose actors neither block nor compute for long: meanwhile no
  /// client of this object is heard, and after a third of its timeout a session is in danger.
  in_place,
};

class connections {
 public:
  explicit connections(caf::actor_system&, waking = waking::on_workers);
  /// Closes the sessions of the clients that are left, within a second or so, and ends them.
  ~connections();
  connections(const connections&) = delete;
  connections& operator=(const connections&) = delete;

  /// Throws std::invalid_argument for options that cannot work. From any thread.
  caf::actor spawn(options);

 private:
  struct implementation;
  std::unique_ptr<implementation> impl_;
};

}  // namespace troupe::client

#pragma once
/// The links between nodes: one TCP connection for each pair, dialled by the node with the larger id
/// (schema/link.capnp).
///
/// Owns    the listening socket of the peer port, the links and what waits for them.
/// Takes   peer::start (the wiring): listen, dial, and who gets what; msg::peer_send, msg::drop_link (election,
/// broadcast);
///         msg::tick (the I/O thread): heartbeats, silence, dials; io::resolved (the resolver)
/// Sends   msg::peer_frames -> election or broadcast, by channel; msg::link_state -> both
/// Dies    with the node, closing every link.
/// Invariants: what arrives from a peer is between its `up` and its `down`, in the order in which the peer sent it; a
/// frame for a peer without a link is dropped (ZAB and the election hear of the link's state and start anew).

#include <caf/actor.hpp>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "actors/io/io_thread.hpp"
#include "actors/io/pinned_actor.hpp"
#include "actors/io/resolver.hpp"
#include "actors/io/socket.hpp"
#include "actors/messages.hpp"
#include "actors/node_stats.hpp"
#include "actors/peer/link.hpp"
#include "actors/peer/options.hpp"

namespace troupe::peer {

/// Wiring -> links.
struct start {
  caf::actor election, broadcast;
};

class peer_links final : public io::pinned_actor, public io::turn_hook, public io::fd_handler, public link_owner {
 public:
  /// `loop` and `stats` outlive the actor. A node that is alone gives a listener without a descriptor. Throws
  /// std::logic_error for options that contradict each other.
  peer_links(caf::actor_config&, io::io_thread* loop, io::listener, options, node_stats* stats);

  caf::behavior make_behavior() override;
  void on_exit() override;
  const char* name() const override { return "peer links"; }

 private:
  struct peer_state {
    member who;
    link* up = nullptr;
    link* dialling = nullptr;
    bool resolving = false;
    std::int64_t dial_at_ms = 0, backoff_ms = 0;
    std::size_t dials = 0;  ///< since the last link: each tries another one of its addresses
  };

  // ---- peer_links.cpp: the actor, what goes out
  void begin(const start&);
  void send_frames(const msg::peer_send&);
  void on_tick(std::int64_t now_ms);
  void before_wait() override;
  void flush(link&);
  void touch(link&);
  void report(node_id, bool up);

  // ---- dialling.cpp: how links come and go
  void on_ready(int, std::uint32_t) override;
  void dial(peer_state&);
  void connect_to(peer_state&, const io::resolved&);
  void dial_later(peer_state&);
  link& adopt(io::descriptor, node_id expected, link::phase, std::uint32_t events);
  void establish(link&, node_id from);
  void drop(link&, std::string why);
  peer_state* find(node_id);
  bool may_log();

  // ---- receiving.cpp: what comes in
  void on_link_ready(link&, std::uint32_t events) override;
  void on_connected(link&);
  void receive(link&);
  bool take_hello(link&, const shared_bytes& body);
  void hand_on(std::vector<msg::peer_frame>&, const caf::actor& to);

  io::io_thread& loop_;
  io::listener listener_;
  const options options_;
  node_stats& stats_;
  caf::actor election_, broadcast_, resolver_;
  caf::strong_actor_ptr self_;  ///< the loop points at us: we live until on_exit

  bool started_ = false, accept_later_ = false;
  std::vector<peer_state> peers_;
  std::vector<std::unique_ptr<link>> links_, gone_;  ///< gone_: freed at the end of the turn
  std::vector<link*> dirty_;
  std::vector<msg::peer_frame> for_election_, for_broadcast_;
  std::minstd_rand random_;  ///< of the back-off only
  std::int64_t log_again_ms_ = 0;
};

/// Spawns it hosted by `loop`. It listens and dials once it got `start`.
caf::actor spawn_peer_links(caf::actor_system&, io::io_thread& loop, io::listener, options, node_stats&);

}  // namespace troupe::peer

namespace caf {
template <>
struct allowed_unsafe_message_type<troupe::peer::start> : std::true_type {};
}  // namespace caf

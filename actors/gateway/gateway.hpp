#pragma once
/// A port for clients, ZooKeeper's or actors: connections, framing, back-pressure, four-letter words.
///
/// Owns    the listening socket, the connections, their buffers.
/// Takes   gateway::start (the wiring): accept, and where requests go; delivery_batch (watch notifier); msg::role
///         (broadcast), for the four-letter words; msg::tick (the I/O thread), for deadlines
/// Sends   request_batch -> commit: one for all that a wake-up brought; msg::drained -> notifier: a piece that was marked
///         `paced` is out, but for half of pause_output
/// Dies    with the node, closing every connection.
/// Invariants: what is between `opened` and `closed` of a connection in the batches is one frame after another as the
/// client sent them (or as its translator made them of what an actor client sent); a piece of a delivery is written whole or the connection is closed; an id is never used again.

#include <caf/actor.hpp>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "actors/gateway/connection.hpp"
#include "actors/gateway/options.hpp"
#include "actors/io/io_thread.hpp"
#include "actors/io/pinned_actor.hpp"
#include "actors/io/socket.hpp"
#include "actors/messages.hpp"
#include "actors/node_stats.hpp"

namespace troupe::gateway {

/// Wiring -> gateway.
struct start {
  caf::actor commit;
};

class gateway_actor final : public io::pinned_actor,
                            public io::turn_hook,
                            public io::fd_handler,
                            public connection_owner {
 public:
  /// `loop` and `stats` outlive the actor. Throws std::logic_error for options out of range.
  gateway_actor(caf::actor_config&, io::io_thread* loop, io::listener, options, node_stats* stats);

  caf::behavior make_behavior() override;
  void on_exit() override;
  const char* name() const override { return "gateway"; }

 private:
  // ---- gateway.cpp: the actor, deliveries, flushing
  void begin(const start&);
  void deliver(const delivery_batch&);
  void deliver_translated(const delivery_batch&);
  void write_frames(connection&);
  bool too_far_behind(const connection&) const;
  void tell_outstanding();
  void take_reply(connection&, std::string_view, std::int64_t now_us);
  void after_events() override;
  void before_wait() override;
  void flush(connection&);
  void send_group();
  void on_tick(std::int64_t now_ms);

  // ---- acceptor.cpp: the life of connections
  void on_ready(int, std::uint32_t) override;
  void accept_all();
  void refuse_for_lack_of_descriptors();
  void admit(io::descriptor, io::peer_name);
  connection* find(conn_id);
  void arm(connection&);
  void close_after_flush(connection&);
  void linger(connection&);
  void leave_session(connection&);
  void drop(connection&);

  // ---- receive.cpp: from bytes to frames
  void on_connection_ready(connection&, std::uint32_t events) override;
  void receive(connection&);
  std::size_t cut(connection&, std::string_view);
  std::size_t cut_translated(connection&, std::string_view);
  void make_room(std::size_t bytes);
  void keep_rest(connection&, std::string_view);
  bool must_pause(const connection&) const;
  bool all_full() const;
  void pause(connection&);
  void resume_reading(connection&);
  void resume_waiting();
  void refuse(connection&, const char* why);
  void refuse_politely(connection&, const std::string& why);
  void log_refusal(const connection&, const char* why);
  void answer_word(connection&, std::string_view word);

  io::io_thread& loop_;
  io::listener listener_;
  const options options_;
  node_stats& stats_;
  caf::actor commit_;
  caf::strong_actor_ptr self_;  ///< the loop points at us: we live until on_exit

  io::descriptor reserve_;  ///< given up to accept and close when the process has no descriptor left
  bool listening_ = false, accept_later_ = false;
  std::vector<std::unique_ptr<connection>> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::uint64_t next_number_ = 1;  ///< the high 40 bits of a conn_id; the low 24 are its slot
  std::unordered_map<std::string, std::size_t> per_address_;
  std::size_t connections_ = 0;

  std::unique_ptr<char[]> scratch_;       ///< one receive buffer for all: idle connections cost no buffer
  std::shared_ptr<request_batch> group_;  ///< what this wake-up has brought so far
  std::size_t group_hint_ = 0;            ///< bytes of the last group
  std::vector<conn_id> dirty_, flushing_, translated_;
  std::deque<conn_id> waiting_;  ///< behind the bounds over all connections, in the order in which they met them
  std::size_t outstanding_ = 0, outstanding_bytes_ = 0, partial_ = 0, unsent_ = 0;
  std::size_t told_outstanding_ = 0;  ///< our part of stats_.outstanding: there may be another port

  struct deadline {
    std::int64_t due_ms;
    conn_id conn;
    connection::phase state;  ///< closed at `due_ms` if still in it
  };
  std::deque<deadline> handshakes_, closings_, lingerings_;  ///< each with one time-out: ordered by due_ms
  std::int64_t log_again_ms_ = 0;  ///< refusals are logged at most once a second: clients must not fill the log
  bool may_log();
};

/// Spawns it hosted by `loop`. It accepts once it got `start`.
caf::actor spawn_gateway(caf::actor_system&, io::io_thread& loop, io::listener, options, node_stats&);

}  // namespace troupe::gateway

namespace caf {
template <>
struct allowed_unsafe_message_type<troupe::gateway::start> : std::true_type {};
}  // namespace caf

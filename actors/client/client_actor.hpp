#pragma once
/// One client: the shell that carries a machine.
///
/// Owns    the connection to a node, the places of those who wait for an answer, the handles of subscribers
/// Takes   the requests of messages.hpp, from anybody; msg::tick (the I/O thread); io::resolved (the resolver)
/// Sends   replies -> askers; changes, state, subscription_ended -> subscribers; session_event -> watchers of the session
/// Dies    after client::close, or with its `connections`; whoever waits then is answered first.

#include <caf/mailbox_element.hpp>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "actors/client/codec.hpp"
#include "actors/client/connections.hpp"
#include "actors/client/framing.hpp"
#include "actors/client/machine.hpp"
#include "actors/io/io_thread.hpp"
#include "actors/io/pinned_actor.hpp"
#include "actors/io/resolver.hpp"

namespace troupe::client {

/// A client actor to itself: the session is closed, and everybody has been told.
struct finished {};

class client_actor final : public io::pinned_actor, public io::turn_hook, public io::fd_handler, private outside {
 public:
  struct settings {
    options what;
    std::vector<io::resolve> nodes;
    std::uint32_t seed = 1;
    waking wake = waking::on_workers;
    std::function<void()> on_end;
  };
  client_actor(caf::actor_config&, io::io_thread* loop, settings);

  caf::behavior make_behavior() override;
  void on_exit() override;
  const char* name() const override { return "troupe client"; }

 private:
  struct batch_under_way;
  /// Somebody who waits for an answer.
  struct asker {
    using teller = void (client_actor::*)(asker&, const outcome&);
    caf::strong_actor_ptr who;
    caf::message_id id;
    caf::mailbox_element::forwarding_stack stages;
    teller tell = nullptr;
    std::uint64_t tag = 0;
    ticket next_free = nobody;
    batch_under_way* of = nullptr;  ///< the answer is a part of that one's
    std::uint32_t part = 0;
  };

  // ---- client_actor.cpp: the messages
  template <class R>
  void on_request(const R&, std::int64_t deadline_ms, std::uint64_t tag);
  template <class R>
  void take(const R&, ticket, std::int64_t deadline_ms);
  template <class R>
  void begin(const R&, ticket, std::int64_t deadline_ms);
  template <class... Rs>
  caf::behavior behavior_for();
  void on_batch(const batch&, std::int64_t deadline_ms, std::uint64_t tag);
  void on_cancel(const cancel&);
  void on_watch(const watch_session&);
  void on_down(const caf::down_msg&);
  void forget_subscriber(std::int64_t subscription);

  // ---- askers.cpp: answers
  template <class R>
  static asker::teller teller_of();
  ticket seat(asker::teller, std::uint64_t tag);
  ticket seat_part(asker::teller, batch_under_way&, std::uint32_t part);
  template <class R>
  static asker::teller part_teller_of();
  template <class Reply>
  void tell_part(asker&, const outcome&);
  void part_done(batch_under_way&);
  ticket free_place();
  void leave(ticket);
  template <class T>
  void reply_with(asker&, T&&);
  template <class Reply>
  void tell_reply(asker&, const outcome&);
  void answer(ticket, const outcome&) override;
  bool wanted(ticket) override;
  template <class T>
  void send_to(const caf::actor&, T&&);
  void session_is(session_event) override;
  void tell(changes&&) override;
  void tell(state&&) override;
  void tell(subscription_ended&&) override;
  void note(std::string_view) override;

  // ---- connection.cpp: the socket
  void dial(std::size_t node) override;
  void hang_up() override;
  void output_waits() override { output_waits_ = true; }
  void begin_dial();
  void on_resolved(const io::resolved&);
  void connect_next();
  void on_connected();
  void on_ready(int, std::uint32_t events) override;
  void receive();
  void before_wait() override;
  void flush();
  void lost(std::string_view why);
  std::int64_t now_ms() const { return loop_.now_ms(); }

  io::io_thread& loop_;
  const settings settings_;
  caf::execution_unit* const reply_unit_;
  machine machine_;
  caf::strong_actor_ptr self_;  ///< the loop points at us: we live until on_exit
  caf::actor resolver_;

  std::vector<asker> askers_;
  ticket free_ = nobody;
  std::vector<caf::actor> watchers_;
  std::map<std::int64_t, caf::actor> subscribers_;
  bool closing_ = false;

  io::descriptor fd_;
  bool connecting_ = false, output_waits_ = false;
  std::size_t unsent_ = 0;    ///< requests since the last flush
  std::uint32_t events_ = 0;  ///< what epoll was last told
  std::optional<std::size_t> to_dial_;
  std::uint64_t dial_number_ = 0;  ///< tells the answer to an earlier look-up
  std::vector<io::address> addresses_;
  frame_buffer in_;
  word_buffer out_;
  std::size_t out_at_ = 0;  ///< bytes of out_ that have gone
};

}  // namespace troupe::client

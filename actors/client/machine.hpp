#pragma once
/// A client of the actor port (schema/client.capnp) without sockets, actors or a clock: events in, effects to `outside`.
///
/// Owns    the session (id, password, what it has seen), the requests that are not answered, the positions of the
///         subscriptions, the choice of the node to try.
/// Takes   what is asked; that a dial has succeeded, or a connection broken; whole frames; ticks
/// Gives   frames to send (`fill`, which gathers everything that has come up into as few as possible), answers, events
/// Invariants: every request is answered exactly once, unless nobody wants it any more; a write is told `done` only by
/// the node, and `nothing was done` only if it did not go out; what went out is never asked again unless it may be.
/// After `closed` nothing is dialled and every request is refused.

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "actors/client/framing.hpp"
#include "actors/client/node_choice.hpp"
#include "actors/client/outside.hpp"

namespace troupe::client {

struct machine_options {
  std::size_t nodes = 1;
  std::int32_t timeout_ms = 10'000;  ///< of the session; the node may have bounds of its own
  std::int64_t connect_timeout_ms = 3'000;
  std::int64_t min_backoff_ms = 20, max_backoff_ms = 1'000;
  std::int64_t deadline_ms = 30'000;  ///< of requests that give none
  std::size_t max_requests = 65'536, max_bytes = std::size_t{64} << 20;
  std::vector<add_auth> auth;
  std::uint32_t seed = 1;
};

class machine {
 public:
  machine(machine_options, outside&);

  void start(std::int64_t now_ms);
  void on_dialled(std::int64_t now_ms);
  void on_lost(std::int64_t now_ms, std::string_view why);
  /// The connection is not to be used any more if this lost it: see `connected`.
  void on_message(std::int64_t now_ms, std::span<const std::uint64_t> message);
  void on_tick(std::int64_t now_ms);

  /// Why a request would be refused now; 0: it would not.
  std::int32_t refusal() const;
  /// `encode(jute::writer&)` writes the body. `deadline_ms`: from now, 0 for the default. Only if there is no refusal.
  template <class F>
  void ask(std::int64_t now_ms, ticket who, kind what, zk::op op, std::int64_t deadline_ms, F&& encode) {
    queue_.add(make_request(now_ms, who, what, op, deadline_ms, 0), encode);
    check_size();
    if (phase_ == phase::up) out_.output_waits();
  }
  void authenticate(std::int64_t now_ms, ticket, std::int64_t deadline_ms, add_auth);
  std::int64_t subscribe(std::int64_t now_ms, ticket, std::int64_t deadline_ms, std::string path, scope, bool with_data,
                         zxid_t since);
  /// By whoever asked for it (with a ticket), or because the subscriber has ended (nobody).
  void unsubscribe(std::int64_t now_ms, ticket, std::int64_t deadline_ms, std::int64_t subscription);
  void close(std::int64_t now_ms, ticket, std::int64_t deadline_ms);
  /// Ends without a word to the node: the session stays until its timeout.
  void abandon(std::string_view why) { end(why); }
  /// Drops what has not gone out and of whose ticket `which` is true; they are answered with `cancelled`.
  template <class F>
  std::size_t cancel(F&& which) {
    std::size_t n = 0;
    for (auto i = queue_.on_their_way(); i < queue_.size(); ++i)
      if (auto& r = queue_[i]; !r.answered && r.who != nobody && which(r.who)) {
        answer(r, code::cancelled, "it was cancelled");
        ++n;
      }
    queue_.drop_answered();
    return n;
  }

  /// Appends frames of what is to be sent, up to about `most` bytes. False: there is nothing more.
  bool fill(std::int64_t now_ms, word_buffer& out, std::size_t most);

  bool connected() const { return phase_ == phase::up; }
  bool closed() const { return phase_ == phase::closed; }
  session_event session() const;
  std::string_view why_closed() const { return closing_ ? "the client is closed" : std::string_view(why_closed_); }
  zxid_t last_zxid() const { return last_zxid_; }
  std::size_t outstanding() const { return queue_.size(); }

 private:
  enum class phase : std::uint8_t { waiting, dialling, greeting, up, closed };
  /// What every connection begins with.
  struct opening {
    std::int32_t call = 0;
    std::int64_t subscription = 0;  ///< 0: authentication
    zk::op op = zk::op::auth;
    std::string body;
  };

  // ---- machine.cpp: the life of the session and of its connections
  void dial(std::int64_t now_ms);
  void lose(std::int64_t now_ms, std::string_view why);
  void expire();
  void end(std::string_view why);
  void recall_requests();
  void refuse_all(std::int32_t code, std::string_view why);
  void prepare_openings();

  // ---- asking.cpp: requests
  request make_request(std::int64_t now_ms, ticket, kind, zk::op, std::int64_t deadline_ms, std::int64_t reference);
  void answer(request&, std::int32_t code, std::string_view why);
  void check_size();
  void pass_deadlines(std::int64_t now_ms);
  void fill_hello(word_buffer&);
  bool fill_openings(word_buffer&);
  bool fill_requests(word_buffer&);
  std::int32_t next_call();

  // ---- receiving.cpp: what the node says
  void take_message(std::int64_t now_ms, wire::ToClient::Reader);
  void take_welcome(std::int64_t now_ms, wire::Welcome::Reader);
  void take_refused(std::int64_t now_ms, wire::Refused::Reader);
  void refuse_on_their_way(std::string_view why);
  bool take_item(std::int64_t now_ms, wire::Item::Reader);
  bool take_response(std::int64_t now_ms, wire::Response::Reader);
  bool take_opening(wire::Response::Reader);
  void settle(request&, wire::Response::Reader);
  void saw(zxid_t z) {
    if (z > last_zxid_) last_zxid_ = z;
  }

  machine_options options_;
  outside& out_;
  node_choice choice_;
  phase phase_ = phase::waiting;
  std::int64_t dial_at_ms_ = 0, since_ms_ = 0, heard_ms_ = 0, sent_ms_ = 0;
  bool started_ = false, greeted_ = false, proven_ = false, closing_ = false, keep_alive_ = false;

  session_id session_ = 0;
  std::string password_;
  std::int32_t timeout_ms_;
  zxid_t last_zxid_ = 0;
  std::set<std::size_t> refused_by_;  ///< nodes that do not speak our version

  std::vector<add_auth> auth_;                   ///< that hold
  std::map<std::int64_t, add_auth> asked_auth_;  ///< by the reference of its request
  std::int64_t last_auth_ = 0;
  ring<opening> openings_;
  std::size_t openings_sent_ = 0;
  request_queue queue_;
  subscriptions subscriptions_;
  std::int32_t last_call_ = 0;
  std::string why_closed_;
};

}  // namespace troupe::client

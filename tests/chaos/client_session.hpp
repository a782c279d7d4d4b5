#pragma once
/// One client of an ensemble that lives through losses of its connection, as ZooKeeper's Java client does: it attaches to
/// another node with its session's id, password and last zxid, sends setWatches first, and begins a new session only
/// when a node says that the old one is over. It records everything that it asks and sees.
///
/// One thread, one epoll for many clients. Nothing is asked again: what was not answered is recorded as lost.

#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/chaos/recorder.hpp"

namespace troupe::chaos {

struct server {
  node_id node = 0;
  std::uint16_t port = 0;  ///< on loopback
};

class client_session {
 public:
  /// What a client tells the workload. Nobody may destroy it from within.
  struct listener {
    virtual ~listener() = default;
    virtual void on_reply(client_session&, const history::request&, const history::result&) = 0;
    virtual void on_lost(client_session&, const history::request&) {}
    virtual void on_event(client_session&, zk::event, const std::string& /*path*/) {}
    virtual void on_open(client_session&, bool /*reattached*/) {}
    virtual void on_expired(client_session&) {}
    /// What the protocol does not allow: an answer out of order, a frame that does not decode.
    virtual void on_broken(client_session&, const std::string& what) = 0;
  };

  /// `seed` draws servers and pauses.
  client_session(int epoll, listener&, recorder&, history::client_id, std::uint64_t seed, std::vector<server>,
                 std::int32_t timeout_ms);
  ~client_session();
  client_session(const client_session&) = delete;
  client_session& operator=(const client_session&) = delete;

  void tick(std::int64_t now_us);
  void on_ready(std::uint32_t events);

  /// Only while open. A close_session is the last request of a session; a new session follows its answer.
  void ask(history::request);
  /// Drops the connection, as a client does that lost patience, and attaches to any node, not before `not_before_us`.
  void reattach(std::int64_t not_before_us = 0);
  /// From now on no connection is made.
  void retire() { retired_ = true; }

  history::client_id client() const { return client_; }
  bool open() const { return phase_ == phase::open && !closing_; }
  bool apart() const { return phase_ == phase::apart; }
  session_id session() const { return id_; }
  std::int32_t timeout_ms() const { return negotiated_ms_ != 0 ? negotiated_ms_ : wanted_ms_; }
  zxid_t seen_zxid() const { return seen_zxid_; }
  std::size_t outstanding() const { return waiting_.size(); }
  std::size_t watches() const { return data_.size() + exist_.size() + child_.size(); }

 private:
  enum class phase { apart, connecting, handshake, open };
  using kind = history::entry::kind;
  struct pending {
    std::int32_t xid;
    history::call_id call;
    history::request asked;
  };

  void connect();
  void say_hello();
  void on_hello(std::string_view frame);
  void on_frame(std::string_view frame);
  void on_event_frame(zxid_t, jute::reader);
  void on_answer(std::int32_t xid, zxid_t, zk::err, std::string_view body);
  void send(std::int32_t xid, history::request);
  void send_set_watches();
  void register_watch(const history::request&, zk::err);
  void consume_watch(zk::event, const std::string& path);
  void forget_session();
  void drop();
  void flush();
  void frame(std::string_view head, std::string_view body);
  history::entry entry(kind, history::call_id = 0) const;
  std::uint64_t random();

  const int epoll_;
  listener& to_;
  recorder& recorder_;
  const history::client_id client_;
  std::uint64_t random_;
  const std::vector<server> servers_;
  const std::int32_t wanted_ms_;

  phase phase_ = phase::apart;
  int fd_ = -1;
  std::size_t at_ = 0;
  bool retired_ = false, closing_ = false, wants_write_ = false;
  std::int64_t next_connect_us_ = 0, heard_us_ = 0, said_us_ = 0;
  std::string in_, out_;

  session_id id_ = 0;
  std::string password_ = std::string(16, '\0');
  std::int32_t negotiated_ms_ = 0, next_xid_ = 1;
  history::call_id hello_call_ = 0;
  /// For setWatches the largest zxid of a reply: all events up to it have come. An event's own zxid proves less: another
  /// one of the same multi may have been lost. For the handshake everything that was seen counts.
  zxid_t replied_zxid_ = 0, seen_zxid_ = 0;
  std::deque<pending> waiting_;
  std::set<std::string> data_, exist_, child_;
};

}  // namespace troupe::chaos

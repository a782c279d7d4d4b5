#pragma once
/// A simulated ZooKeeper client: sessions, re-attachment, watches that are set again after a reconnect, calls at random,
/// as the Java client does them; all that it asks and sees is recorded.

#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/history/history.hpp"
#include "tests/sim/ports.hpp"
#include "tests/sim/world.hpp"

namespace troupe::sim {

class client {
 public:
  client(world&, ports&, history::history&, history::client_id, std::vector<node_id> nodes);
  client(const client&) = delete;

  void start();
  /// No more calls of its own; it stays connected.
  void stop_working() { working_ = false; }
  /// It reads back everything, after a sync, as soon as it is connected and idle; then `finished`.
  void finish() { finishing_ = true; }
  bool finished() const { return finished_; }
  /// Nothing fails any more: it moves to another node, and once it is there nothing may happen to its connection and its
  /// session.
  void expect_calm();
  void end_of_calm() { calm_ = calm::no; }
  void leave();                  ///< its connection goes, and it never comes back
  void vanish(std::int64_t us);  ///< its connection goes, and it comes back later
  void move();                   ///< it gives up its node, and is at another one at once
  void visit(node_id);           ///< it is at this node at once
  bool only_reads() const { return reader_; }
  node_id connected_to() const { return state_ == state::online ? node_ : 0; }
  std::string state_text() const;

 private:
  struct call {
    history::call_id id;
    std::int32_t xid;
    history::request asked;
  };
  enum class calm { no, moving, settled };
  enum class state { offline, connecting, handshake, online };

  // ---- client.cpp: the session
  void connect();
  void on_connected(conn_id);
  void on_frame(conn_id, std::string_view);
  void on_ended(conn_id);
  void connection_over();
  void on_connect_response(std::string_view);
  void on_reply(std::string_view);
  void on_event(std::string_view body, zxid_t);
  void keep_alive(std::uint64_t connection_count);
  void send(history::request, std::int32_t xid);
  void send_next() { send(choose(), next_xid_++); }
  void work();
  void read_back();
  history::entry& record(history::entry::kind);
  void remember_watch(const call&, zk::err);

  // ---- workload.cpp: what it asks
  history::request choose();
  history::request choose_write();
  history::request choose_read();
  history::request choose_multi();
  history::request choose_call();
  std::string any_key();
  std::string any_path();
  std::string data();

  world& world_;
  ports& ports_;
  history::history& history_;
  const history::client_id id_;
  const std::vector<node_id> nodes_;
  const bool reader_;
  ports::client_side hooks_;

  state state_ = state::offline;
  bool working_ = true, finishing_ = false, finished_ = false, read_back_sent_ = false, closing_ = false,
       vanished_ = false;
  calm calm_ = calm::no;
  std::uint64_t calm_roles_ = 0;  ///< changes of roles before it: those end connections
  void disturbed(const char* by);
  conn_id conn_ = 0;
  node_id node_ = 0, avoided_ = 0, wanted_ = 0;
  std::uint64_t connections_ = 0;  ///< so far: timers of an earlier one know that they are late
  session_id session_ = 0;
  std::string password_ = std::string(16, '\0');
  std::int32_t wanted_timeout_ms_ = 1000, timeout_ms_ = 1000;
  zxid_t last_zxid_ = 0;
  std::int64_t heard_us_ = 0, sent_us_ = 0;
  std::int32_t next_xid_ = 1;
  history::call_id handshake_call_ = 0;
  std::deque<call> calls_, pings_;
  std::set<std::string> data_watches_, exist_watches_, child_watches_;
  std::uint64_t next_data_ = 0;
  std::map<std::string, std::int32_t> versions_;  ///< as last seen, for conditional writes
  std::vector<std::string> made_;                 ///< sequential znodes, to be deleted again
};

}  // namespace troupe::sim

#pragma once
/// The inside of commit_processor, in seven parts: clients.cpp (what connections send), calls.cpp (request types of one's
/// own), sessions.cpp (handshake, auth, ends of connections), settle.cpp (outcomes back to connections in their order),
/// subscribing.cpp (subscriptions), asking.cpp (questions to actors in the node),
/// commit_processor.cpp (the surface).

#include <deque>
#include <unordered_map>

#include "cluster/commit/commit_processor.hpp"
#include "cluster/commit/connection.hpp"
#include "cluster/commit/preparation.hpp"
#include "cluster/commit/reply.hpp"

namespace troupe::commit {

struct commit_processor::impl {
  impl(settings, std::unique_ptr<tree::database>, std::int64_t boot_ms,
       std::shared_ptr<const extension::request_types>);

  // ---- clients.cpp
  void on_frame(connection&, std::string_view frame, std::int64_t now_ms, effects&);
  /// Hands a request on to whoever prepares it, and gives it its place in the connection's order.
  void submit(connection&, waiting, std::string_view body, std::int64_t now_ms, effects&);
  /// Answers at once if nothing waits before it, else keeps it. False: the connection is gone.
  bool serve(connection&, std::int32_t xid, zk::op, std::string_view body, effects&);
  bool answer_locally(connection&, std::int32_t xid, zk::op, std::string_view body, effects&);
  void touch(connection&);
  void heard_of(session_id);  ///< a client of another node

  // ---- calls.cpp
  /// A request type of one's own, by whatever way: read-only ones are served here, others by the leader.
  void on_call(connection&, std::int32_t xid, zk::op, std::string_view body, std::int64_t now_ms, effects&);
  void answer_call(connection&, std::int32_t xid, zk::op, std::string_view body, effects&);

  // ---- sessions.cpp
  void on_opened(conn_id, std::string_view address, effects&);
  void on_closed(conn_id, effects&);
  void on_connect(connection&, std::string_view frame, std::int64_t now_ms, effects&);
  void on_auth(connection&, std::int32_t xid, std::string_view body, effects&);
  /// The session of a connection is there: answers its ConnectRequest.
  void establish(connection&, session_id, std::int32_t timeout_ms, effects&);
  void refuse(connection&, effects&);
  /// The early frames of a connection that just became open.
  void replay_early(conn_id, std::int64_t now_ms, effects&);
  void close(connection&, effects&);  ///< the connection is gone after it
  void forget(connection&);           ///< the same, and the stream says it already
  void close_all(effects&);

  // ---- settle.cpp
  void apply(const log_record&, effects&);
  /// What `applied` holds, to the stream and the session tracker. `before`: the transaction in front of this one.
  void publish(const log_record&, zxid_t before, effects&);
  void settle_transaction(std::uint64_t id, zxid_t, std::string_view result, effects&);
  void settle_reply(const reply_only&, effects&);
  void release_replies(effects&);
  /// The reply to entry `number` of the connection's queue is known: payload behind the frame's length by `write`.
  template <class F>
  void answer(connection&, std::uint64_t number, bool last, effects&, F&& write);
  void answer_with(connection&, std::uint64_t number, std::int32_t xid, zk::err, std::string_view body, effects&);
  /// Sends what is answered and serves what is local, up to the first request that still waits.
  void drain(connection&, effects&);

  // ---- asking.cpp
  void ask(connection&, std::int32_t xid, std::string_view body, effects&);
  void settle_question(std::uint64_t id, zk::err, std::string_view body, effects&);

  // ---- subscribing.cpp
  /// False: the connection is gone.
  bool subscribe(connection&, std::int32_t xid, std::string_view body, effects&);
  void unsubscribe(connection&, std::int32_t xid, std::string_view body, effects&);
  void drop_subscription(connection&, std::int64_t number);
  void state_wanted(conn_id, std::int64_t number, std::uint64_t serial, effects&);

  connection* find(conn_id id) {
    auto it = connections.find(id);
    return it == connections.end() ? nullptr : &it->second;
  }

  settings cfg;
  std::unique_ptr<tree::database> db;
  role current = role::looking;
  std::shared_ptr<const extension::request_types> types;
  preparation preparing;
  std::unordered_map<conn_id, connection> connections;
  std::unordered_map<session_id, conn_id> attached;  ///< sessions whose client is connected here
  pending_requests pending;
  std::deque<reply_only> held;  ///< outcomes whose `after` is not applied yet
  session_id next_session;
  std::uint64_t touch_round = 1;
  std::vector<session_id> touched;
  std::vector<tree::applied_change> applied;
  std::size_t subscriptions = 0, subscription_path_bytes = 0;  ///< of all connections
  std::uint64_t last_subscription = 0;                         ///< serial
  std::int64_t now_ms = 0;                                     ///< of the last step that had a clock
};

}  // namespace troupe::commit

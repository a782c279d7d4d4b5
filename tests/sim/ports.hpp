#pragma once
/// The connections between clients and nodes, as actors/gateway makes them: bytes in order in each direction, an end that
/// either side learns in its own time. Of a connection, or a node, with too much unanswered no more is read.

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "cluster/commit/stream.hpp"
#include "tests/sim/world.hpp"

namespace troupe::sim {

class ports {
 public:
  struct node_side {
    std::function<bool(node_id)> up;
    std::function<void(node_id, std::shared_ptr<request_batch>)> requests;
    /// Runs it now, or when the node goes on.
    std::function<void(node_id, std::function<void()>)> when_awake;
  };
  struct client_side {
    std::function<void(conn_id)> connected;  ///< the TCP connection stands
    std::function<void(conn_id, std::string_view frame)> frame;
    std::function<void(conn_id)> ended;
  };
  ports(world&, node_side);

  // ---- of clients
  conn_id connect(node_id, const client_side*);  ///< never fails at once; `ended` tells
  void send(conn_id, std::string frame);         ///< without its length
  void close(conn_id);                           ///< the client hears nothing of it any more

  // ---- of nodes
  void deliver(node_id, const delivery_batch&);
  void node_ended(node_id);

  // ---- faults; false: it was so already, or there was nothing to hit
  bool hold_one();  ///< a connection that carries nothing in either direction, until `release_all`
  bool break_one();
  bool cut(node_id);  ///< no client reaches the node; connections that stand carry nothing, until `release_all`
  void release_all();

 private:
  struct connection {
    conn_id id = 0;
    node_id node = 0;
    const client_side* client = nullptr;  ///< null: it has closed
    bool server_open = false, held = false;
    std::deque<std::function<void()>> to_server, to_client;
    std::size_t server_due = 0, client_due = 0;
    std::size_t outstanding = 0;  ///< frames that the node has, and has not answered
    std::int64_t last_to_server_us = 0, last_to_client_us = 0;
  };
  using connection_ptr = std::shared_ptr<connection>;

  void queue(const connection_ptr&, bool to_server, std::function<void()>);
  void flush(const connection_ptr&);
  bool full(const connection&) const;
  void answered(connection&, std::size_t frames);
  bool end_of_service(connection&);
  void item(node_id, request_batch::kind, conn_id, std::string_view);
  void forget_if_over(const connection_ptr&);

  world& world_;
  node_side nodes_;
  std::map<conn_id, connection_ptr> connections_;
  std::map<node_id, std::shared_ptr<request_batch>> gathering_;
  std::set<node_id> cut_;
  std::map<node_id, std::size_t> outstanding_;
  conn_id next_ = 0;
};

}  // namespace troupe::sim

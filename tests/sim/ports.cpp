#include "tests/sim/ports.hpp"

#include "schema/jute.hpp"

namespace troupe::sim {

ports::ports(world& w, node_side n) : world_(w), nodes_(std::move(n)) {}

void ports::queue(const connection_ptr& c, bool to_server, std::function<void()> f) {
  auto& o = world_.set;
  auto& last = to_server ? c->last_to_server_us : c->last_to_client_us;
  last = std::max(last, world_.now_us() + o.delay_us + world_.between(0, o.jitter_us));
  (to_server ? c->to_server : c->to_client).push_back(std::move(f));
  world_.at(last, [this, c, to_server] {
    ++(to_server ? c->server_due : c->client_due);
    flush(c);
  });
}

void ports::flush(const connection_ptr& c) {
  while (c->server_due && !c->held && !cut_.contains(c->node)) {
    if (full(*c)) {
      world_.count("input that waits for answers");
      break;
    }
    auto f = std::move(c->to_server.front());
    c->to_server.pop_front(), --c->server_due;
    f();
  }
  while (c->client_due && !c->held && !cut_.contains(c->node)) {
    auto f = std::move(c->to_client.front());
    c->to_client.pop_front(), --c->client_due;
    f();
  }
}

bool ports::full(const connection& c) const {
  auto& o = world_.set;
  if (!c.server_open) return false;
  auto all = outstanding_.find(c.node);
  return c.outstanding >= o.max_outstanding || (all != outstanding_.end() && all->second >= o.max_outstanding_total);
}

void ports::answered(connection& c, std::size_t frames) {
  auto& all = outstanding_[c.node];
  bool waited = c.outstanding >= world_.set.max_outstanding || all >= world_.set.max_outstanding_total;
  c.outstanding -= frames, all -= frames;
  if (!waited) return;
  world_.after(0, [this, node = c.node] {
    std::vector<connection_ptr> of_node;
    for (auto& [id, other] : connections_)
      if (other->node == node) of_node.push_back(other);
    for (auto& other : of_node) flush(other);
  });
}

/// The node has nothing to do with the connection any more. False: so it was already.
bool ports::end_of_service(connection& c) {
  if (!std::exchange(c.server_open, false)) return false;
  answered(c, c.outstanding);
  return true;
}

conn_id ports::connect(node_id node, const client_side* client) {
  auto c = std::make_shared<connection>();
  c->id = ++next_, c->node = node, c->client = client;
  connections_[c->id] = c;
  queue(c, true, [this, c] {
    if (!nodes_.up(c->node)) {
      queue(c, false, [this, c] {
        if (c->client) std::exchange(c->client, nullptr)->ended(c->id);
        forget_if_over(c);
      });
      return;
    }
    if (!c->client) return forget_if_over(c);
    c->server_open = true;
    item(c->node, request_batch::kind::opened, c->id, "127.0.0.1");
    queue(c, false, [c] {
      if (c->client) c->client->connected(c->id);
    });
  });
  return c->id;
}

void ports::send(conn_id id, std::string frame) {
  auto it = connections_.find(id);
  if (it == connections_.end()) return;
  queue(it->second, true, [this, c = it->second, frame = std::move(frame)] {
    if (!c->server_open) return;
    ++c->outstanding, ++outstanding_[c->node];
    item(c->node, request_batch::kind::frame, c->id, frame);
  });
}

void ports::close(conn_id id) {
  auto it = connections_.find(id);
  if (it == connections_.end()) return;
  auto c = it->second;
  c->client = nullptr;
  queue(c, true, [this, c] {
    if (end_of_service(*c)) item(c->node, request_batch::kind::closed, c->id, "");
    forget_if_over(c);
  });
}

void ports::item(node_id node, request_batch::kind what, conn_id id, std::string_view bytes) {
  world_.note(0x200 + static_cast<std::uint64_t>(what), node, id, bytes.size());
  auto& g = gathering_[node];
  if (!g) {
    g = std::make_shared<request_batch>();
    // What comes within one wake-up of the I/O thread goes on together.
    world_.after(world_.between(0, 200), [this, node] {
      nodes_.when_awake(node, [this, node] {
        auto batch = std::exchange(gathering_[node], nullptr);
        if (batch && nodes_.up(node)) nodes_.requests(node, std::move(batch));
      });
    });
  }
  g->items.push_back({id, what, static_cast<std::uint32_t>(g->bytes.size()), static_cast<std::uint32_t>(bytes.size())});
  g->bytes.append(bytes);
}

void ports::deliver(node_id node, const delivery_batch& b) {
  for (auto& i : b.items) {
    auto it = connections_.find(i.conn);
    if (it == connections_.end() || !it->second->server_open) continue;
    auto c = it->second;
    if (i.size) {
      auto piece = b.bytes.substr(i.at, i.size);
      jute::reader length(piece);
      if (length.i32() != static_cast<std::int32_t>(piece.size()) - 4)
        world_.breach("whole_frames", "node " + std::to_string(node) + " delivers a piece that is not one frame");
      queue(c, false, [c, piece = std::move(piece)] {
        if (c->client) c->client->frame(c->id, std::string_view(piece).substr(4));
      });
    }
    if (i.is_reply) {
      if (c->outstanding == 0)
        world_.breach("protocol", "node " + std::to_string(node) + " answers where nothing was asked");
      else
        answered(*c, 1);
    }
    if (i.close) {
      end_of_service(*c);
      item(node, request_batch::kind::closed, c->id, "");
      queue(c, false, [this, c] {
        if (c->client) std::exchange(c->client, nullptr)->ended(c->id);
        forget_if_over(c);
      });
    }
  }
}

void ports::node_ended(node_id node) {
  gathering_[node] = nullptr;
  for (auto& [id, c] : connections_) {
    if (c->node != node || !end_of_service(*c)) continue;
    queue(c, false, [this, c = c] {
      if (c->client) std::exchange(c->client, nullptr)->ended(c->id);
      forget_if_over(c);
    });
  }
}

void ports::forget_if_over(const connection_ptr& c) {
  if (!c->client && !c->server_open) connections_.erase(c->id);
}

bool ports::hold_one() {
  if (connections_.empty()) return false;
  auto it = connections_.begin();
  std::advance(it, static_cast<long>(world_.draw(connections_.size())));
  return !std::exchange(it->second->held, true);
}

bool ports::break_one() {
  if (connections_.empty()) return false;
  auto it = connections_.begin();
  std::advance(it, static_cast<long>(world_.draw(connections_.size())));
  auto c = it->second;
  if (end_of_service(*c)) item(c->node, request_batch::kind::closed, c->id, "");
  queue(c, false, [this, c] {
    if (c->client) std::exchange(c->client, nullptr)->ended(c->id);
    forget_if_over(c);
  });
  return true;
}

void ports::release_all() {
  cut_.clear();
  std::vector<connection_ptr> all;
  for (auto& [id, c] : connections_) all.push_back(c);
  for (auto& c : all) c->held = false, flush(c);
}

bool ports::cut(node_id node) { return cut_.insert(node).second; }

}  // namespace troupe::sim

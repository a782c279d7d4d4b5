#pragma once
/// The actor port before a node that is small but real: commit processor and watch notifier, leading alone, each
/// transaction committed at once. All in one thread, so that what is not there after `settle` never comes.

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/gateway/gateway.hpp"
#include "cluster/commit/commit_processor.hpp"
#include "cluster/watch/watch_notifier.hpp"
#include "tests/actors/actor_client.hpp"
#include "tests/actors/turned_fixture.hpp"

namespace troupe::testing {

/// What the test may ask of the node, and what it saw.
struct small_node_book {
  std::size_t batches = 0, frames = 0, opened = 0, closed = 0, deliveries = 0;
  conn_id last_conn = 0;
  bool hold = false;  ///< deliver nothing
  std::vector<delivery_batch> held;
  std::unique_ptr<commit::commit_processor> processor;
};

/// Also takes a std::string: a piece to deliver to the last connection as it stands, not as a reply.
struct small_node {
  static constexpr const char* name = "small node";
  small_node(io::pinned_actor* self, caf::actor gateway, small_node_book* book)
      : self_(self), gateway_(std::move(gateway)), book_(*book) {
    book_.processor =
        std::make_unique<commit::commit_processor>(commit::settings{}, std::make_unique<tree::database>(), now_ms);
    commit::effects fx;
    book_.processor->on_role(commit::role::leading, fx);
  }
  caf::behavior make_behavior() {
    return {[this](boxed<request_batch>& b) { on_batch(*b); },
            [this](const std::string& piece) {
              delivery_batch out;
              out.bytes = piece;
              out.items.push_back({book_.last_conn, 0, static_cast<std::uint32_t>(piece.size()), false, false});
              self_->send(gateway_, box(std::move(out)));
            },
            [this](std::uint64_t) {
              for (auto& d : book_.held) self_->send(gateway_, box(std::move(d)));
              book_.held.clear();
            }};
  }
  void on_batch(const request_batch& b) {
    ++book_.batches;
    for (auto& i : b.items) {
      book_.opened += i.what == request_batch::kind::opened, book_.closed += i.what == request_batch::kind::closed;
      book_.frames += i.what == request_batch::kind::frame;
      book_.last_conn = i.conn;
    }
    stream_batch all;
    commit::effects fx;
    book_.processor->on_requests(b, now_ms, fx);
    tell(fx);
  }
  void tell(commit::effects& fx) {
    delivery_batch out;
    for (auto proposals = std::move(fx.proposals);; proposals = std::move(fx.proposals)) {
      notifier_.step(std::move(fx.stream), out);
      fx.clear();
      if (proposals.empty()) break;
      for (auto& p : proposals) {
        if (p.txn.empty()) {
          p.reply.after = zxid_;
          book_.processor->on_replies({p.reply}, fx);
        } else {
          book_.processor->on_committed({{++zxid_, p.txn}}, fx);
        }
        notifier_.step(std::move(fx.stream), out);
        fx.stream = {};
      }
    }
    if (out.items.empty()) return;
    ++book_.deliveries;
    book_.hold ? book_.held.push_back(std::move(out)) : self_->send(gateway_, box(std::move(out)));
  }
  static constexpr std::int64_t now_ms = 1'700'000'000'000;
  io::pinned_actor* self_;
  caf::actor gateway_;
  small_node_book& book_;
  watch::watch_notifier notifier_;
  zxid_t zxid_ = make_zxid(1, 0);
};

struct port_fixture : turned_fixture, local_listener {
  explicit port_fixture(gateway::options o = {}) {
    o.spoken = gateway::protocol::actors;
    o.max_connections_per_address = 0;
    gate = gateway::spawn_gateway(system, loop, std::move(listener), std::move(o), stats);
    node = io::spawn_pinned<small_node>(system, &loop, gate, &book);
    caf::anon_send(gate, box(gateway::start{node}));
    settle();
  }
  ~port_fixture() {
    end(gate);
    end(node);
  }
  node_stats stats;
  small_node_book book;
  caf::actor gate, node;
};

/// One connection of an actor client.
class actor_client {
 public:
  explicit actor_client(port_fixture& f) : f_(f), fd_(f.connect()) {}

  /// All of it, as the node takes it; what does not fit because the node does not read any more is left out.
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      auto n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n < 0 && errno == EAGAIN) {
        if (!f_.loop.turn()) break;
        continue;
      }
      if (n < 0) break;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    f_.settle();
  }
  /// All of it, which the socket has to have room for, before the node has a turn.
  void send_at_once(std::string_view bytes) const {
    REQUIRE(::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
  }
  /// Takes so many bytes at most off the socket, for `frames` to find.
  void read(std::size_t most) {
    open_ = read_available(fd_.get(), got_, most) && open_;
    f_.settle();
  }
  /// The frames that are there.
  std::vector<told> frames() {
    f_.settle();
    for (auto before = SIZE_MAX; before != got_.size();) {
      before = got_.size();
      open_ = read_available(fd_.get(), got_) && open_;
      f_.settle();
    }
    auto out = take_frames(got_);
    return out;
  }
  /// The items of all frames that are there, which hold nothing else.
  struct item {
    wire::Item::Which what;
    std::int32_t call = 0, error = 0, type = 0;
    std::int64_t zxid = 0;
    std::string body;
  };
  std::vector<item> items() {
    std::vector<item> out;
    auto list = frames();
    last_frames_ = list.size();
    for (auto& frame : list) {
      REQUIRE((*frame).isItems());
      for (auto i : (*frame).getItems()) {
        auto& to = out.emplace_back();
        to.what = i.which();
        switch (i.which()) {
          case wire::Item::RESPONSE: {
            auto r = i.getResponse();
            to.call = r.getCall(), to.error = r.getError(), to.zxid = r.getZxid(), to.body = text(r.getBody());
            break;
          }
          case wire::Item::EVENT: {
            auto e = i.getEvent();
            to.type = e.getType(), to.zxid = e.getZxid(), to.body = text(e.getPath());
            break;
          }
          case wire::Item::NOTIFICATION:
            to.body = text(i.getNotification());
            break;
          case wire::Item::ALIVE:
            to.zxid = i.getAlive();
            break;
        }
      }
    }
    return out;
  }
  std::size_t last_frames() const { return last_frames_; }  ///< in how many frames `items` came
  /// The node has closed, and everything that it said before was taken by `frames`.
  bool closed() {
    frames();
    return !open_;
  }
  /// Why the node refused, if that is what it says last.
  std::string refusal() {
    auto list = frames();
    if (list.empty() || !(*list.back()).isRefused()) return {};
    auto r = (*list.back()).getRefused();
    CHECK(r.getOldest() == gateway::oldest_client_version);
    CHECK(r.getNewest() == gateway::newest_client_version);
    return text(r.getWhy());
  }

  struct welcome {
    std::int64_t session = 0;
    std::string password;
    std::int32_t timeout_ms = 0;
    std::uint16_t version = 0;
  };
  welcome hello(const hello_fields& h = {}) {
    send(hello_frame(h));
    auto list = frames();
    REQUIRE(list.size() == 1);
    REQUIRE((*list[0]).isWelcome());
    auto w = (*list[0]).getWelcome();
    return {w.getSession(), text(w.getPassword()), w.getTimeoutMs(), w.getVersion()};
  }
  /// One request, whose answer must be all that comes.
  item ask(std::int32_t op, const std::string& body) {
    send(requests_frame({{++call_, op, body}}));
    auto list = items();
    REQUIRE(list.size() == 1);
    CHECK(list[0].call == call_);
    return list[0];
  }
  void close() { fd_.reset(), f_.settle(); }

 private:
  port_fixture& f_;
  io::descriptor fd_;
  std::string got_;
  bool open_ = true;
  std::int32_t call_ = 1'000'000;
  std::size_t last_frames_ = 0;
};

}  // namespace troupe::testing

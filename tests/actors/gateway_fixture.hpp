#pragma once
/// A gateway on a port of the kernel's choice, and a commit actor that echoes.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <caf/event_based_actor.hpp>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include "actors/gateway/gateway.hpp"
#include "schema/jute.hpp"
#include "tests/actors/loop_fixture.hpp"

namespace troupe::testing {

/// A blocking client.
struct client {
  explicit client(std::uint16_t port) : fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET, to.sin_port = htons(port), to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected = ::connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
  }
  void send(std::string_view s) const {
    while (!s.empty()) {
      auto n = ::send(fd.get(), s.data(), s.size(), MSG_NOSIGNAL);
      if (n <= 0) return;
      s.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  /// Reads `n` bytes, fewer if the server closes.
  std::string read(std::size_t n) const {
    std::string out(n, 0);
    std::size_t have = 0;
    while (have < n) {
      auto r = ::recv(fd.get(), out.data() + have, n - have, 0);
      if (r <= 0) break;
      have += static_cast<std::size_t>(r);
    }
    out.resize(have);
    return out;
  }
  std::string read_all() const {
    std::string out;
    for (std::string part; !(part = read(4096)).empty();) out += part;
    return out;
  }
  io::descriptor fd;
  bool connected;
};

inline std::string frame(std::string_view body) {
  std::string out;
  jute::writer w(out);
  w.buffer(body);
  return out;
}

/// What the commit stub saw, and what it may be told to do.
struct commit_log {
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t batches = 0, frames = 0, opened = 0, closed = 0, drained = 0;
  std::string last_address;
  std::atomic<bool> hold{false};  ///< do not answer
  template <class F>
  void wait(F f) {
    std::unique_lock lock(mutex);
    changed.wait(lock, f);
  }
};

/// Stands for commit and notifier: answers each frame with itself. Frames that say so ask for more:
/// "close": close after the reply; "many N": an event of N bytes before the reply; "paced N": the same, paced.
struct echo_commit {
  static constexpr const char* name = "echo commit";
  echo_commit(io::pinned_actor* self, caf::actor gateway, commit_log* log)
      : self_(self), gateway_(gateway), log_(log) {}
  caf::behavior make_behavior() {
    return {[this](boxed<request_batch>& b) { on_batch(*b); }, [this](std::uint64_t) { answer_held(); },
            [this](boxed<msg::drained>&) {
              std::lock_guard lock(log_->mutex);
              ++log_->drained;
              log_->changed.notify_all();
            }};
  }
  void on_batch(const request_batch& b) {
    std::lock_guard lock(log_->mutex);
    ++log_->batches;
    for (auto& i : b.items) {
      if (i.what == request_batch::kind::opened) ++log_->opened, log_->last_address = b.view(i);
      if (i.what == request_batch::kind::closed) ++log_->closed;
      if (i.what != request_batch::kind::frame) continue;
      ++log_->frames;
      auto body = b.view(i);
      if (body.starts_with("many "))
        add(i.conn, std::string(std::stoul(std::string(body.substr(5))), 'x'), false, false);
      if (body.starts_with("paced ")) {
        add(i.conn, std::string(std::stoul(std::string(body.substr(6))), 'x'), false, false);
        out_.items.back().paced = true;
      }
      add(i.conn, body, true, body == "close");
    }
    log_->changed.notify_all();
    if (!log_->hold) answer_held();
  }
  void add(conn_id conn, std::string_view body, bool reply, bool close) {
    auto f = frame(body);
    out_.items.push_back({conn, static_cast<std::uint32_t>(out_.bytes.size()), static_cast<std::uint32_t>(f.size()),
                          reply, close, false});
    out_.bytes += f;
  }
  void answer_held() {
    if (!out_.items.empty()) self_->send(gateway_, box(std::move(out_)));
    out_ = {};
  }
  io::pinned_actor* self_;
  caf::actor gateway_;
  commit_log* log_;
  delivery_batch out_;
};

struct gateway_fixture : loop_fixture {
  explicit gateway_fixture(gateway::options o = {}) {
    if (o.max_connections_per_address == 60) o.max_connections_per_address = 0;
    auto l = io::listen_on("127.0.0.1", 0, 128);
    port = l.port;
    gate = gateway::spawn_gateway(system, loop, std::move(l), std::move(o), stats);
    commit = io::spawn_pinned<echo_commit>(system, &loop, gate, &log);
    caf::anon_send(gate, box(gateway::start{commit}));
  }
  ~gateway_fixture() {
    end(gate);
    end(commit);
  }
  void lead() { caf::anon_send(gate, box(msg::role{{troupe::commit::role::leading, 3, 1}})); }

  node_stats stats;
  commit_log log;
  std::uint16_t port = 0;
  caf::actor gate, commit;
};

}  // namespace troupe::testing

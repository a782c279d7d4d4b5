#pragma once
/// A TCP proxy on loopback whose connections a test can cut, so that a client must connect anew while its session
/// lives.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace troupe::ensemble {

class cut_proxy {
 public:
  explicit cut_proxy(std::uint16_t target) : target_(target), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    auto any = loopback(0);
    socklen_t size = sizeof any;
    if (listener_ < 0 || ::bind(listener_, reinterpret_cast<sockaddr*>(&any), size) != 0 ||
        ::listen(listener_, 16) != 0 || ::getsockname(listener_, reinterpret_cast<sockaddr*>(&any), &size) != 0)
      throw std::runtime_error("no proxy on loopback");
    port_ = ntohs(any.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~cut_proxy() {
    end_ = true;
    thread_.join();
    ::close(listener_);
  }
  cut_proxy(const cut_proxy&) = delete;
  cut_proxy& operator=(const cut_proxy&) = delete;

  std::uint16_t port() const { return port_; }
  /// Closes all connections and accepts no other until `mend`.
  void cut() { open_ = false; }
  void mend() { open_ = true; }
  int connections() const { return connections_; }

 private:
  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in a{};
    a.sin_family = AF_INET, a.sin_port = htons(port), a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
  }

  void accept_one() {
    auto client = ::accept(listener_, nullptr, nullptr), server = ::socket(AF_INET, SOCK_STREAM, 0);
    auto to = loopback(target_);
    if (open_ && ::connect(server, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0) {
      pairs_.emplace_back(client, server);
    } else {
      ::close(client);
      ::close(server);
    }
  }

  /// False at the end of the connection.
  static bool carry(int from, int to) {
    char buffer[65536];
    auto n = ::recv(from, buffer, sizeof buffer, 0);
    for (ssize_t done = 0; done < n;) {
      auto sent = ::send(to, buffer + done, static_cast<std::size_t>(n - done), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      done += sent;
    }
    return n > 0;
  }

  void run() {
    while (!end_) {
      if (!open_) drop_all();
      connections_ = static_cast<int>(pairs_.size());
      std::vector<pollfd> ready{{listener_, POLLIN, 0}};
      for (auto [c, s] : pairs_) ready.push_back({c, POLLIN, 0}), ready.push_back({s, POLLIN, 0});
      if (::poll(ready.data(), ready.size(), 5) <= 0) continue;
      if (ready[0].revents) accept_one();
      for (std::size_t i = (ready.size() - 1) / 2; i-- > 0;) {
        auto [c, s] = pairs_[i];
        if ((ready[1 + 2 * i].revents && !carry(c, s)) || (ready[2 + 2 * i].revents && !carry(s, c))) {
          ::close(c), ::close(s);
          pairs_.erase(pairs_.begin() + static_cast<std::ptrdiff_t>(i));
        }
      }
    }
    drop_all();
  }

  void drop_all() {
    for (auto [c, s] : pairs_) ::close(c), ::close(s);
    pairs_.clear();
  }

  std::uint16_t target_, port_ = 0;
  int listener_;
  std::vector<std::pair<int, int>> pairs_;
  std::atomic<bool> open_{true}, end_{false};
  std::atomic<int> connections_{0};
  std::thread thread_;
};

}  // namespace troupe::ensemble

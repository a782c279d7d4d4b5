#include "tools/probe.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <sstream>

namespace troupe::tools {
namespace {

using steady = std::chrono::steady_clock;

bool ready(int fd, short events, steady::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady::now()).count();
  pollfd p{fd, events, 0};
  return left > 0 && ::poll(&p, 1, static_cast<int>(left)) == 1;
}

std::optional<std::string> converse(int fd, const addrinfo& to, const std::string& word, steady::time_point deadline) {
  if (::connect(fd, to.ai_addr, to.ai_addrlen) != 0) {
    if (errno != EINPROGRESS || !ready(fd, POLLOUT, deadline)) return std::nullopt;
    int failed = 0;
    socklen_t size = sizeof failed;
    if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size) != 0 || failed != 0) return std::nullopt;
  }
  if (::send(fd, word.data(), word.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(word.size())) return std::nullopt;
  std::string answer;
  while (answer.size() < 65536 && ready(fd, POLLIN, deadline)) {
    char buffer[4096];
    const ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
    if (n == 0) return answer;  // the node closes when it has said everything
    if (n < 0) return std::nullopt;
    answer.append(buffer, static_cast<std::size_t>(n));
  }
  return std::nullopt;
}

/// What follows `key` on the line that starts with it.
std::string value_of(const std::string& answer, const std::string& key) {
  std::istringstream lines(answer);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(key)) return line.substr(key.size());
  }
  return {};
}

}  // namespace

std::optional<std::string> ask(const node_config& c, const std::string& word, int timeout_ms) {
  const auto deadline = steady::now() + std::chrono::milliseconds(timeout_ms);
  // A node that listens on all addresses is asked on loopback, where this program runs.
  const std::string host = c.client_address == "0.0.0.0" ? "127.0.0.1"
                           : c.client_address == "::"    ? "::1"
                                                         : c.client_address;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(c.client_port).c_str(), &hints, &found) != 0) return std::nullopt;
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, ::freeaddrinfo);
  for (const auto* a = addresses.get(); a != nullptr; a = a->ai_next) {
    const int fd = ::socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
    if (fd < 0) continue;
    auto answer = converse(fd, *a, word, deadline);
    ::close(fd);
    if (answer) return answer;
  }
  return std::nullopt;
}

std::optional<node_report> probe(const node_config& c, int timeout_ms) {
  const auto answer = ask(c, "srvr", timeout_ms);
  if (!answer) return std::nullopt;
  node_report report;
  report.mode = value_of(*answer, "Mode: ");
  if (report.mode.empty()) return std::nullopt;
  report.zxid = static_cast<std::int64_t>(std::strtoull(value_of(*answer, "Zxid: ").c_str(), nullptr, 16));
  return report;
}

void add_sessions(const node_config& c, int timeout_ms, node_report& report) {
  const auto answer = ask(c, "mntr", timeout_ms);
  if (!answer) return;
  const std::string number = value_of(*answer, "zk_global_sessions\t");
  if (!number.empty()) report.sessions = std::strtoull(number.c_str(), nullptr, 10);
  report.epoch = static_cast<epoch_t>(std::strtoul(value_of(*answer, "zk_current_epoch\t").c_str(), nullptr, 10));
}

}  // namespace troupe::tools

/// What can be known to fail before a node creates anything.

#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <system_error>
#include <thread>

#include "actors/node/configuration.hpp"

namespace troupe {
namespace {

std::string text_of(int code) { return std::generic_category().message(code); }

/// 0, or why one of the addresses of `where` cannot be listened on. Binds as the node itself will.
int try_bind(const addrinfo* addresses) {
  for (const auto* a = addresses; a != nullptr; a = a->ai_next) {
    const int fd = ::socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
    if (fd < 0) return errno;
    const int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const int failed = ::bind(fd, a->ai_addr, a->ai_addrlen) == 0 ? 0 : errno;
    ::close(fd);
    if (failed != 0) return failed;
  }
  return 0;
}

void check_port(const endpoint& where, const char* key, std::chrono::steady_clock::time_point deadline,
                std::vector<std::string>& errors) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  if (const int e = ::getaddrinfo(where.host.c_str(), std::to_string(where.port).c_str(), &hints, &found); e != 0) {
    errors.push_back("the host of '" + std::string(key) + "' (" + where.host + ") is unknown: " + ::gai_strerror(e));
    return;
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, ::freeaddrinfo);
  int failed = try_bind(addresses.get());
  while (failed == EADDRINUSE && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    failed = try_bind(addresses.get());
  }
  if (failed == EADDRINUSE) {
    errors.push_back(where.text() + " ('" + key +
                     "') is in use by another process: stop that one, or choose another port");
  } else if (failed != 0) {
    errors.push_back("cannot listen on " + where.text() + " ('" + key + "'): " + text_of(failed));
  }
}

/// Makes the directory as the node will and writes a file without a name in it, then takes away what it made.
void check_directory(const std::filesystem::path& directory, std::vector<std::string>& errors) {
  std::error_code failed;
  std::filesystem::path topmost_missing;
  for (auto p = directory; !p.empty() && !std::filesystem::exists(p, failed) && p != p.root_path();
       p = p.parent_path()) {
    topmost_missing = p;
  }
  failed.clear();
  if (std::filesystem::exists(directory, failed) && !std::filesystem::is_directory(directory)) {
    errors.push_back("the data directory " + directory.string() + " is not a directory");
    return;
  }
  failed.clear();
  std::filesystem::create_directories(directory, failed);
  int code = failed.value();
  if (code == 0) {
    const int fd = ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    // A filesystem without O_TMPFILE says EOPNOTSUPP or EISDIR; then only the permission bits can be asked.
    if (fd >= 0) {
      ::close(fd);
    } else if (errno == EOPNOTSUPP || errno == EISDIR) {
      code = ::access(directory.c_str(), W_OK | X_OK) == 0 ? 0 : errno;
    } else {
      code = errno;
    }
  }
  if (code != 0) {
    errors.push_back("the data directory " + directory.string() + " cannot be made or written: " + text_of(code));
  }
  for (auto p = directory; !topmost_missing.empty(); p = p.parent_path()) {
    ::rmdir(p.c_str());  // only what is empty goes, and only what was missing before
    if (p == topmost_missing) break;
  }
}

}  // namespace

std::vector<std::string> preflight(const node_config& config, std::int64_t patience_ms) {
  std::vector<std::string> errors;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(patience_ms);
  check_port({config.client_address, config.client_port}, "client-port", deadline, errors);
  if (config.actor_port != 0) check_port({config.actor_address, config.actor_port}, "actor-port", deadline, errors);
  if (config.peer_address && !config.alone()) check_port(*config.peer_address, "peer-address", deadline, errors);
  check_directory(config.data_dir, errors);
  return errors;
}

}  // namespace troupe

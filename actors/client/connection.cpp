/// A client's socket.

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "actors/client/client_actor.hpp"
#include "actors/io/boxed.hpp"
#include "actors/io/socket.hpp"

namespace troupe::client {

namespace {

constexpr std::size_t full_output = 256 << 10;  ///< with so many bytes not taken by the socket, requests wait elsewhere

}  // namespace

void client_actor::dial(std::size_t node) {
  to_dial_ = node;  // not from within the machine's event
}

void client_actor::hang_up() {
  to_dial_.reset();
  ++dial_number_;
  if (fd_) loop_.unwatch(fd_.get());
  fd_.reset();
  connecting_ = false;
  addresses_.clear();
  in_.clear(), out_.clear(), out_at_ = 0;
}

void client_actor::begin_dial() {
  auto what = settings_.nodes[*to_dial_];
  to_dial_.reset();
  what.tag = ++dial_number_;
  if (auto r = io::look_up(what, true); !r.addresses.empty()) return on_resolved(r);
  if (!resolver_) resolver_ = io::spawn_resolver(system());
  send(resolver_, box(std::move(what)));
}

void client_actor::on_resolved(const io::resolved& r) {
  if (r.tag != dial_number_) return;  // given up
  if (r.addresses.empty()) return lost(r.error);
  addresses_.assign(r.addresses.rbegin(), r.addresses.rend());
  connect_next();
}

/// Tries the addresses of a node one after the other.
void client_actor::connect_next() {
  std::string why;
  while (!addresses_.empty()) {
    auto [where, size] = addresses_.back();
    addresses_.pop_back();
    io::descriptor fd(::socket(where.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd || (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&where), size) != 0 && errno != EINPROGRESS)) {
      why = std::strerror(errno);
      continue;
    }
    io::no_delay(fd.get());
    fd_ = std::move(fd), connecting_ = true;
    loop_.watch(fd_.get(), events_ = EPOLLOUT, this);
    return;
  }
  lost(why);
}

void client_actor::lost(std::string_view why) {
  std::string kept(why);
  hang_up();
  machine_.on_lost(now_ms(), kept);
}

void client_actor::on_connected() {
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error) {
    loop_.unwatch(fd_.get());
    fd_.reset();
    connecting_ = false;
    if (!addresses_.empty()) return connect_next();
    return lost(std::strerror(error));
  }
  connecting_ = false;
  auto timeout = static_cast<unsigned>(settings_.what.session_timeout.count());
  ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout,
               sizeof timeout);  // only an aid: we watch silence too
  loop_.modify(fd_.get(), events_ = EPOLLIN);
  machine_.on_dialled(now_ms());
}

void client_actor::on_ready(int, std::uint32_t events) {
  if (connecting_) return on_connected();
  if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive();
  if (fd_ && (events & EPOLLOUT)) output_waits_ = true;
}

void client_actor::receive() {
  auto space = in_.prepare();
  auto n = ::recv(fd_.get(), space.data(), space.size(), 0);
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
  if (n < 0) return lost(std::strerror(errno));
  if (n == 0) return lost("the node closed it");
  in_.add(static_cast<std::size_t>(n));
  auto number = dial_number_;
  std::span<const std::uint64_t> message;
  for (;;) {
    auto r = in_.next(message);
    if (r == frame_buffer::result::incomplete) return;
    if (r == frame_buffer::result::malformed) return lost("the node sent what is no frame, or too large a one");
    machine_.on_message(now_ms(), message);
    if (number != dial_number_) return;  // the machine hung up
  }
}

void client_actor::before_wait() {
  if (std::exchange(output_waits_, false)) flush();
  while (to_dial_) begin_dial();  // what fails at once comes back with another node, or not before a pause
}

void client_actor::flush() {
  unsent_ = 0;
  if (!fd_ || connecting_) return;
  bool more = true, blocked = false;
  while (more || out_at_ < out_.size() * 8) {
    if (more && out_.size() * 8 - out_at_ < full_output) more = machine_.fill(now_ms(), out_, full_output);
    auto left = out_.size() * 8 - out_at_;
    if (!left) break;
    auto n = ::send(fd_.get(), reinterpret_cast<const char*>(out_.data()) + out_at_, left, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      blocked = true;
      break;
    }
    if (n < 0) return lost(std::strerror(errno));
    out_at_ += static_cast<std::size_t>(n);
    if (out_at_ == out_.size() * 8) out_.clear(), out_at_ = 0;
  }
  if (out_at_ >= full_output) {
    auto words = out_at_ / 8;
    out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(words)), out_at_ -= words * 8;
  }
  std::uint32_t events = blocked ? EPOLLIN | EPOLLOUT : +EPOLLIN;
  if (events != events_) loop_.modify(fd_.get(), events_ = events);
}

}  // namespace troupe::client

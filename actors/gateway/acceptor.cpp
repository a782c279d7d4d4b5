/// How connections come and go.

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "actors/gateway/gateway.hpp"

namespace troupe::gateway {

namespace {

constexpr int accepts_per_turn = 256;  ///< in a storm of connections those that exist are served too
constexpr std::uint64_t slot_mask = (1u << 24) - 1;

}  // namespace

void gateway_actor::on_ready(int, std::uint32_t) { accept_all(); }

void gateway_actor::accept_all() {
  for (int i = 0; i < accepts_per_turn; ++i) {
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    io::descriptor fd(
        ::accept4(listener_.fd.get(), reinterpret_cast<sockaddr*>(&from), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) {
      admit(std::move(fd), io::name_of(from));
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno == EMFILE || errno == ENFILE) refuse_for_lack_of_descriptors();
    return;  // nobody else waits; other errors are of a connection that is gone
  }
}

/// Without this the connection would stay in the queue and the listener ready: the loop would spin.
void gateway_actor::refuse_for_lack_of_descriptors() {
  auto why = errno;
  reserve_.reset();
  // Closed at once: the reserve needs its place.
  bool refused = static_cast<bool>(io::descriptor(::accept4(listener_.fd.get(), nullptr, nullptr, SOCK_CLOEXEC)));
  if (!refused && errno != EAGAIN) {      // somebody else took the place of the reserve
    loop_.modify(listener_.fd.get(), 0);  // until the next tick
    accept_later_ = true;
  }
  reserve_.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!refused) return;
  ++stats_.connections_refused;
  if (may_log()) spdlog::error(fmt::format("{}: refused a connection: {}", options_.port_name(), std::strerror(why)));
}

void gateway_actor::admit(io::descriptor fd, io::peer_name peer) {
  auto per_address = per_address_.find(peer.address);
  auto here = per_address == per_address_.end() ? 0 : per_address->second;
  bool full = connections_ >= options_.max_connections;
  if (full || (options_.max_connections_per_address && here >= options_.max_connections_per_address)) {
    ++stats_.connections_refused;
    if (may_log())
      spdlog::warn(fmt::format("{}: refused a connection from {}: {}", options_.port_name(), peer.address,
                               full ? fmt::format("all {} connections are taken", options_.max_connections)
                                    : fmt::format("it has {} already (max-client-connections)", here)));
    return;
  }
  io::no_delay(fd.get());
  std::uint32_t slot = static_cast<std::uint32_t>(slots_.size());
  if (free_slots_.empty())
    slots_.emplace_back();
  else
    slot = free_slots_.back(), free_slots_.pop_back();
  ++per_address_[peer.address];
  ++connections_, ++stats_.connections;
  const auto actors = options_.spoken == protocol::actors;
  auto id = next_number_++ << 24 | slot | (actors ? actor_port_bit : 0);
  auto c = std::make_unique<connection>(*this, id, std::move(fd), std::move(peer));
  if (actors)
    c->translator =
        std::make_unique<actor_translator>(actor_translator::limits{options_.max_frame, options_.max_first_frame});
  using namespace std::chrono;
  c->established_ms = duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
  c->events = EPOLLIN;
  loop_.watch(c->fd.get(), c->events, c.get());
  slots_[slot] = std::move(c);
  handshakes_.push_back({loop_.now_ms() + options_.handshake_timeout_ms, id, connection::phase::fresh});
}

connection* gateway_actor::find(conn_id id) {
  auto slot = id & slot_mask;
  if (slot >= slots_.size()) return nullptr;
  auto* c = slots_[slot].get();
  return c && c->id == id ? c : nullptr;
}

/// Tells epoll what the connection's state asks for.
void gateway_actor::arm(connection& c) {
  using phase = connection::phase;
  bool read = c.state == phase::lingering || (c.state != phase::closing && !c.paused);
  std::uint32_t events = (read ? +EPOLLIN : 0) | (c.unsent() ? +EPOLLOUT : 0);
  if (events == c.events) return;
  loop_.modify(c.fd.get(), events);
  c.events = events;
}

void gateway_actor::close_after_flush(connection& c) {
  leave_session(c);
  c.state = connection::phase::closing;
  partial_ -= c.in.size();
  std::string().swap(c.in);
  closings_.push_back({loop_.now_ms() + options_.close_timeout_ms, c.id, c.state});
  if (!c.dirty) c.dirty = true, dirty_.push_back(c.id);
}

/// Closing a socket with unread input sends RST, which may destroy the last reply on its way (an expired session's
/// client, which has pipelined requests, would not learn that it has expired): shut our side and read on for a while.
void gateway_actor::linger(connection& c) {
  ::shutdown(c.fd.get(), SHUT_WR);
  c.state = connection::phase::lingering;
  lingerings_.push_back({loop_.now_ms() + options_.linger_ms, c.id, c.state});
  arm(c);
}

/// The commit actor will hear nothing more of the connection; what it had outstanding counts no longer.
void gateway_actor::leave_session(connection& c) {
  outstanding_ -= c.outstanding, outstanding_bytes_ -= c.outstanding_bytes;
  c.outstanding = c.outstanding_bytes = 0;
  c.arrived = {};
  if (!c.opened) return;
  c.opened = false;
  if (!group_) group_ = std::make_shared<request_batch>();
  group_->items.push_back({c.id, request_batch::kind::closed, 0, 0});
}

void gateway_actor::drop(connection& c) {
  leave_session(c);
  partial_ -= c.in.size(), unsent_ -= c.unsent();
  auto a = per_address_.find(c.peer.address);
  if (--a->second == 0) per_address_.erase(a);
  --connections_, --stats_.connections;
  loop_.unwatch(c.fd.get());
  auto slot = static_cast<std::uint32_t>(c.id & slot_mask);
  free_slots_.push_back(slot);
  slots_[slot].reset();
}

}  // namespace troupe::gateway

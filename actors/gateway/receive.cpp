/// From bytes to frames, and the bounds on requests that wait.

#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "actors/gateway/four_letter_words.hpp"
#include "actors/gateway/gateway.hpp"

namespace troupe::gateway {

namespace {

constexpr std::size_t kept_buffer = 64 << 10;  ///< an empty buffer with more capacity than this is given back

}  // namespace

void gateway_actor::on_connection_ready(connection& c, std::uint32_t events) {
  auto id = c.id;
  if (events & EPOLLIN) receive(c);
  if (!find(id)) return;
  // Both directions are dead. What the client sent before is read first, if we read at all.
  if ((events & (EPOLLERR | EPOLLHUP)) && !(events & EPOLLIN)) return drop(c);
  if (events & EPOLLOUT) flush(c);
}

void gateway_actor::receive(connection& c) {
  auto n = ::recv(c.fd.get(), scratch_.get(), scratch_size, 0);
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
  if (n <= 0) return drop(c);
  if (c.state == connection::phase::lingering) return;
  auto id = c.id;
  std::string_view got{scratch_.get(), static_cast<std::size_t>(n)};
  stats_.bytes_received = stats_.bytes_received + got.size();
  if (c.in.empty()) {
    auto used = cut(c, got);
    if (find(id)) keep_rest(c, got.substr(used));
    return;
  }
  c.in.append(got), partial_ += got.size();
  resume_reading(c);
}

/// Keeps what is not a whole frame, or must wait.
void gateway_actor::keep_rest(connection& c, std::string_view rest) {
  if (rest.empty() || c.state > connection::phase::open) return;
  c.in.assign(rest), partial_ += rest.size();
  if (partial_ > options_.max_partial_total)
    refuse(c, "all connections together sent too much that is not a whole frame");
}

/// Adds whole frames to the group; returns how many bytes they took. May drop the connection.
std::size_t gateway_actor::cut(connection& c, std::string_view bytes) {
  std::size_t at = 0;
  std::uint32_t requests = 0;
  std::string_view last;
  auto batch_bytes = std::size_t{0};
  if (!c.paused && all_full()) pause(c);
  while (!c.paused && bytes.size() - at >= 4) {
    auto size = static_cast<std::size_t>(static_cast<std::uint32_t>(jute::reader(bytes.substr(at)).i32()));
    if (c.state == connection::phase::fresh) {
      if (is_four_letter_word(bytes.substr(at, 4))) return answer_word(c, bytes.substr(at, 4)), bytes.size();
      if (size > options_.max_first_frame) return refuse(c, "its first frame is no ConnectRequest"), bytes.size();
    }
    if (size > options_.max_frame) return refuse(c, "sent a frame of negative or too great a length"), bytes.size();
    if (bytes.size() - at - 4 < size) break;
    if (group_ && group_->bytes.size() + size > group_limit) send_group();
    if (!group_) {
      group_ = std::make_shared<request_batch>();
      group_->bytes.reserve(std::max<std::size_t>(group_hint_, 4096));
    }
    if (c.state == connection::phase::fresh) {
      c.state = connection::phase::open, c.opened = true;
      group_->items.push_back({c.id, request_batch::kind::opened, static_cast<std::uint32_t>(group_->bytes.size()),
                               static_cast<std::uint32_t>(c.peer.address.size())});
      group_->bytes.append(c.peer.address);
    }
    auto frame = bytes.substr(at + 4, size);
    group_->items.push_back({c.id, request_batch::kind::frame, static_cast<std::uint32_t>(group_->bytes.size()),
                             static_cast<std::uint32_t>(size)});
    group_->bytes.append(frame);
    at += 4 + size;
    ++requests, batch_bytes += size;
    ++c.outstanding, ++outstanding_, c.outstanding_bytes += size, outstanding_bytes_ += size;
    if (must_pause(c)) pause(c);
    last = frame;
  }
  if (requests) {
    if (jute::reader r(last); c.session) c.stats.last_xid = r.i32(), c.stats.last_op = r.i32();
    c.arrived.push(loop_.now_us(), requests, batch_bytes);
    c.stats.received += requests;
    stats_.packets_received = stats_.packets_received + requests;
  }
  return at;
}

bool gateway_actor::all_full() const {
  return outstanding_ >= options_.max_outstanding_total || outstanding_bytes_ >= options_.max_outstanding_bytes_total;
}

bool gateway_actor::must_pause(const connection& c) const {
  return c.outstanding >= options_.max_outstanding || c.outstanding_bytes >= options_.max_outstanding_bytes ||
         c.unsent() >= options_.pause_output || all_full();
}

void gateway_actor::pause(connection& c) {
  c.paused = true;
  arm(c);
  if (all_full() && !c.waiting) c.waiting = true, waiting_.push_back(c.id);
}

/// Takes up what waits in `in`, and the socket, if no bound stands against it any more. The connection may be gone
/// after.
void gateway_actor::resume_reading(connection& c) {
  if (c.state > connection::phase::open) return;
  if (c.paused) {
    if (c.outstanding > options_.max_outstanding / 2 || c.outstanding_bytes > options_.max_outstanding_bytes / 2 ||
        c.unsent() > options_.pause_output / 2)
      return;
    if (all_full()) {
      if (!c.waiting) c.waiting = true, waiting_.push_back(c.id);
      return;
    }
    c.paused = false;
  }
  if (!c.in.empty()) {
    auto id = c.id;
    auto used = cut(c, c.in);
    if (!find(id) || c.state > connection::phase::open) return;
    c.in.erase(0, used), partial_ -= used;
    if (c.in.empty() && c.in.capacity() > kept_buffer) std::string().swap(c.in);
    if (partial_ > options_.max_partial_total)
      return refuse(c, "all connections together sent too much that is not a whole frame");
  }
  arm(c);
}

void gateway_actor::resume_waiting() {
  if (outstanding_ > options_.max_outstanding_total / 2 ||
      outstanding_bytes_ > options_.max_outstanding_bytes_total / 2)
    return;
  auto list = std::move(waiting_);
  waiting_.clear();
  for (auto id : list)
    if (auto* c = find(id)) c->waiting = false, resume_reading(*c);
}

void gateway_actor::refuse(connection& c, const char* why) {
  ++stats_.connections_dropped;
  if (may_log())
    spdlog::warn("client port: closed {}:{} (session {:#x}): {}", c.peer.address, c.peer.port, c.session, why);
  drop(c);
}

void gateway_actor::answer_word(connection& c, std::string_view word) {
  word_context w{options_, stats_, loop_.now_ms(), {}};
  w.each_connection = [this](const std::function<void(connection&)>& what) {
    for (auto& other : slots_)
      if (other) what(*other);
  };
  c.out = answer(std::string(word), w);
  unsent_ += c.out.size();
  close_after_flush(c);
}

}  // namespace troupe::gateway

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

constexpr std::size_t kept_input = 64 << 10;  ///< an empty buffer with more capacity than this is given back

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
    auto used = c.translator ? cut_translated(c, got) : cut(c, got);
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
    make_room(size);
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

/// The same for an actor client, whose translator makes any number of requests of one frame.
std::size_t gateway_actor::cut_translated(connection& c, std::string_view bytes) {
  auto& t = *c.translator;
  std::size_t at = 0, batch_bytes = 0;
  std::uint32_t requests = 0;
  if (!c.paused && all_full()) pause(c);
  while (!c.paused) {
    auto frame = t.first_frame(bytes.substr(at));
    if (t.refused()) return refuse_politely(c, t.why()), bytes.size();
    if (frame.empty()) break;
    make_room(frame.size());
    const auto items = group_->items.size(), size = group_->bytes.size();
    const bool fresh = c.state == connection::phase::fresh;
    if (fresh) {
      group_->items.push_back({c.id, request_batch::kind::opened, static_cast<std::uint32_t>(size),
                               static_cast<std::uint32_t>(c.peer.address.size())});
      group_->bytes.append(c.peer.address);
    }
    const auto first = group_->items.size(), from = group_->bytes.size();
    if (!t.take(frame, c.id, *group_)) {  // nothing of it is carried out
      group_->items.resize(items), group_->bytes.resize(size);
      if (items == 0) group_ = nullptr;
      return refuse_politely(c, t.why()), bytes.size();
    }
    if (fresh) c.state = connection::phase::open, c.opened = true;
    const auto added = group_->items.size() - first, grown = group_->bytes.size() - from;
    if (added && c.session) {  // now: a frame without requests may follow, in a group of its own
      jute::reader r(group_->view(group_->items.back()));
      c.stats.last_xid = r.i32(), c.stats.last_op = r.i32();
    }
    at += frame.size();
    requests += static_cast<std::uint32_t>(added), batch_bytes += grown;
    c.outstanding += added, outstanding_ += added, c.outstanding_bytes += grown, outstanding_bytes_ += grown;
    if (must_pause(c)) pause(c);
  }
  if (requests) {
    c.arrived.push(loop_.now_us(), requests, batch_bytes);
    c.stats.received += requests;
    stats_.packets_received = stats_.packets_received + requests;
  }
  return at;
}

/// A group that can take so many bytes more.
void gateway_actor::make_room(std::size_t bytes) {
  if (group_ && group_->bytes.size() + bytes > group_limit) send_group();
  if (group_) return;
  group_ = std::make_shared<request_batch>();
  group_->bytes.reserve(std::max<std::size_t>(group_hint_, 4096));
}

bool gateway_actor::all_full() const {
  return outstanding_ >= options_.max_outstanding_total || outstanding_bytes_ >= options_.max_outstanding_bytes_total;
}

bool gateway_actor::must_pause(const connection& c) const {
  return c.outstanding >= options_.max_outstanding || c.outstanding_bytes >= options_.max_outstanding_bytes ||
         c.unsent() >= options_.pause_output || c.expected_output() >= options_.max_expected_output || all_full();
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
        c.unsent() > options_.pause_output / 2 || c.expected_output() > options_.max_expected_output / 2)
      return;
    if (all_full()) {
      if (!c.waiting) c.waiting = true, waiting_.push_back(c.id);
      return;
    }
    c.paused = false;
  }
  if (!c.in.empty()) {
    auto id = c.id;
    auto used = c.translator ? cut_translated(c, c.in) : cut(c, c.in);
    if (!find(id) || c.state > connection::phase::open) return;
    c.in.erase(0, used), partial_ -= used;
    if (c.in.empty() && c.in.capacity() > kept_input) std::string().swap(c.in);
    if (partial_ > options_.max_partial_total)
      return refuse(c, "all connections together sent too much that is not a whole frame");
  }
  arm(c);
}

/// First come, first served, as far as there is room: who fills it again stands behind those that wait already.
void gateway_actor::resume_waiting() {
  for (auto n = waiting_.size(); n > 0 && !all_full(); --n) {
    auto* c = find(waiting_.front());
    waiting_.pop_front();
    if (c) c->waiting = false, resume_reading(*c);
  }
}

void gateway_actor::refuse(connection& c, const char* why) {
  log_refusal(c, why);
  drop(c);
}

/// An actor client is told why, unless what it sent shows that it speaks something else.
void gateway_actor::refuse_politely(connection& c, const std::string& why) {
  if (!c.translator->understood()) return refuse(c, why.c_str());
  log_refusal(c, why.c_str());
  const auto before = c.out.size();
  actor_translator::write_refused(c.out, why);
  unsent_ += c.out.size() - before;
  close_after_flush(c);
}

void gateway_actor::log_refusal(const connection& c, const char* why) {
  ++stats_.connections_dropped;
  if (may_log())
    spdlog::warn(fmt::format("{}: closed {}:{} (session {:#x}): {}", options_.port_name(), c.peer.address, c.peer.port,
                             c.session, why));
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

#include "actors/gateway/gateway.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <caf/actor_cast.hpp>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <utility>

namespace troupe::gateway {

namespace {

constexpr std::size_t kept_output = 256 << 10;  ///< an empty buffer with more capacity than this is given back
constexpr std::int64_t tick_ms = 250;           ///< how late a deadline may be noticed

std::int64_t wall_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

}  // namespace

gateway_actor::gateway_actor(caf::actor_config& cfg, io::io_thread* loop, io::listener l, options o, node_stats* stats)
    : pinned_actor(cfg, loop),
      loop_(*loop),
      listener_(std::move(l)),
      options_(std::move(o)),
      stats_(*stats),
      reserve_(::open("/dev/null", O_RDONLY | O_CLOEXEC)),
      scratch_(std::make_unique_for_overwrite<char[]>(scratch_size)) {
  if (options_.max_connections == 0 || options_.max_connections >= 1u << 24)
    throw std::logic_error("max_connections " + std::to_string(options_.max_connections) + " is not in 1..2^24-1");
  if (options_.max_frame > group_limit)
    throw std::logic_error("max_frame " + std::to_string(options_.max_frame) + " is over " +
                           std::to_string(group_limit));
}

caf::behavior gateway_actor::make_behavior() {
  self_ = caf::actor_cast<caf::strong_actor_ptr>(this);
  loop_.add_hook(this);
  loop_.subscribe_tick(caf::actor_cast<caf::actor>(this), tick_ms);
  return {
      [this](boxed<delivery_batch>& b) { options_.spoken == protocol::actors ? deliver_translated(*b) : deliver(*b); },
      [this](boxed<msg::tick>& t) { on_tick(t->now_ms); },
      [this](boxed<msg::role>& r) {
        auto& w = r->what;
        stats_.role = w.role == commit::role::leading     ? node_stats::role_is::leading
                      : w.role == commit::role::following ? node_stats::role_is::following
                                                          : node_stats::role_is::looking;
        stats_.epoch = w.epoch, stats_.leader = w.leader;
      },
      [this](boxed<start>& s) { begin(*s); },
      [this](const start& s) { begin(s); },
  };
}

void gateway_actor::on_exit() {
  loop_.remove_hook(this);
  loop_.unsubscribe_tick(address());
  if (listening_) loop_.unwatch(listener_.fd.get());
  listener_.fd.reset();
  for (auto& c : slots_)
    if (c) loop_.unwatch(c->fd.get());
  slots_.clear();
  stats_.connections -= connections_, connections_ = 0;
  outstanding_ = 0, tell_outstanding();
  commit_ = nullptr;
  self_ = nullptr;  // whoever resumes us holds a reference of its own
}

void gateway_actor::begin(const start& s) {
  commit_ = s.commit;
  if (listening_) return;
  loop_.watch(listener_.fd.get(), EPOLLIN, this);
  listening_ = true;
}

bool gateway_actor::may_log() {
  if (loop_.now_ms() < log_again_ms_) return false;
  log_again_ms_ = loop_.now_ms() + 1'000;
  return true;
}

void gateway_actor::deliver(const delivery_batch& batch) {
  auto now_us = io::io_thread::clock_us();
  for (auto& item : batch.items) {
    auto* c = find(item.conn);
    if (!c || c->state != connection::phase::open) continue;  // closed meanwhile
    std::string_view piece{batch.bytes.data() + item.at, item.size};
    c->out.append(piece);
    unsent_ += piece.size();
    if (!c->dirty) c->dirty = true, dirty_.push_back(c->id);
    if (!piece.empty()) stats_.packets_sent = stats_.packets_sent + 1, ++c->stats.sent;
    if (item.is_reply) take_reply(*c, piece, now_us);
    if (item.paced) c->paced_by = current_sender();
    if (item.close) {
      close_after_flush(*c);
      continue;
    }
    if (too_far_behind(*c)) {
      flush(*c);  // perhaps the socket takes it
      c = find(item.conn);
      if (c && too_far_behind(*c)) refuse(*c, "does not read its replies");
    }
  }
  tell_outstanding();
}

/// The same for actor clients: what a batch holds for one of them leaves in as few frames as possible.
void gateway_actor::deliver_translated(const delivery_batch& batch) {
  auto now_us = io::io_thread::clock_us();
  for (auto& item : batch.items) {
    auto* c = find(item.conn);
    if (!c || c->state != connection::phase::open) continue;  // closed meanwhile
    std::string_view piece{batch.bytes.data() + item.at, item.size};
    if (!piece.empty()) {
      if (!c->translator->anything()) translated_.push_back(c->id);
      c->translator->collect(piece);
      stats_.packets_sent = stats_.packets_sent + 1, ++c->stats.sent;
    }
    if (item.is_reply) take_reply(*c, piece, now_us);
    if (item.paced) c->paced_by = current_sender();
    if (!item.close) continue;
    write_frames(*c);
    if ((c = find(item.conn)) && c->state == connection::phase::open) close_after_flush(*c);
  }
  for (auto id : translated_)
    if (auto* c = find(id)) write_frames(*c);
  translated_.clear();
  tell_outstanding();
}

/// Writes what a connection's translator has collected. The connection may be closing or gone after.
void gateway_actor::write_frames(connection& c) {
  auto id = c.id;
  while (c.state == connection::phase::open && c.translator->anything()) {
    auto before = c.out.size();
    c.translator->write_frame(c.out);
    unsent_ += c.out.size() - before;
    if (!c.dirty) c.dirty = true, dirty_.push_back(id);
    if (!too_far_behind(c)) continue;
    flush(c);  // perhaps the socket takes it
    if (!find(id)) return;
    if (c.state == connection::phase::open && too_far_behind(c)) return refuse(c, "does not read its replies");
  }
  c.translator->forget_collected();  // views into a batch that is about to go
}

bool gateway_actor::too_far_behind(const connection& c) const {
  return c.unsent() > options_.max_output ||
         (unsent_ > options_.max_output_total && c.unsent() > options_.pause_output);
}

void gateway_actor::tell_outstanding() {
  stats_.outstanding = stats_.outstanding + outstanding_ - told_outstanding_;
  told_outstanding_ = outstanding_;
}

void gateway_actor::take_reply(connection& c, std::string_view piece, std::int64_t now_us) {
  if (c.arrived.empty()) throw std::logic_error("a reply without a request on connection " + std::to_string(c.id));
  auto [arrived_us, bytes] = c.arrived.pop();
  --c.outstanding, --outstanding_;
  c.outstanding_bytes -= bytes, outstanding_bytes_ -= bytes;
  c.reply_bytes = std::max(piece.size(), c.reply_bytes - c.reply_bytes / 8);
  auto us = static_cast<std::uint64_t>(std::max<std::int64_t>(now_us - arrived_us, 0));
  stats_.on_latency(us);
  auto& s = c.stats;
  s.latency_min_us = std::min(s.latency_min_us, us), s.latency_max_us = std::max(s.latency_max_us, us);
  s.latency_sum_us += us, ++s.latency_count, s.latency_last_us = us;
  jute::reader r(piece);
  r.i32();
  if (!c.session) {  // ConnectResponse: protocolVersion, timeOut, sessionId
    r.i32(), c.timeout_ms = r.i32(), c.session = r.i64();
    s.last_response_ms = wall_ms();
  } else {  // ReplyHeader: xid, zxid
    r.i32();
    if (auto z = r.i64(); z > 0) s.last_zxid = z;
  }
}

void gateway_actor::after_events() { send_group(); }

void gateway_actor::before_wait() {
  if (!waiting_.empty()) resume_waiting();
  flushing_.swap(dirty_);
  for (auto id : flushing_)
    if (auto* c = find(id)) c->dirty = false, flush(*c);
  flushing_.clear();
  send_group();
}

void gateway_actor::send_group() {
  if (!group_) return;
  group_hint_ = group_->bytes.size();
  tell_outstanding();
  send(commit_, boxed<request_batch>{std::move(group_)});
  group_ = nullptr;
}

void gateway_actor::flush(connection& c) {
  while (c.unsent()) {
    auto n = ::send(c.fd.get(), c.out.data() + c.out_at, c.unsent(), MSG_NOSIGNAL);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) return drop(c);
      break;
    }
    c.out_at += static_cast<std::size_t>(n), unsent_ -= static_cast<std::size_t>(n);
    stats_.bytes_sent = stats_.bytes_sent + static_cast<std::uint64_t>(n);
  }
  if (!c.unsent()) {
    c.out.clear(), c.out_at = 0;
    if (c.out.capacity() > kept_output) std::string().swap(c.out);
    if (c.state == connection::phase::closing) return linger(c);
  } else if (c.out_at >= kept_output) {
    const auto gone = c.out_at / 8 * 8;  // frames of actor clients are built in place, where words begin
    c.out.erase(0, gone), c.out_at -= gone;
  }
  if (c.paced_by && c.unsent() <= options_.pause_output / 2)
    send(caf::actor_cast<caf::actor>(std::exchange(c.paced_by, nullptr)), box(msg::drained{c.id}));
  arm(c);
  if (c.paused) resume_reading(c);
}

void gateway_actor::on_tick(std::int64_t now_ms) {
  if (std::exchange(accept_later_, false)) loop_.modify(listener_.fd.get(), EPOLLIN);
  for (auto* list : {&handshakes_, &closings_, &lingerings_})
    while (!list->empty() && list->front().due_ms <= now_ms) {
      auto d = list->front();
      list->pop_front();
      auto* c = find(d.conn);
      if (!c || c->state != d.state) continue;
      if (d.state == connection::phase::fresh)
        c->translator ? refuse_politely(*c, "sent no whole Hello in time")
                      : refuse(*c, "sent no whole ConnectRequest in time");
      else
        drop(*c);
    }
}

caf::actor spawn_gateway(caf::actor_system& system, io::io_thread& loop, io::listener l, options o, node_stats& stats) {
  return system.spawn<gateway_actor>(&loop, std::move(l), std::move(o), &stats);
}

}  // namespace troupe::gateway

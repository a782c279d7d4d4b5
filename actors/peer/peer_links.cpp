#include "actors/peer/peer_links.hpp"

#include <spdlog/spdlog.h>
#include <sys/epoll.h>

#include <algorithm>
#include <caf/actor_cast.hpp>
#include <stdexcept>

namespace troupe::peer {

peer_links::peer_links(caf::actor_config& cfg, io::io_thread* loop, io::listener l, options o, node_stats* stats)
    : pinned_actor(cfg, loop),
      loop_(*loop),
      listener_(std::move(l)),
      options_(std::move(o)),
      stats_(*stats),
      random_(static_cast<std::uint32_t>(options_.boot) ^ (options_.self * 2654435761u)) {
  if (options_.heartbeat_ms <= 0 || options_.timeout_ms <= 2 * options_.heartbeat_ms)
    throw std::logic_error("link timeout " + std::to_string(options_.timeout_ms) + " ms is not above 2 heartbeats of " +
                           std::to_string(options_.heartbeat_ms) + " ms");
  for (auto& m : options_.members)
    if (m.id != options_.self) peers_.push_back({m});
}

caf::behavior peer_links::make_behavior() {
  self_ = caf::actor_cast<caf::strong_actor_ptr>(this);
  loop_.add_hook(this);
  // Fine enough for the shortest back-off and for a heartbeat to be at most a quarter late.
  auto tick_ms = std::clamp<std::int64_t>(std::min(options_.heartbeat_ms / 4, options_.min_backoff_ms), 1, 50);
  loop_.subscribe_tick(caf::actor_cast<caf::actor>(this), tick_ms);
  return {
      [this](boxed<msg::peer_send>& m) { send_frames(*m); },
      [this](boxed<msg::tick>& t) { on_tick(t->now_ms); },
      [this](boxed<msg::drop_link>& d) {
        if (auto* p = find(d->peer); p && p->up) drop(*p->up, "we were asked to");
      },
      [this](boxed<io::resolved>& r) {
        if (auto* p = find(static_cast<node_id>(r->tag))) p->resolving = false, connect_to(*p, *r);
      },
      [this](boxed<start>& s) { begin(*s); },
      [this](const start& s) { begin(s); },
  };
}

void peer_links::on_exit() {
  loop_.remove_hook(this);
  loop_.unsubscribe_tick(address());
  if (started_ && listener_.fd) loop_.unwatch(listener_.fd.get());
  listener_.fd.reset();
  for (auto& l : links_) loop_.unwatch(l->fd.get());
  links_.clear(), gone_.clear(), dirty_.clear(), peers_.clear();
  stats_.links_up = 0;
  if (resolver_) send_exit(resolver_, caf::exit_reason::user_shutdown);
  resolver_ = election_ = broadcast_ = nullptr;
  self_ = nullptr;  // whoever resumes us holds a reference of its own
}

void peer_links::begin(const start& s) {
  election_ = s.election, broadcast_ = s.broadcast;
  if (std::exchange(started_, true)) return;
  if (listener_.fd) loop_.watch(listener_.fd.get(), EPOLLIN, this);
  for (auto& p : peers_)
    if (p.who.id < options_.self) dial(p);
}

void peer_links::send_frames(const msg::peer_send& m) {
  for (auto& f : m.frames) {
    auto* p = find(f.to);
    if (!p || !p->up) continue;
    p->up->out.push(static_cast<kind>(f.what), f.body);
    touch(*p->up);
    if (p->up->out.waiting() > options_.max_output) flush(*p->up);
    if (p->up && p->up->out.waiting() > options_.max_output) drop(*p->up, "it takes less than we have to say");
  }
}

void peer_links::touch(link& l) {
  if (!std::exchange(l.dirty, true)) dirty_.push_back(&l);
}

void peer_links::before_wait() {
  auto list = std::move(dirty_);
  dirty_.clear();
  for (auto* l : list) {
    l->dirty = false;
    if (l->state != link::phase::gone) flush(*l);
  }
  gone_.clear();
}

void peer_links::flush(link& l) {
  auto n = l.out.flush(l.fd.get());
  if (n < 0) return drop(l, "it is broken");
  if (n > 0) l.sent_ms = loop_.now_ms(), stats_.link_bytes_sent += static_cast<std::uint64_t>(n);
  std::uint32_t events = l.out.empty() ? +EPOLLIN : EPOLLIN | EPOLLOUT;
  if (events != l.events) loop_.modify(l.fd.get(), l.events = events);
}

void peer_links::on_tick(std::int64_t now_ms) {
  for (std::size_t i = 0; i < links_.size();) {
    auto& l = *links_[i];
    if (l.state == link::phase::up) {
      if (now_ms - l.heard_ms > options_.timeout_ms)
        drop(l, fmt::format("it was silent for {} ms", now_ms - l.heard_ms));
      else if (now_ms - l.sent_ms >= options_.heartbeat_ms && l.out.empty())
        l.out.push(kind::heartbeat, {}), touch(l);
    } else if (now_ms - l.since_ms > options_.handshake_timeout_ms) {
      drop(l, "no Hello in time");
    }
    if (l.state != link::phase::gone) ++i;  // drop takes it out of links_
  }
  if (!started_) return;
  if (std::exchange(accept_later_, false)) loop_.modify(listener_.fd.get(), EPOLLIN);
  for (auto& p : peers_)
    if (p.who.id < options_.self && !p.up && !p.dialling && !p.resolving && now_ms >= p.dial_at_ms) dial(p);
}

void peer_links::report(node_id peer, bool up) {
  send(election_, box(msg::link_state{peer, up}));
  send(broadcast_, box(msg::link_state{peer, up}));
}

caf::actor spawn_peer_links(caf::actor_system& system, io::io_thread& loop, io::listener l, options o,
                            node_stats& stats) {
  return system.spawn<peer_links>(&loop, std::move(l), std::move(o), &stats);
}

}  // namespace troupe::peer

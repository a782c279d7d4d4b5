/// How links come and go.

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "actors/peer/hello.hpp"
#include "actors/peer/peer_links.hpp"

namespace troupe::peer {

peer_links::peer_state* peer_links::find(node_id id) {
  auto it = std::find_if(peers_.begin(), peers_.end(), [&](auto& p) { return p.who.id == id; });
  return it == peers_.end() ? nullptr : &*it;
}

/// Strangers and dead peers must not fill the log.
bool peer_links::may_log() {
  if (loop_.now_ms() < log_again_ms_) return false;
  log_again_ms_ = loop_.now_ms() + 1'000;
  return true;
}

void peer_links::on_ready(int, std::uint32_t) {
  sockaddr_storage from{};
  socklen_t size = sizeof from;
  io::descriptor fd(
      ::accept4(listener_.fd.get(), reinterpret_cast<sockaddr*>(&from), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!fd) {
    if (errno != EMFILE && errno != ENFILE) return;
    if (may_log()) spdlog::error(fmt::format("peer port: {}", std::strerror(errno)));
    loop_.modify(listener_.fd.get(), 0);  // until the next tick: it would be ready all the time
    accept_later_ = true;
    return;
  }
  auto pending = std::count_if(links_.begin(), links_.end(), [](auto& l) { return l->state == link::phase::accepted; });
  if (static_cast<std::size_t>(pending) >= options_.max_handshakes) {
    ++stats_.links_refused;
    if (may_log())
      spdlog::warn(fmt::format("peer port: refused {}: {} others have not said who they are", io::name_of(from).address,
                               pending));
    return;
  }
  auto& l = adopt(std::move(fd), 0, link::phase::accepted, EPOLLIN);
  auto name = io::name_of(from);
  l.address = fmt::format("{}:{}", name.address, name.port);
}

link& peer_links::adopt(io::descriptor fd, node_id expected, link::phase phase, std::uint32_t events) {
  io::no_delay(fd.get());
  auto timeout = static_cast<unsigned>(options_.timeout_ms);
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof timeout);  // only an aid: we watch silence too
  auto& l = *links_.emplace_back(std::make_unique<link>(*this, std::move(fd), expected, phase));
  l.events = events;
  l.since_ms = l.heard_ms = l.sent_ms = loop_.now_ms();
  loop_.watch(l.fd.get(), events, &l);
  return l;
}

void peer_links::dial(peer_state& p) {
  io::resolve what{p.who.id, p.who.host, p.who.port};
  if (auto r = io::look_up(what, true); !r.addresses.empty()) return connect_to(p, r);
  if (!resolver_) resolver_ = io::spawn_resolver(system());
  p.resolving = true;
  send(resolver_, box(std::move(what)));
}

void peer_links::connect_to(peer_state& p, const io::resolved& r) {
  if (p.up || p.dialling) return;
  auto failed = [&](const std::string& why) {
    if (may_log()) spdlog::info(fmt::format("link to node {} ({}:{}): {}", p.who.id, p.who.host, p.who.port, why));
    dial_later(p);
  };
  if (r.addresses.empty()) return failed(r.error);
  auto& [where, size] = r.addresses[p.dials++ % r.addresses.size()];
  io::descriptor fd(::socket(where.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd || (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&where), size) != 0 && errno != EINPROGRESS))
    return failed(std::strerror(errno));
  auto& l = adopt(std::move(fd), p.who.id, link::phase::connecting, EPOLLOUT);
  l.address = fmt::format("{}:{}", p.who.host, p.who.port);
  p.dialling = &l;
}

void peer_links::dial_later(peer_state& p) {
  p.backoff_ms = std::clamp(p.backoff_ms * 2, options_.min_backoff_ms, options_.max_backoff_ms);
  p.dial_at_ms = loop_.now_ms() + p.backoff_ms -
                 static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(p.backoff_ms / 2 + 1));
}

void peer_links::establish(link& l, node_id from) {
  auto& p = *find(from);
  if (p.up) drop(*p.up, "a newer one takes its place");
  if (p.dialling == &l) p.dialling = nullptr;
  p.up = &l, p.backoff_ms = 0, p.dials = 0;
  l.peer = from, l.state = link::phase::up;
  ++stats_.links_up;
  spdlog::info(fmt::format("link with node {} ({}) is up", from, l.address));
  report(from, true);
}

void peer_links::drop(link& l, std::string why) {
  auto was = l.state;
  if (was == link::phase::gone) return;
  l.state = link::phase::gone;
  loop_.unwatch(l.fd.get());
  l.fd.reset();
  if (auto* p = find(l.peer)) {
    if (p->dialling == &l) p->dialling = nullptr;
    if (was == link::phase::up && p->up == &l) {
      p->up = nullptr;
      --stats_.links_up;
      spdlog::warn(fmt::format("link with node {} ({}) is down: {}", l.peer, l.address, why));
      report(l.peer, false);
    }
    if (p->who.id < options_.self) dial_later(*p);
  }
  if (was != link::phase::up) {
    if (was == link::phase::accepted) ++stats_.links_refused;
    if (may_log())
      spdlog::info(
          fmt::format("{} {}: {}", was == link::phase::accepted ? "peer port: closed" : "link to", l.address, why));
  }
  auto it = std::find_if(links_.begin(), links_.end(), [&](auto& o) { return o.get() == &l; });
  gone_.push_back(std::move(*it));
  links_.erase(it);
}

}  // namespace troupe::peer

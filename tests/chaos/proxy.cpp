#include "tests/chaos/proxy.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <sstream>
#include <system_error>

namespace troupe::chaos {

namespace {

constexpr int up = 0, down = 1;  // also the sides: side 0 is who dialled, side 1 the target

std::int64_t now_us() {
  using namespace std::chrono;
  return duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count();
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in a{};
  a.sin_family = AF_INET, a.sin_port = htons(port), a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return a;
}

[[noreturn]] void fail(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

void make_prompt(int fd) {
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

bool matches(const std::string& pattern, const std::string& name) {
  if (!pattern.empty() && pattern.back() == '*') return name.starts_with(pattern.substr(0, pattern.size() - 1));
  return pattern == name;
}

}  // namespace

proxy::proxy(std::uint64_t seed) : epoll_(epoll_create1(EPOLL_CLOEXEC)), random_(seed) {
  if (epoll_ < 0) fail("epoll");
}

proxy::~proxy() {
  for (auto& r : routes_) {
    for (auto& c : r->connections) close_both(*c, true);
    ::close(r->listener);
  }
  ::close(epoll_);
}

void proxy::add_route(const std::string& name, std::uint16_t port, std::uint16_t target) {
  auto r = std::make_unique<route>();
  r->name = name, r->target = target;
  r->listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int one = 1;
  setsockopt(r->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  auto at = loopback(port);
  if (r->listener < 0 || ::bind(r->listener, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0 ||
      ::listen(r->listener, 128) != 0)
    fail("port " + std::to_string(port));
  epoll_event e{};
  e.events = EPOLLIN, e.data.fd = r->listener;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, r->listener, &e) != 0) fail("epoll");
  listeners_[r->listener] = r.get();
  routes_.push_back(std::move(r));
}

void proxy::accept_from(route& r) {
  for (;;) {
    int fd = ::accept4(r.listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    make_prompt(fd);
    auto& sky = r.sky[up];
    auto c = std::make_unique<connection>();
    c->of = &r;
    c->ways[up].from = fd, c->ways[down].to = fd;
    c->connect_us = now_us() + sky.delay_ms * 1000;
    if (sky.stalled || sky.delay_ms > 0) ++r.met[up];
    ends_[fd] = {c.get(), 0};
    r.connections.push_back(std::move(c));
    if (r.connections.size() > max_connections) close_both(*r.connections.front(), true);
  }
}

void proxy::connect_target(connection& c, std::int64_t now) {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return close_both(c, true);
  make_prompt(fd);
  auto to = loopback(c.of->target);
  c.ways[up].to = c.ways[down].from = fd;
  ends_[fd] = {&c, 1};
  c.connecting = true;
  if (::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0)
    c.connecting = false;
  else if (errno != EINPROGRESS)
    c.connecting = false, enqueue(c, down, {}, now);
}

// When a piece may leave: after its delay, not before the one in front of it, and after the time that its bytes take.
void proxy::enqueue(connection& c, int way, std::string bytes, std::int64_t now) {
  auto& d = c.ways[way];
  auto& sky = c.of->sky[way];
  if (d.ended) return;
  auto wait = sky.delay_ms * 1000;
  if (sky.jitter_ms > 0)
    wait += static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(sky.jitter_ms * 1000));
  auto due = std::max(now + wait, d.last_due_us);
  if (sky.bytes_per_s > 0) due += static_cast<std::int64_t>(bytes.size()) * 1'000'000 / sky.bytes_per_s;
  if (sky.stalled || due > std::max(now, d.last_due_us)) ++c.of->met[way];
  d.last_due_us = due;
  d.ended = bytes.empty();
  d.held_bytes += bytes.size();
  d.held.push_back({due, std::move(bytes), 0});
}

void proxy::receive(connection& c, int way, std::int64_t now) {
  auto& d = c.ways[way];
  static thread_local std::string buffer(65536, '\0');
  // Slow links take small pieces, so that a cut loses some and not all.
  auto want = c.of->sky[way].bytes_per_s > 0 ? std::size_t{1024} : buffer.size();
  while (!d.ended && d.held_bytes < max_held_bytes) {
    auto n = ::recv(d.from, buffer.data(), want, 0);
    if (n > 0) {
      enqueue(c, way, buffer.substr(0, static_cast<std::size_t>(n)), now);
      continue;
    }
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    return enqueue(c, way, {}, now);  // closed or broken: the other side hears of it in its turn
  }
}

void proxy::forward(connection& c, int way, std::int64_t now) {
  auto& d = c.ways[way];
  while (!c.of->sky[way].stalled && !d.held.empty() && d.held.front().due_us <= now && d.to >= 0) {
    auto& p = d.held.front();
    if (p.bytes.empty()) return close_both(c, false);
    auto n = ::send(d.to, p.bytes.data() + p.sent, p.bytes.size() - p.sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (n < 0) {  // nobody reads it any more; that the other side hears by its own direction
      d.held.clear(), d.held_bytes = 0, d.ended = true;
      return enqueue(c, 1 - way, {}, now);
    }
    p.sent += static_cast<std::size_t>(n);
    if (p.sent < p.bytes.size()) return;
    d.held_bytes -= p.bytes.size();
    d.held.pop_front();
  }
}

void proxy::carry(connection& c, std::int64_t now) {
  if (c.gone) return;
  if (c.ways[up].to < 0 && !c.of->sky[up].stalled && now >= c.connect_us) connect_target(c, now);
  for (int way : {up, down}) {
    if (c.gone) return;
    if (!c.connecting || way == down) forward(c, way, now);
  }
  if (!c.gone) watch(c);
}

// A side is read while its direction may hold more, and waited on for writing while something that is due is stuck.
void proxy::watch(connection& c) {
  auto now = now_us();
  for (int side : {0, 1}) {
    auto& in = c.ways[side];       // side 0 is read for up, side 1 for down
    auto& out = c.ways[1 - side];  // and the other way round for writing
    int fd = in.from;
    if (fd < 0) continue;
    std::uint32_t want = 0;
    bool waits = side == 1 && c.connecting;
    if (!in.ended && in.held_bytes < max_held_bytes && !waits) want |= EPOLLIN;
    bool stuck = !c.of->sky[1 - side].stalled && !out.held.empty() && out.held.front().due_us <= now;
    if (waits || stuck) want |= EPOLLOUT;
    auto& has = c.registered[side];
    epoll_event e{};
    e.events = want, e.data.fd = fd;
    // Not registered while nothing is wanted: a hang-up is always told, and would be told for ever.
    if (want == has) continue;
    epoll_ctl(epoll_, want == 0 ? EPOLL_CTL_DEL : has == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &e);
    has = want;
  }
}

void proxy::close_both(connection& c, bool reset) {
  for (int side : {0, 1}) {
    int fd = c.ways[side].from;
    if (fd < 0) continue;
    if (reset) {
      linger now{1, 0};
      setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    ends_.erase(fd);
    ::close(fd);  // epoll forgets it
    c.ways[side].from = c.ways[1 - side].to = -1;
  }
  c.gone = true;
}

std::int64_t proxy::next_due_us(std::int64_t now) const {
  std::int64_t next = now + 1'000'000;
  for (auto& r : routes_)
    for (auto& c : r->connections) {
      if (c->ways[up].to < 0 && !r->sky[up].stalled) next = std::min(next, c->connect_us);
      for (int way : {up, down})
        if (auto& d = c->ways[way]; !r->sky[way].stalled && !d.held.empty() && d.held.front().due_us > now)
          next = std::min(next, d.held.front().due_us);
    }
  return next;
}

bool proxy::turn(int control) {
  if (control >= 0) {
    epoll_event e{};
    e.events = EPOLLIN, e.data.fd = control;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, control, &e);  // again and again: it is there already then
  }
  auto now = now_us();
  auto wait_us = std::max<std::int64_t>(next_due_us(now) - now, 0);
  epoll_event events[64];
  int n = epoll_wait(epoll_, events, 64, static_cast<int>((wait_us + 999) / 1000));
  bool readable = false;
  now = now_us();
  for (int i = 0; i < n; ++i) {
    int fd = events[i].data.fd;
    if (fd == control) {
      readable = true;
    } else if (auto l = listeners_.find(fd); l != listeners_.end()) {
      accept_from(*l->second);
    } else if (auto e = ends_.find(fd); e != ends_.end()) {
      auto& c = *e->second.conn;
      if (e->second.side == 1 && c.connecting) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
        c.connecting = false;
        if (error != 0) enqueue(c, down, {}, now);
      } else if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        receive(c, e->second.side, now);
      }
    }
  }
  for (auto& r : routes_) {
    for (auto& c : r->connections) carry(*c, now);
    std::erase_if(r->connections, [](auto& c) { return c->gone; });
  }
  return readable;
}

// A stall also meets what it finds on its way.
void proxy::put(route& r, int way, const weather& sky) {
  if (sky.stalled && !r.sky[way].stalled)
    for (auto& c : r.connections) {
      r.met[way] += c->ways[way].held.size();
      if (way == up && c->ways[up].to < 0 && !c->gone) ++r.met[up];
    }
  r.sky[way] = sky;
}

std::string proxy::set(const std::vector<std::string>& words) {
  if (words.size() < 3) return "error set ROUTE DIRECTION ...";
  weather sky;
  for (std::size_t i = 3; i < words.size(); ++i) {
    auto at = words[i].find('=');
    if (at == std::string::npos) return "error " + words[i];
    auto key = words[i].substr(0, at);
    auto value = std::stoll(words[i].substr(at + 1));
    if (key == "delay")
      sky.delay_ms = value;
    else if (key == "jitter")
      sky.jitter_ms = value;
    else if (key == "rate")
      sky.bytes_per_s = value;
    else if (key == "stall")
      sky.stalled = value != 0;
    else
      return "error " + key;
  }
  int found = 0;
  for (auto& r : routes_)
    if (matches(words[1], r->name)) {
      ++found;
      if (words[2] != "down") put(*r, up, sky);
      if (words[2] != "up") put(*r, down, sky);
    }
  return found != 0 ? "ok" : "error no route " + words[1];
}

std::string proxy::command(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> words;
  for (std::string w; in >> w;) words.push_back(w);
  if (words.empty()) return "error empty";
  if (words[0] == "set") return set(words);
  if (words[0] == "cut" && words.size() == 2) {
    std::uint64_t before = cut_;
    for (auto& r : routes_)
      if (matches(words[1], r->name))
        for (auto& c : r->connections)
          if (!c->gone) close_both(*c, true), ++cut_;
    return "ok " + std::to_string(cut_ - before);
  }
  if (words[0] == "met" && words.size() == 3)
    for (auto& r : routes_)
      if (r->name == words[1]) return "ok " + std::to_string(r->met[words[2] == "up" ? up : down]);
  return "error " + words[0];
}

}  // namespace troupe::chaos

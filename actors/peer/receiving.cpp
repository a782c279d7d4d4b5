/// What links bring.

#include <spdlog/fmt/fmt.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "actors/peer/hello.hpp"
#include "actors/peer/peer_links.hpp"

namespace troupe::peer {

void peer_links::on_link_ready(link& l, std::uint32_t events) {
  if (l.state == link::phase::connecting) return on_connected(l);
  if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(l);
  if (l.state != link::phase::gone && (events & EPOLLOUT)) flush(l);
}

void peer_links::on_connected(link& l) {
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(l.fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error) return drop(l, std::strerror(error));
  l.state = link::phase::answering;
  l.out.push(kind::hello, make_hello(options_, l.peer));
  touch(l);
}

void peer_links::receive(link& l) {
  auto [data, size] = l.in.prepare();
  auto n = ::recv(l.fd.get(), data, size, 0);
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
  if (n < 0) return drop(l, std::strerror(errno));
  if (n == 0) return drop(l, "the other end closed it");
  l.in.add(static_cast<std::size_t>(n));
  l.heard_ms = loop_.now_ms();
  stats_.link_bytes_received += static_cast<std::uint64_t>(n);
  const char* wrong = nullptr;
  for (;;) {
    kind what;
    shared_bytes body;
    auto up = l.state == link::phase::up;
    auto r = l.in.next(up ? options_.max_frame : options_.max_hello, what, body);
    if (r == frame_reader::result::incomplete) break;
    if (r == frame_reader::result::malformed || up == (what == kind::hello) ||
        (what == kind::heartbeat && !body.empty())) {
      wrong = "sent what is no frame of ours";
      break;
    }
    if (!up) {
      if (!take_hello(l, body)) return;
    } else if (what == kind::election) {
      for_election_.push_back({l.peer, msg::channel::election, std::move(body)});
    } else if (what == kind::zab) {
      for_broadcast_.push_back({l.peer, msg::channel::zab, std::move(body)});
    }
  }
  hand_on(for_election_, election_);
  hand_on(for_broadcast_, broadcast_);
  if (wrong) drop(l, wrong);
}

/// False if the link is gone.
bool peer_links::take_hello(link& l, const shared_bytes& body) {
  auto [from, error] = check_hello(options_, body);
  bool accepted = l.state == link::phase::accepted;
  if (error.empty() && accepted && from < options_.self)
    error = fmt::format("node {} has the smaller id and must not dial", from);
  if (error.empty() && !accepted && from != l.peer)
    error = fmt::format("we dialled node {}, and node {} answers", l.peer, from);
  if (!error.empty()) return drop(l, error), false;
  if (accepted) l.out.push(kind::hello, make_hello(options_, from)), touch(l);
  establish(l, from);
  return true;
}

void peer_links::hand_on(std::vector<msg::peer_frame>& list, const caf::actor& to) {
  if (list.empty()) return;
  send(to, box(msg::peer_frames{std::move(list)}));
  list = {};
}

}  // namespace troupe::peer

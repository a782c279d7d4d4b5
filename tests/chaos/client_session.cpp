#include "tests/chaos/client_session.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <utility>

#include "tests/chaos/operation_codec.hpp"

namespace troupe::chaos {

namespace {
constexpr std::int64_t min_pause_us = 10'000, max_pause_us = 300'000;
}

client_session::client_session(int epoll, listener& to, recorder& r, history::client_id client, std::uint64_t seed,
                               std::vector<server> servers, std::int32_t timeout_ms)
    : epoll_(epoll),
      to_(to),
      recorder_(r),
      client_(client),
      random_(seed | 1),
      servers_(std::move(servers)),
      wanted_ms_(timeout_ms) {}

client_session::~client_session() {
  if (fd_ >= 0) ::close(fd_);
}

std::uint64_t client_session::random() {  // xorshift64*
  random_ ^= random_ >> 12, random_ ^= random_ << 25, random_ ^= random_ >> 27;
  return random_ * 0x2545F4914F6CDD1DULL >> 16;
}

history::entry client_session::entry(kind what, history::call_id call) const {
  history::entry e;
  e.what = what, e.client = client_, e.session = id_, e.node = servers_[at_].node, e.call = call;
  return e;
}

// ---- the connection

void client_session::connect() {
  at_ = random() % servers_.size();
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) throw std::runtime_error("no socket");
  int one = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  sockaddr_in a{};
  a.sin_family = AF_INET, a.sin_port = htons(servers_[at_].port), a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  phase_ = phase::connecting;
  heard_us_ = said_us_ = monotonic_us();
  bool refused = ::connect(fd_, reinterpret_cast<sockaddr*>(&a), sizeof a) != 0 && errno != EINPROGRESS;
  epoll_event e{};
  e.events = EPOLLIN | EPOLLOUT, e.data.ptr = this;
  wants_write_ = true;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, fd_, &e);
  if (refused) drop();
}

void client_session::frame(std::string_view head, std::string_view body) {
  jute::writer w(out_);
  w.i32(static_cast<std::int32_t>(head.size() + body.size()));
  out_.append(head).append(body);
  said_us_ = monotonic_us();
}

void client_session::flush() {
  while (!out_.empty()) {
    auto n = ::send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;  // full, or broken: the latter shows when we read
    out_.erase(0, static_cast<std::size_t>(n));
  }
  bool want = !out_.empty() || phase_ == phase::connecting;
  if (want == wants_write_) return;
  epoll_event e{};
  e.events = EPOLLIN | (want ? std::uint32_t{EPOLLOUT} : 0), e.data.ptr = this;
  epoll_ctl(epoll_, EPOLL_CTL_MOD, fd_, &e);
  wants_write_ = want;
}

void client_session::drop() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  in_.clear(), out_.clear();
  bool spoke = phase_ == phase::handshake || phase_ == phase::open;
  phase_ = phase::apart;
  auto pause = min_pause_us + static_cast<std::int64_t>(random() % (max_pause_us - min_pause_us));
  next_connect_us_ = monotonic_us() + pause;
  if (hello_call_ != 0) recorder_.record(entry(kind::lost, std::exchange(hello_call_, 0)));
  auto lost = std::exchange(waiting_, {});
  for (auto& p : lost) recorder_.record(entry(kind::lost, p.call));
  if (spoke) recorder_.record(entry(kind::disconnected));
  // A close that was not answered leaves the session to its fate: the client does not come back with it.
  if (closing_) forget_session();
  for (auto& p : lost) to_.on_lost(*this, p.asked);
}

void client_session::reattach(std::int64_t not_before_us) {
  if (phase_ != phase::apart) drop();
  next_connect_us_ = std::max(next_connect_us_, not_before_us);
}

void client_session::tick(std::int64_t now) {
  if (phase_ == phase::apart) {
    if (!retired_ && now >= next_connect_us_) connect();
    return;
  }
  auto timeout_us = std::int64_t{timeout_ms()} * 1000;
  if (now - heard_us_ > timeout_us * 2 / 3) return drop();
  if (phase_ == phase::open && now - said_us_ > timeout_us / 4) {
    std::string ping;
    jute::writer w(ping);
    w.i32(zk::xid_ping), w.i32(static_cast<std::int32_t>(zk::op::ping));
    frame(ping, {});
  }
  if (!out_.empty() && phase_ != phase::connecting) flush();
}

void client_session::on_ready(std::uint32_t events) {
  if (fd_ < 0) return;
  if (phase_ == phase::connecting) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return drop();
    if (!(events & EPOLLOUT)) return;
    say_hello();
  }
  if (events & EPOLLOUT) flush();
  if (!(events & (EPOLLIN | EPOLLERR | EPOLLHUP))) return;
  static thread_local std::string buffer(65536, '\0');
  for (;;) {
    auto n = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (n <= 0) return drop();
    heard_us_ = monotonic_us();
    in_.append(buffer, 0, static_cast<std::size_t>(n));
    while (fd_ >= 0 && in_.size() >= 4) {
      auto length = static_cast<std::size_t>(static_cast<std::uint32_t>(jute::reader(in_).i32()));
      if (in_.size() < 4 + length) break;
      auto one = in_.substr(4, length);
      in_.erase(0, 4 + length);
      phase_ == phase::handshake ? on_hello(one) : on_frame(one);
    }
    if (fd_ < 0) return;  // a frame ended the connection
  }
}

// ---- the session

void client_session::say_hello() {
  phase_ = phase::handshake;
  auto e = entry(kind::call, hello_call_ = recorder_.next_call());
  e.asked.op = zk::op::create_session;
  e.asked.session = id_, e.asked.timeout_ms = wanted_ms_, e.asked.zxid = seen_zxid_;
  recorder_.record(e);
  std::string hello;
  jute::writer w(hello);
  w.i32(0), w.i64(seen_zxid_), w.i32(wanted_ms_), w.i64(id_), w.buffer(password_), w.boolean(false);
  frame({}, hello);
}

void client_session::on_hello(std::string_view bytes) {
  jute::reader r(bytes);
  r.i32();
  auto timeout = r.i32();
  auto id = r.i64();
  auto password = std::string(r.buffer());
  if (!r.ok()) {
    to_.on_broken(*this, "a ConnectResponse that does not decode");
    return drop();
  }
  if (timeout <= 0 || id == 0) {
    if (id_ == 0) to_.on_broken(*this, "a new session was refused");
    recorder_.record(entry(kind::expired, std::exchange(hello_call_, 0)));
    to_.on_expired(*this);
    drop();
    return forget_session();
  }
  bool reattached = id_ != 0;
  if (reattached && id != id_) to_.on_broken(*this, "attached to another session than asked for");
  id_ = id, password_ = password, negotiated_ms_ = timeout;
  phase_ = phase::open;
  next_xid_ = 1;
  auto e = entry(kind::connected, std::exchange(hello_call_, 0));
  e.timeout_ms = timeout, e.reattached = reattached;
  recorder_.record(e);
  if (watches() > 0) send_set_watches();
  to_.on_open(*this, reattached);
}

// A new session begins without what the old one saw and watched: nothing binds them.
void client_session::forget_session() {
  closing_ = false;
  id_ = 0, password_.assign(16, '\0');
  negotiated_ms_ = 0, replied_zxid_ = seen_zxid_ = 0;
  data_.clear(), exist_.clear(), child_.clear();
}

void client_session::send(std::int32_t xid, history::request what) {
  auto e = entry(kind::call, recorder_.next_call());
  e.asked = what;
  recorder_.record(e);
  std::string head;
  jute::writer w(head);
  w.i32(xid), w.i32(static_cast<std::int32_t>(what.op));
  auto body = encode(what);
  waiting_.push_back({xid, e.call, std::move(what)});
  frame(head, body);
  flush();
}

void client_session::ask(history::request what) {
  if (!open()) throw std::logic_error("a request while the session is not open");
  if (what.op == zk::op::close_session) closing_ = true;
  send(next_xid_++, std::move(what));
}

void client_session::send_set_watches() {
  history::request r;
  r.op = zk::op::set_watches, r.zxid = replied_zxid_;
  r.data_watches.assign(data_.begin(), data_.end());
  r.exist_watches.assign(exist_.begin(), exist_.end());
  r.child_watches.assign(child_.begin(), child_.end());
  send(zk::xid_set_watches, std::move(r));
}

void client_session::on_frame(std::string_view bytes) {
  jute::reader r(bytes);
  auto xid = r.i32();
  auto zxid = r.i64();
  auto error = static_cast<zk::err>(r.i32());
  if (!r.ok()) {
    to_.on_broken(*this, "a frame that does not decode");
    return drop();
  }
  if (xid == zk::xid_ping) return;
  if (xid == zk::xid_watch_event) return on_event_frame(zxid, r);
  on_answer(xid, zxid, error, r.rest());
}

void client_session::on_event_frame(zxid_t zxid, jute::reader r) {
  auto e = entry(kind::event);
  e.event = static_cast<zk::event>(r.i32());
  r.i32();
  e.path = r.ustring(), e.zxid = zxid;
  if (!r.done()) to_.on_broken(*this, "an event that does not decode");
  recorder_.record(e);
  seen_zxid_ = std::max(seen_zxid_, zxid);
  consume_watch(e.event, e.path);
  to_.on_event(*this, e.event, e.path);
}

void client_session::on_answer(std::int32_t xid, zxid_t zxid, zk::err error, std::string_view body) {
  if (waiting_.empty() || waiting_.front().xid != xid) {
    to_.on_broken(*this, "the answer to xid " + std::to_string(xid) + " is out of order");
    return drop();
  }
  auto p = std::move(waiting_.front());
  waiting_.pop_front();
  auto e = entry(kind::reply, p.call);
  e.zxid = zxid;
  if (!decode(p.asked, error, body, e.got)) to_.on_broken(*this, "a reply that does not decode");
  recorder_.record(e);
  replied_zxid_ = std::max(replied_zxid_, zxid), seen_zxid_ = std::max(seen_zxid_, zxid);
  if (p.asked.watch) register_watch(p.asked, error);
  to_.on_reply(*this, p.asked, e.got);
  if (p.asked.op == zk::op::close_session && fd_ >= 0) drop();
}

// ---- watches: what setWatches must name at the next connection

void client_session::register_watch(const history::request& asked, zk::err error) {
  bool ok = error == zk::err::ok;
  if (asked.op == zk::op::exists && error == zk::err::no_node)
    exist_.insert(asked.path);
  else if (ok && (asked.op == zk::op::exists || asked.op == zk::op::get_data))
    data_.insert(asked.path);
  else if (ok)
    child_.insert(asked.path);
}

void client_session::consume_watch(zk::event type, const std::string& path) {
  if (type != zk::event::node_children_changed) data_.erase(path), exist_.erase(path);
  if (type == zk::event::node_deleted || type == zk::event::node_children_changed) child_.erase(path);
}

}  // namespace troupe::chaos

/// The gateway under schedules that no machine would ever choose: a few clients with tiny buffers and bounds, requests
/// split anywhere, readers that take a few bytes or none, replies that are held back, connections that go, all in an
/// order that a seed chooses, in one thread. When the loop has come to rest and everybody reads, every reply must have
/// come: a wake-up that gets lost is a failure here, with its seed, and never a matter of patience. The same at both ports.

#include <doctest/doctest.h>

#include <deque>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <vector>

#include "actors/gateway/gateway.hpp"
#include "schema/jute.hpp"
#include "tests/actors/actor_client.hpp"
#include "tests/actors/turned_fixture.hpp"

namespace {

using namespace troupe;

constexpr int steps_per_seed = 150;

/// Answers each frame with as many bytes as the frame's first byte asks for (of an actor client's: the body's), now or
/// when it is told.
struct late_echo {
  static constexpr const char* name = "late echo";
  struct book {
    bool hold = false;
    std::size_t frames = 0;
    std::vector<conn_id> asked;  ///< whose each frame was
    std::deque<delivery_batch> held;
    caf::actor gateway;
    std::set<conn_id> greeted;  ///< actor clients whose first frame was answered
  };
  late_echo(io::pinned_actor* self, book* b) : self_(self), book_(*b) {}
  caf::behavior make_behavior() {
    return {[this](boxed<request_batch>& b) {
              for (auto& i : b->items) {
                if (i.what != request_batch::kind::frame) continue;
                ++book_.frames, book_.asked.push_back(i.conn);
                delivery_batch out;
                if (on_actor_port(i.conn))
                  answer(i.conn, b->view(i), out.bytes);
                else
                  jute::writer(out.bytes).buffer(reply_to(b->view(i)));
                out.items.push_back({i.conn, 0, static_cast<std::uint32_t>(out.bytes.size()), true, false});
                book_.held.push_back(std::move(out));
              }
              if (!book_.hold) release(SIZE_MAX);
            },
            [this](std::uint64_t n) { release(n); }};
  }
  static std::string reply_to(std::string_view frame) {
    auto factor = frame.empty() ? 0u : static_cast<unsigned char>(frame[0]) * 20u;
    return std::string(factor, 'r').append(frame);
  }
  void answer(conn_id conn, std::string_view frame, std::string& out) {
    jute::writer w(out);
    auto at = w.begin_frame();
    if (book_.greeted.insert(conn).second) {
      w.i32(0), w.i32(4'000), w.i64(1), w.buffer("");
    } else {
      jute::reader r(frame);
      w.i32(r.i32()), w.i64(0), w.i32(0);
      r.i32();
      out += reply_to(r.rest());
    }
    w.end_frame(at);
  }
  void release(std::size_t n) {
    for (; n && !book_.held.empty(); --n) {
      self_->send(book_.gateway, box(std::move(book_.held.front())));
      book_.held.pop_front();
    }
  }
  io::pinned_actor* self_;
  book& book_;
};

gateway::options tiny(std::mt19937_64& random, gateway::protocol spoken) {
  auto up_to = [&](std::size_t n) { return 1 + random() % n; };
  gateway::options o;
  o.spoken = spoken;
  o.max_connections_per_address = 0;
  o.max_outstanding = up_to(6), o.max_outstanding_bytes = up_to(300);
  o.max_outstanding_total = up_to(8), o.max_outstanding_bytes_total = up_to(500);
  o.pause_output = up_to(6'000);
  return o;
}

class schedule : testing::turned_fixture, testing::local_listener {
 public:
  schedule(std::uint64_t seed, gateway::protocol spoken) : random_(seed), actors_(spoken == gateway::protocol::actors) {
    book_.gateway = gateway::spawn_gateway(system, loop, std::move(listener), tiny(random_, spoken), stats_);
    commit_ = io::spawn_pinned<late_echo>(system, &loop, &book_);
    caf::anon_send(book_.gateway, box(gateway::start{commit_}));
    settle();
  }
  ~schedule() {
    clients_.clear();
    end(book_.gateway), end(commit_);
  }

  void step() {
    switch (random_() % 16) {
      case 0:
        if (clients_.size() < 5) come();
        break;
      case 1:
        if (clients_.size() > 1 && random_() % 4 == 0) clients_.erase(clients_.begin() + pick());
        break;
      case 2:
        book_.hold = !book_.hold;
        break;
      case 3:
      case 4:
        caf::anon_send(commit_, std::uint64_t{random_() % 5});
        break;
      case 5:
      case 6:
      case 7:
        ask();
        break;
      case 8:
      case 9:
      case 10:
        write_some(1 + random_() % 200);
        break;
      case 11:
        if (!clients_.empty()) read_some(*clients_[pick()], 1 + random_() % 5'000);
        break;
      default:
        loop.turn();
    }
  }

  /// Everybody writes and reads to the end, and nothing is held back any more.
  bool all_answered() {
    book_.hold = false;
    caf::anon_send(commit_, std::uint64_t{1} << 40);
    for (std::size_t before = SIZE_MAX, now = 0; before != now; before = now, now = moved_) {
      for (auto& c : clients_) write(*c, SIZE_MAX), read_some(*c, SIZE_MAX);
      settle();
      for (auto& c : clients_) read_some(*c, SIZE_MAX);
    }
    for (auto& c : clients_)
      if (!c->to_write.empty() || got(*c) != c->expected) return false;
    return stats_.connections == clients_.size() && stats_.outstanding == 0;
  }
  std::size_t pauses() const { return full_; }

 private:
  struct client {
    io::descriptor fd;
    std::string to_write, expected, got;
    std::int32_t calls = 0;
  };
  /// What came: of an actor client, the bodies of its replies, each with its call before it.
  std::string got(const client& c) const {
    if (!actors_) return c.got;
    std::string out;
    auto bytes = c.got;
    for (auto& frame : testing::take_frames(bytes)) {
      if ((*frame).isWelcome()) continue;
      for (auto i : (*frame).getItems()) {
        jute::writer w(out);
        w.i32(i.getResponse().getCall()), w.buffer(testing::text(i.getResponse().getBody()));
      }
    }
    return bytes.empty() ? out : "half a frame";
  }
  std::ptrdiff_t pick() { return static_cast<std::ptrdiff_t>(random_() % clients_.size()); }

  void come() {
    auto c = std::make_unique<client>();
    c->fd = connect();
    // The descriptor that accept will give the gateway's end, to make its buffer as small as the kernel lets us.
    io::descriptor next(::dup(c->fd.get()));
    auto theirs = next.get();
    next.reset();
    settle();
    int least = 1;
    ::setsockopt(theirs, SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
    ::setsockopt(c->fd.get(), SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
    clients_.push_back(std::move(c));
  }
  void ask() {
    if (clients_.empty()) return;
    auto& c = *clients_[pick()];
    if (actors_) return ask_as_actor(c);
    for (auto n = random_() % 12; n > 0; --n) {
      // At least a ConnectResponse's length, which is what the gateway takes the first reply for.
      std::string frame(24 + random_() % 60, static_cast<char>(random_() % 64));
      jute::writer(c.to_write).buffer(frame);
      jute::writer(c.expected).buffer(late_echo::reply_to(frame));
    }
  }
  void ask_as_actor(client& c) {
    if (c.calls == 0) c.to_write += testing::hello_frame();
    std::vector<testing::asked> list;
    for (auto n = random_() % 12; n > 0; --n) {
      std::string body(random_() % 60, static_cast<char>(random_() % 64));
      jute::writer w(c.expected);
      w.i32(++c.calls), w.buffer(late_echo::reply_to(body));
      list.push_back({c.calls, 4, std::move(body)});
      if (random_() % 3) continue;
      c.to_write += testing::requests_frame(list);
      list.clear();
    }
    ++c.calls;
    c.to_write += testing::requests_frame(list);
  }
  void write_some(std::size_t most) {
    if (!clients_.empty()) write(*clients_[pick()], most);
  }
  void write(client& c, std::size_t most) {
    while (most && !c.to_write.empty()) {
      auto n = ::send(c.fd.get(), c.to_write.data(), std::min(most, c.to_write.size()), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n <= 0) {
        ++full_;
        return;
      }
      c.to_write.erase(0, static_cast<std::size_t>(n)), moved_ += static_cast<std::size_t>(n);
      most -= static_cast<std::size_t>(n);
    }
  }
  void read_some(client& c, std::size_t most) {
    auto before = c.got.size();
    testing::read_available(c.fd.get(), c.got, most);
    moved_ += c.got.size() - before;
  }

  std::mt19937_64 random_;
  const bool actors_;
  node_stats stats_;
  late_echo::book book_;
  caf::actor commit_;
  std::vector<std::unique_ptr<client>> clients_;
  std::size_t moved_ = 0, full_ = 0;
};

}  // namespace

TEST_CASE("under any schedule of sockets, replies and bounds the gateway stops no client for good") {
  auto seeds = 300u;
  if (auto* more = std::getenv("TROUPE_SCHEDULES")) seeds = static_cast<unsigned>(std::stoul(more));
  for (auto spoken : {gateway::protocol::zookeeper, gateway::protocol::actors}) {
    CAPTURE(static_cast<int>(spoken));
    std::size_t pauses = 0;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
      CAPTURE(seed);
      schedule s(seed, spoken);
      for (int i = 0; i < steps_per_seed; ++i) s.step();
      REQUIRE(s.all_answered());
      pauses += s.pauses();
    }
    CHECK(pauses > 0);
  }
}

TEST_CASE("whoever meets the bound over all connections is read in its turn, however busy the others are") {
  struct fixture : testing::turned_fixture, testing::local_listener {
    fixture() {
      gateway::options o;
      o.max_outstanding_total = 8;
      book.gateway = gateway::spawn_gateway(system, loop, std::move(listener), o, stats);
      commit = io::spawn_pinned<late_echo>(system, &loop, &book);
      caf::anon_send(book.gateway, box(gateway::start{commit}));
      settle();
    }
    ~fixture() { end(book.gateway), end(commit); }
    void ask(const io::descriptor& fd, int requests) {
      std::string bytes;
      for (int i = 0; i < requests; ++i) jute::writer(bytes).buffer(std::string(44, '\1'));
      REQUIRE(::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
      settle();
    }
    node_stats stats;
    late_echo::book book;
    caf::actor commit;
  } f;
  auto light = f.connect(), heavy = f.connect();
  f.ask(light, 1), f.ask(heavy, 1);
  REQUIRE(f.book.asked.size() == 2);
  auto of_light = f.book.asked[0], of_heavy = f.book.asked[1];
  f.book.hold = true;
  f.ask(heavy, 100);
  REQUIRE(f.book.asked.size() == 10);
  f.ask(light, 1);
  CHECK(f.book.asked.size() == 10);
  // There is never room for more than one: the heavy one, which came first, then the light one.
  for (int i = 0; i < 2; ++i) {
    caf::anon_send(f.commit, std::uint64_t{1});
    f.settle();
  }
  REQUIRE(f.book.asked.size() == 12);
  CHECK(f.book.asked[10] == of_heavy);
  CHECK(f.book.asked[11] == of_light);
}

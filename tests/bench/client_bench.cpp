/// Reads of one znode by every kind of client, in turn, from one node: the time of a round trip, and how many reads a
/// second come back when 256 are under way.
///
///     client_bench [ROUNDS [NAME [DEPTH]]]      NAME: only those that have it in their names; DEPTH: not 256 under way
///
/// TROUPE_CONNECT names the node's client port; its actor port is 1000 above (`troupe up`).

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zookeeper/zookeeper.h>

#include <algorithm>
#include <atomic>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "actors/client/codec.hpp"
#include "actors/client/machine.hpp"
#include "schema/jute.hpp"
#include "schema/zookeeper.hpp"
#include "troupe/blocking.hpp"
#include "troupe/client.hpp"

namespace c = troupe::client;
using troupe::jute::reader;
using troupe::jute::writer;

namespace {

const char* const path = "/client-bench";
constexpr std::size_t value_size = 100;
int window = 256;

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what); }

int connect_to(std::uint16_t port) {
  sockaddr_in a{};
  a.sin_family = AF_INET, a.sin_port = htons(port), a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int on = 1, fd = ::socket(AF_INET, SOCK_STREAM, 0);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&a), sizeof a) != 0) fail("no connection");
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

/// One kind of client: reads `n` times, `depth` at a time.
struct contestant {
  std::string name;
  std::function<void(int n, int depth)> run;
  bool pipelines = true;
  std::vector<double> round_trip_us, per_second;
};

// ---- ZooKeeper's protocol, from one thread, with nothing around it

class bare_loop {
 public:
  explicit bare_loop(std::uint16_t port) : fd_(connect_to(port)), epoll_(::epoll_create1(0)) {
    epoll_event e{};
    e.events = EPOLLIN;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd_, &e);
    writer w(out_);
    auto at = w.begin_frame();
    w.i32(0), w.i64(0), w.i32(30'000), w.i64(0), w.buffer(std::string(16, '\0'));
    w.end_frame(at);
    exchange(1);
  }
  ~bare_loop() { ::close(fd_), ::close(epoll_); }
  bare_loop(const bare_loop&) = delete;
  bare_loop& operator=(const bare_loop&) = delete;

  void run(int n, int depth) {
    int asked = 0, answered = 0;
    while (answered < n) {
      for (; asked < n && asked - answered < depth; ++asked) ask(asked + 1);
      answered += exchange(0);
    }
  }

 private:
  void ask(int xid) {
    writer w(out_);
    auto at = w.begin_frame();
    w.i32(xid), w.i32(4), w.ustring(path), w.boolean(false);
    w.end_frame(at);
  }
  /// Sends what is to be sent, waits, returns how many frames came.
  int exchange(int least) {
    for (std::size_t sent = 0; sent < out_.size();) {
      auto k = ::send(fd_, out_.data() + sent, out_.size() - sent, 0);
      if (k <= 0) fail("send");
      sent += static_cast<std::size_t>(k);
    }
    out_.clear();
    int frames = 0;
    do {
      epoll_event e;
      ::epoll_wait(epoll_, &e, 1, -1);
      char part[65536];
      auto k = ::recv(fd_, part, sizeof part, 0);
      if (k <= 0) fail("recv");
      in_.append(part, static_cast<std::size_t>(k));
      std::size_t at = 0;
      while (in_.size() - at >= 4) {
        auto size = static_cast<std::size_t>(reader(std::string_view(in_).substr(at)).i32());
        if (in_.size() - at - 4 < size) break;
        if (least == 0) {
          reader r(std::string_view(in_).substr(at + 4, size));
          r.i32(), r.i64();
          if (r.i32() != 0 || r.buffer().size() != value_size) fail("a wrong reply");
        }
        at += 4 + size, ++frames;
      }
      in_.erase(0, at);
    } while (frames < least);
    return frames;
  }
  int fd_, epoll_;
  std::string in_, out_;
};

// ---- the same at the actor port: the client's machine without actors around it

class machine_loop final : public c::outside {
 public:
  explicit machine_loop(std::uint16_t port)
      : fd_(connect_to(port)), epoll_(::epoll_create1(0)), machine_({.auth = {}}, *this) {
    epoll_event e{};
    e.events = EPOLLIN;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd_, &e);
    machine_.start(1);
    machine_.on_dialled(1);
    while (!machine_.connected()) exchange();
  }
  ~machine_loop() { ::close(fd_), ::close(epoll_); }
  machine_loop(const machine_loop&) = delete;
  machine_loop& operator=(const machine_loop&) = delete;

  void run(int n, int depth) {
    answered_ = 0;
    for (int asked = 0; answered_ < n;) {
      for (; asked < n && asked - answered_ < depth; ++asked)
        machine_.ask(1, 0, c::kind::read, troupe::zk::op::get_data, 0,
                     [](writer& w) { c::encode(w, c::get_data{path}); });
      exchange();
    }
  }

 private:
  void exchange() {
    for (out_.clear(); machine_.fill(1, out_, 1 << 18);) {
    }
    for (std::size_t sent = 0; sent < out_.size() * 8;) {
      auto k = ::send(fd_, reinterpret_cast<const char*>(out_.data()) + sent, out_.size() * 8 - sent, 0);
      if (k <= 0) fail("send");
      sent += static_cast<std::size_t>(k);
    }
    epoll_event e;
    ::epoll_wait(epoll_, &e, 1, -1);
    auto space = in_.prepare();
    auto k = ::recv(fd_, space.data(), space.size(), 0);
    if (k <= 0) fail("recv");
    in_.add(static_cast<std::size_t>(k));
    std::span<const std::uint64_t> message;
    while (in_.next(message) == c::frame_buffer::result::frame) machine_.on_message(1, message);
  }
  void dial(std::size_t) override {}
  void hang_up() override {
    if (machine_.connected()) fail("the node closed it");
  }
  void output_waits() override {}
  void answer(c::ticket, const c::outcome& o) override {
    c::data d;
    if (o.code || !c::decode(o, d) || d.bytes.size() != value_size) fail("a wrong reply");
    ++answered_;
  }
  bool wanted(c::ticket) override { return true; }
  void session_is(c::session_event) override {}
  void note(std::string_view) override {}
  void tell(c::changes&&) override {}
  void tell(c::state&&) override {}
  void tell(c::subscription_ended&&) override {}

  int fd_, epoll_, answered_ = 0;
  c::frame_buffer in_{1 << 26};
  c::word_buffer out_;
  c::machine machine_;
};

// ---- ZooKeeper's C client

class c_library {
 public:
  explicit c_library(const std::string& node) {
    zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
    handle_ = zookeeper_init(
        node.c_str(),
        [](zhandle_t*, int, int state, const char*, void* self) {
          if (state == ZOO_CONNECTED_STATE) static_cast<c_library*>(self)->connected_.set_value();
        },
        30'000, nullptr, this, 0);
    if (!handle_) fail("zookeeper_init");
    connected_.get_future().wait();
  }
  ~c_library() { zookeeper_close(handle_); }

  void one_at_a_time(int n) {
    char value[256];
    for (int i = 0; i < n; ++i) {
      int size = sizeof value;
      if (zoo_get(handle_, path, 0, value, &size, nullptr) != ZOK || size != value_size) fail("zoo_get");
    }
  }
  /// From the program's own thread, as far as the window allows: from within completions, the library is many times slower.
  void many(int n, int depth) {
    for (int i = 0; i < n; ++i) {
      if (under_way_.fetch_add(1) + 1 >= depth) wait_until(depth / 2);
      auto completion = [](int rc, const char*, int size, const ::Stat*, const void* self) {
        auto& me = *static_cast<c_library*>(const_cast<void*>(self));
        if (rc != ZOK || size != value_size) fail("zoo_aget");
        if (--me.under_way_ != me.wake_at_) return;
        std::lock_guard lock(me.mutex_);
        me.changed_.notify_all();
      };
      if (zoo_aget(handle_, path, 0, completion, this) != ZOK) fail("zoo_aget");
    }
    wait_until(0);
  }

 private:
  void wait_until(int most) {
    std::unique_lock lock(mutex_);
    wake_at_ = most;
    changed_.wait(lock, [&] { return under_way_ <= most; });
    wake_at_ = -1;
  }
  std::promise<void> connected_;
  zhandle_t* handle_ = nullptr;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<int> under_way_{0}, wake_at_{-1};
};

// ---- actors

/// A program's actor: it asks `n` times, by request and then.
caf::behavior asking(caf::event_based_actor* self, caf::actor client) {
  struct state {
    int left = 0, under_way = 0;
    caf::response_promise done;
    std::function<void()> ask;
  };
  auto s = std::make_shared<state>();
  s->ask = [self, client, s = s.get()] {
    --s->left, ++s->under_way;
    self->request(client, caf::infinite, c::get_data{path})
        .then(
            [s](const c::data& d) {
              if (d.bytes.size() != value_size) fail("a wrong value");
              --s->under_way;
              if (s->left > 0) s->ask();
              if (s->under_way == 0) s->done.deliver(caf::make_message(caf::atom("done")));
            },
            [](const caf::error& e) { fail("error " + std::to_string(c::code_of(e))); });
  };
  return {[self, s](int n, int depth) {
    s->left = n;
    s->done = self->make_response_promise();
    for (int i = 0; i < std::min(n, depth); ++i) s->ask();
    return s->done;
  }};
}

/// The same by batches: four under way.
caf::behavior asking_batches(caf::event_based_actor* self, caf::actor client) {
  struct state {
    int left = 0, under_way = 0, size = 0;
    caf::response_promise done;
    std::function<void()> ask;
  };
  auto s = std::make_shared<state>();
  s->ask = [self, client, s = s.get()] {
    auto n = std::min(s->left, s->size);
    s->left -= n, ++s->under_way;
    c::batch b;
    b.requests.reserve(static_cast<std::size_t>(n));
    for (int i = 0; i < n; ++i) b.requests.emplace_back(c::get_data{path});
    self->request(client, caf::infinite, std::move(b))
        .then(
            [s](const c::batch_result& r) {
              for (auto& one : r.results)
                if (std::get<c::data>(one).bytes.size() != value_size) fail("a wrong value");
              --s->under_way;
              if (s->left > 0) s->ask();
              if (s->under_way == 0) s->done.deliver(caf::make_message(caf::atom("done")));
            },
            [](const caf::error& e) { fail("error " + std::to_string(c::code_of(e))); });
  };
  return {[self, s](int n, int depth) {
    s->left = n, s->size = std::max(depth / 4, 1);
    s->done = self->make_response_promise();
    for (int i = 0; i < std::min(depth, 4) && s->left > 0; ++i) s->ask();
    return s->done;
  }};
}

struct actor_program {
  actor_program(const std::string& node, c::waking w, const char* policy, bool batches = false)
      : config(policy), system(config), links(system, w) {
    c::options o;
    o.nodes = {node};
    client = links.spawn(o);
    worker = system.spawn(batches ? asking_batches : asking, client);
  }
  ~actor_program() { caf::anon_send_exit(worker, caf::exit_reason::user_shutdown); }
  void run(int n, int depth) {
    self->request(worker, caf::infinite, n, depth)
        .receive([](caf::atom_value) {}, [](caf::error&) { fail("an error"); });
  }
  struct configuration : caf::actor_system_config {
    explicit configuration(const std::string& policy) { set("scheduler.policy", caf::atom_from_string(policy)); }
  };
  configuration config;
  caf::actor_system system;
  c::connections links;
  caf::actor client, worker;
  caf::scoped_actor self{system};
};

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

double seconds(const std::function<void()>& what) {
  auto begin = std::chrono::steady_clock::now();
  what();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

int main(int argc, char** argv) {
  int rounds = argc > 1 ? std::atoi(argv[1]) : 9;
  auto* connect = std::getenv("TROUPE_CONNECT");
  if (argc > 3) window = std::atoi(argv[3]);
  if (!connect || rounds < 1 || window < 1)
    return std::fprintf(stderr, "TROUPE_CONNECT names no node, or a number is none\n"), 2;
  std::string first(connect, std::strcspn(connect, ","));
  auto port = std::atoi(first.c_str() + first.rfind(':') + 1);
  auto actors = "127.0.0.1:" + std::to_string(port + 1000);

  auto blocking = std::make_unique<c::blocking_client>(c::options{.nodes = {actors}});
  blocking->create(path, std::string(value_size, 'x'));
  auto bare = std::make_unique<bare_loop>(static_cast<std::uint16_t>(port));
  auto machine = std::make_unique<machine_loop>(static_cast<std::uint16_t>(port + 1000));
  auto library = std::make_unique<c_library>(first);
  auto on_workers = std::make_unique<actor_program>(actors, c::waking::on_workers, "stealing");
  auto sharing = std::make_unique<actor_program>(actors, c::waking::on_workers, "sharing");
  auto in_place = std::make_unique<actor_program>(actors, c::waking::in_place, "sharing");
  auto batches = std::make_unique<actor_program>(actors, c::waking::in_place, "sharing", true);
  std::vector<contestant> list{
      {"bare epoll loop, ZooKeeper port", [&](int n, int d) { bare->run(n, d); }, true, {}, {}},
      {"ZooKeeper's C client, sync / async",
       [&](int n, int d) { d == 1 ? library->one_at_a_time(n) : library->many(n, d); },
       true,
       {},
       {}},
      {"bare epoll loop, actor port", [&](int n, int d) { machine->run(n, d); }, true, {}, {}},
      {"actor client, CAF's workers, stealing", [&](int n, int d) { on_workers->run(n, d); }, true, {}, {}},
      {"actor client, CAF's workers, sharing", [&](int n, int d) { sharing->run(n, d); }, true, {}, {}},
      {"actor client, actors woken in place", [&](int n, int d) { in_place->run(n, d); }, true, {}, {}},
      {"actor client, in place, batches", [&](int n, int d) { batches->run(n, d); }, true, {}, {}},
      {"blocking facade",
       [&](int n, int) {
         for (int i = 0; i < n; ++i)
           if (blocking->get_data(path).bytes.size() != value_size) fail("a wrong value");
       },
       false,
       {},
       {}},
  };
  if (argc > 2) std::erase_if(list, [&](auto& one) { return one.name.find(argv[2]) == std::string::npos; });
  if (list.empty()) return std::fprintf(stderr, "no such client\n"), 2;
  constexpr int alone = 3'000, together = 60'000;
  for (auto& one : list) one.run(alone, 1), one.pipelines ? one.run(together, window) : void();  // warm
  for (int r = 0; r < rounds; ++r)
    for (auto& one : list) {
      one.round_trip_us.push_back(seconds([&] { one.run(alone, 1); }) * 1e6 / alone);
      if (one.pipelines) one.per_second.push_back(together / seconds([&] { one.run(together, window); }));
    }
  auto& base = list[0];
  auto& rival = list[std::min<std::size_t>(1, list.size() - 1)];
  std::printf("%-40s %14s %8s %8s %16s %8s %8s\n", "reads of 100 bytes", "round trip us", "/ bare", "/ C",
              "pipelined /s", "/ bare", "/ C");
  for (auto& one : list) {
    auto us = median(one.round_trip_us);
    std::printf("%-40s %14.1f %8.2f %8.2f", one.name.c_str(), us, us / median(base.round_trip_us),
                us / median(rival.round_trip_us));
    if (one.pipelines) {
      auto rate = median(one.per_second);
      std::printf(" %16.0f %8.2f %8.2f", rate, rate / median(base.per_second), rate / median(rival.per_second));
    }
    std::printf("\n");
  }
  blocking->remove(path);
}

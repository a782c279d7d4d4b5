#include "actors/io/io_thread.hpp"

#include <doctest/doctest.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <atomic>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <future>
#include <thread>

#include "actors/io/pinned_actor.hpp"
#include "actors/io/scoped_actor.hpp"
#include "actors/messages.hpp"
#include "tests/actors/loop_fixture.hpp"

using namespace troupe;
using troupe::testing::loop_fixture;

namespace {

struct shared_counts {
  std::atomic<std::uint64_t> handled{0}, elsewhere{0}, destroyed_elsewhere{0}, destroyed{0};
  std::promise<void> reached;
};

/// Counts integers, and where it ran.
struct counter {
  static constexpr const char* name = "counter";
  counter(io::pinned_actor*, io::io_thread* loop, shared_counts* counts, std::uint64_t goal)
      : loop_(loop), counts_(counts), goal_(goal) {}
  ~counter() { ++counts_->destroyed, counts_->destroyed_elsewhere += !loop_->in_loop(); }
  caf::behavior make_behavior() {
    return {[this](std::uint64_t) {
      counts_->elsewhere += !loop_->in_loop();
      ++plain_;  // not atomic: TSan tells if two threads ever run us at once
      if (++counts_->handled == goal_ && plain_ == goal_) counts_->reached.set_value();
    }};
  }
  io::io_thread* loop_;
  shared_counts* counts_;
  std::uint64_t goal_, plain_ = 0;
};

struct echo {
  static constexpr const char* name = "echo";
  explicit echo(io::pinned_actor*) {}
  caf::behavior make_behavior() {
    return {[](std::uint64_t i) { return i; }};
  }
};

struct waker {
  static constexpr const char* name = "waker";
  waker(io::pinned_actor* self, caf::actor to) : self_(self), to_(std::move(to)) {}
  caf::behavior make_behavior() {
    return {[this](std::uint64_t i) { self_->send(to_, i); }};
  }
  io::pinned_actor* self_;
  caf::actor to_;
};

struct player {
  static constexpr const char* name = "player";
  explicit player(io::pinned_actor* self) : self_(self) {}
  caf::behavior make_behavior() {
    return {[this](caf::actor other) { self_->send(other, caf::actor_cast<caf::actor>(self_)); }};
  }
  io::pinned_actor* self_;
};

struct ticked {
  static constexpr const char* name = "ticked";
  ticked(io::pinned_actor*, std::promise<bool>* done) : done_(done) {}
  caf::behavior make_behavior() {
    return {[this](boxed<msg::tick>& t) {
      grows_ = grows_ && t->now_ms > last_, last_ = t->now_ms;
      if (++count_ == 5) done_->set_value(grows_);
    }};
  }
  std::promise<bool>* done_;
  std::int64_t last_ = 0;
  bool grows_ = true;
  int count_ = 0;
};

}  // namespace

TEST_CASE("a pinned actor that foreign threads hammer runs on the I/O thread only and misses nothing") {
  loop_fixture f;
  shared_counts counts;
  constexpr std::uint64_t threads = 4, each = 20'000;
  auto actor = io::spawn_pinned<counter>(f.system, &f.loop, &f.loop, &counts, threads * each);
  std::vector<std::thread> senders;
  for (std::uint64_t t = 0; t < threads; ++t)
    senders.emplace_back([&] {
      for (std::uint64_t i = 0; i < each; ++i) {
        caf::anon_send(actor, i);
        if (i % 64 == 0) std::this_thread::yield();  // lets the loop fall asleep, so that wake-ups are tested too
      }
    });
  for (auto& s : senders) s.join();
  counts.reached.get_future().wait();
  CHECK(counts.handled == threads * each);
  CHECK(counts.elsewhere == 0);
  f.end(actor);
  CHECK(counts.destroyed == 1);
  CHECK(counts.destroyed_elsewhere == 0);
}

// ThreadSanitizer takes every message of CAF's own actors for a race: their library is not instrumented.
#ifdef __SANITIZE_THREAD__
constexpr bool blind_to_caf = true;
#else
constexpr bool blind_to_caf = false;
#endif

TEST_CASE("one message at a time never loses the wake-up of a sleeping loop" * doctest::skip(blind_to_caf)) {
  loop_fixture f;
  io::scoped_actor self{f.system};
  auto actor = io::spawn_pinned<echo>(f.system, &f.loop);
  std::uint64_t right = 0;
  for (std::uint64_t i = 0; i < 5'000; ++i)
    self->request(actor, caf::infinite, i).receive([&](std::uint64_t back) { right += back == i; }, [](caf::error&) {});
  CHECK(right == 5'000);
  f.end(actor);
}

TEST_CASE("a pinned actor that ordinary actors on workers send to stays on the I/O thread" *
          doctest::skip(blind_to_caf)) {
  loop_fixture f;
  shared_counts counts;
  constexpr std::uint64_t senders = 8, each = 2'000;
  auto actor = io::spawn_pinned<counter>(f.system, &f.loop, &f.loop, &counts, senders * each);
  for (std::uint64_t t = 0; t < senders; ++t)
    f.system.spawn([actor](caf::event_based_actor* self) {
      for (std::uint64_t i = 0; i < each; ++i) self->send(actor, i);
    });
  counts.reached.get_future().wait();
  CHECK(counts.elsewhere == 0);
  f.end(actor);
}

TEST_CASE("an actor with a null unit never runs on the I/O thread, even when an actor there wakes it") {
  loop_fixture f;
  shared_counts counts;
  auto worker = io::spawn_pinned<counter>(f.system, nullptr, &f.loop, &counts, 500u);
  auto pinned = io::spawn_pinned<waker>(f.system, &f.loop, worker);
  for (std::uint64_t i = 0; i < 500; ++i) caf::anon_send(pinned, i);
  counts.reached.get_future().wait();
  CHECK(counts.elsewhere == 500);
  f.end(pinned);
  f.end(worker);
}

TEST_CASE("two pinned actors that wake each other let sockets have their turn") {
  loop_fixture f;
  auto a = io::spawn_pinned<player>(f.system, &f.loop), b = io::spawn_pinned<player>(f.system, &f.loop);
  caf::anon_send(a, b);  // they play for ever
  int pipe_fds[2];
  REQUIRE(::pipe(pipe_fds) == 0);
  struct reader : io::fd_handler {
    void on_ready(int fd, std::uint32_t) override {
      char c;
      if (::read(fd, &c, 1) == 1) got.set_value(c);
    }
    std::promise<char> got;
  } r;
  f.on_loop([&] { f.loop.watch(pipe_fds[0], EPOLLIN, &r); });
  REQUIRE(::write(pipe_fds[1], "x", 1) == 1);
  CHECK(r.got.get_future().get() == 'x');
  f.on_loop([&] { f.loop.unwatch(pipe_fds[0]); });
  f.end(a);
  f.end(b);
  ::close(pipe_fds[0]), ::close(pipe_fds[1]);
}

TEST_CASE("an event for a descriptor that an earlier handler of the turn unwatched is dropped") {
  loop_fixture f;
  int first[2], second[2];
  REQUIRE(::pipe(first) == 0);
  REQUIRE(::pipe(second) == 0);
  struct rival : io::fd_handler {
    void on_ready(int fd, std::uint32_t) override {
      ++calls;
      loop->unwatch(mine), loop->unwatch(other);
      done.set_value(fd);
    }
    io::io_thread* loop;
    int mine, other, calls = 0;
    std::promise<int> done;
  } r;
  r.loop = &f.loop, r.mine = first[0], r.other = second[0];
  REQUIRE(::write(first[1], "x", 1) == 1);
  REQUIRE(::write(second[1], "x", 1) == 1);
  f.on_loop([&] { f.loop.watch(first[0], EPOLLIN, &r), f.loop.watch(second[0], EPOLLIN, &r); });
  r.done.get_future().wait();
  f.on_loop([] {});
  f.on_loop([] {});  // two more turns
  CHECK(r.calls == 1);
  for (int fd : {first[0], first[1], second[0], second[1]}) ::close(fd);
}

TEST_CASE("subscribers get ticks whose time grows, until they unsubscribe") {
  loop_fixture f;
  std::promise<bool> done;
  auto actor = io::spawn_pinned<ticked>(f.system, &f.loop, &done);
  f.loop.subscribe_tick(actor, 1);
  CHECK(done.get_future().get());
  f.loop.unsubscribe_tick(actor.address());
  f.end(actor);
}

TEST_CASE("a loop that stops terminates actors that are spawned or sent to later") {
  caf::actor_system_config cfg;
  caf::actor_system system{cfg};
  io::io_thread loop{system};
  shared_counts counts;
  auto queued = io::spawn_pinned<counter>(system, &loop, &loop, &counts, ~0ull);
  loop.stop();
  loop.run();
  auto late = io::spawn_pinned<counter>(system, &loop, &loop, &counts, ~0ull);
  caf::anon_send(queued, std::uint64_t{1});
  io::scoped_actor self{system};
  self->wait_for(queued, late);
  CHECK(counts.handled == 0);
  queued = nullptr, late = nullptr;
  CHECK(counts.destroyed == 2);
}

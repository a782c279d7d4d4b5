#include "actors/io/io_thread.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/resumable.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>
#include <caf/send.hpp>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <string>
#include <system_error>

#include "actors/io/boxed.hpp"

namespace troupe::io {

namespace {

constexpr std::size_t messages_per_resume = 128;  ///< an actor with more waits for its next turn in the queue
constexpr int rounds_per_drain = 16;              ///< then sockets get their turn again
constexpr int events_per_wait = 512;

thread_local const io_thread* current_loop = nullptr;

std::uint64_t tag(int fd, std::uint32_t generation) {
  return static_cast<std::uint64_t>(generation) << 32 | static_cast<std::uint32_t>(fd);
}

[[noreturn]] void fail(const char* call) { throw std::system_error(errno, std::generic_category(), call); }

}  // namespace

std::int64_t io_thread::clock_us() {
  using namespace std::chrono;
  return duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count();
}

io_thread::io_thread(caf::actor_system& system)
    : caf::execution_unit(&system),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      now_us_(clock_us()) {
  if (!epoll_) fail("epoll_create1");
  if (!event_) fail("eventfd");
  epoll_event e{};
  e.events = EPOLLIN, e.data.u64 = tag(event_.get(), 0);
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, event_.get(), &e) != 0) fail("epoll_ctl");
}

io_thread::~io_thread() { terminate_all(); }

bool io_thread::in_loop() const noexcept { return current_loop == this; }

void io_thread::wake() noexcept {
  std::uint64_t one = 1;
  [[maybe_unused]] auto n = ::write(event_.get(), &one, sizeof one);  // fails only if a wake-up is already pending
}

void io_thread::exec_later(caf::resumable* job) {
  if (in_loop()) {
    local_.push_back(job);
    return;
  }
  {
    std::lock_guard lock(mutex_);
    if (!stopped_) {
      foreign_.push_back(job);
      if (!std::exchange(sleeping_, false)) return;
      wake();  // under the lock, so that the loop cannot end and close the eventfd in between
      return;
    }
  }
  caf::scheduler::abstract_coordinator::cleanup_and_release(job);
}

void io_thread::post(std::function<void()> what) {
  std::lock_guard lock(mutex_);
  if (stopped_) return;
  posted_.push_back(std::move(what));
  if (std::exchange(sleeping_, false)) wake();
}

void io_thread::stop() noexcept {
  std::lock_guard lock(mutex_);
  stopping_ = true;
  if (std::exchange(sleeping_, false)) wake();
}

void io_thread::subscribe_tick(caf::actor who, std::int64_t period_ms) {
  if (period_ms <= 0) throw std::logic_error("tick period " + std::to_string(period_ms) + " ms");
  post([this, who = std::move(who), period_ms] { subscribers_.push_back({who, period_ms, now_ms() + period_ms}); });
}

void io_thread::unsubscribe_tick(const caf::actor_addr& who) {
  post([this, who] { std::erase_if(subscribers_, [&](auto& s) { return s.who.address() == who; }); });
}

void io_thread::control(int op, int fd, std::uint32_t events) {
  epoll_event e{};
  e.events = events, e.data.u64 = tag(fd, watched_[static_cast<std::size_t>(fd)].generation);
  if (::epoll_ctl(epoll_.get(), op, fd, &e) != 0) fail("epoll_ctl");
}

void io_thread::watch(int fd, std::uint32_t events, fd_handler* handler) {
  auto i = static_cast<std::size_t>(fd);
  if (i >= watched_.size()) watched_.resize(std::max(i + 1, watched_.size() * 2));
  if (watched_[i].handler) throw std::logic_error("descriptor " + std::to_string(fd) + " is watched twice");
  ++watched_[i].generation;
  control(EPOLL_CTL_ADD, fd, events);
  watched_[i].handler = handler;
}

void io_thread::modify(int fd, std::uint32_t events) { control(EPOLL_CTL_MOD, fd, events); }

void io_thread::unwatch(int fd) {
  control(EPOLL_CTL_DEL, fd, 0);
  watched_[static_cast<std::size_t>(fd)].handler = nullptr;
}

void io_thread::add_hook(turn_hook* hook) { hooks_.push_back(hook); }

void io_thread::remove_hook(turn_hook* hook) { std::replace(hooks_.begin(), hooks_.end(), hook, (turn_hook*)nullptr); }

/// Moves what other threads left into the local queue. False if there was nothing.
bool io_thread::take_foreign() {
  std::vector<std::function<void()>> posted;
  {
    std::lock_guard lock(mutex_);
    if (foreign_.empty() && posted_.empty()) return false;
    local_.insert(local_.end(), foreign_.begin(), foreign_.end());
    foreign_.clear();
    posted.swap(posted_);
  }
  for (auto& what : posted) what();
  return true;
}

int io_thread::wait_ms() const {
  auto due = INT64_MAX;
  for (auto& s : subscribers_) due = std::min(due, s.due_ms);
  if (due == INT64_MAX) return -1;
  auto now = clock_us() / 1000;
  return due <= now ? 0 : static_cast<int>(std::min<std::int64_t>(due - now, 60'000));
}

/// True if there were any.
bool io_thread::wait_for_events(bool may_sleep) {
  int timeout = 0;
  if (may_sleep && local_.empty()) {
    timeout = wait_ms();
    std::lock_guard lock(mutex_);
    // The last look at the queue and the announcement of sleep are one step: whoever pushes later sees `sleeping_`.
    if (!foreign_.empty() || !posted_.empty() || stopping_)
      timeout = 0;
    else
      sleeping_ = timeout != 0;
  }
  epoll_event events[events_per_wait];
  auto n = ::epoll_wait(epoll_.get(), events, events_per_wait, timeout);
  if (n < 0 && errno != EINTR) fail("epoll_wait");
  if (timeout != 0) {
    std::lock_guard lock(mutex_);
    sleeping_ = false;
  }
  now_us_ = clock_us();
  for (int i = 0; i < n; ++i) {
    auto fd = static_cast<int>(static_cast<std::uint32_t>(events[i].data.u64));
    if (fd == event_.get()) {
      std::uint64_t count;
      [[maybe_unused]] auto r = ::read(event_.get(), &count, sizeof count);
      continue;
    }
    auto& w = watched_[static_cast<std::size_t>(fd)];
    if (w.handler && w.generation == static_cast<std::uint32_t>(events[i].data.u64 >> 32))
      w.handler->on_ready(fd, events[i].events);
  }
  return n > 0;
}

void io_thread::send_ticks() {
  auto now = now_ms();
  caf::message tick;
  for (auto& s : subscribers_) {
    if (s.due_ms > now) continue;
    s.due_ms = std::max(s.due_ms + s.period_ms, now + 1);
    if (tick.empty()) tick = caf::make_message(box(msg::tick{now}));  // one for all: nobody changes it
    s.who->enqueue(nullptr, caf::make_message_id(), tick, this);
  }
}

/// True if there was anything to run.
bool io_thread::drain() {
  bool any = false;
  for (int round = 0; round < rounds_per_drain; ++round) {
    any |= take_foreign();
    if (local_.empty()) return any;
    any = true;
    running_.swap(local_);
    for (auto* job : running_) {
      // The reference that came with the job is ours to keep (resume_later) or to give back: as CAF's own workers do.
      switch (job->resume(this, messages_per_resume)) {
        case caf::resumable::resume_later:
          local_.push_back(job);
          break;
        case caf::resumable::awaiting_message:
        case caf::resumable::done:
          caf::intrusive_ptr_release(job);
          break;
        case caf::resumable::shutdown_execution_unit:
          caf::intrusive_ptr_release(job), stop();
          break;
      }
    }
    running_.clear();
  }
  return any;
}

bool io_thread::turn(bool may_sleep) {
  bool any = wait_for_events(may_sleep);
  for (std::size_t i = 0; i < hooks_.size(); ++i)
    if (hooks_[i]) hooks_[i]->after_events();
  send_ticks();
  any |= drain();
  for (std::size_t i = 0; i < hooks_.size(); ++i)
    if (hooks_[i]) hooks_[i]->before_wait();
  std::erase(hooks_, nullptr);
  return any || !local_.empty();
}

bool io_thread::turn() {
  struct in_this_thread {
    const io_thread* before = current_loop;
    explicit in_this_thread(const io_thread* loop) { current_loop = loop; }
    ~in_this_thread() { current_loop = before; }
  } scope(this);
  return turn(false);
}

void io_thread::run() {
  {
    std::lock_guard lock(mutex_);
    if (stopped_) throw std::logic_error("an io_thread runs once");
  }
  struct in_this_thread {
    caf::actor_system& system;
    const io_thread* before = current_loop;
    in_this_thread(caf::actor_system& s, const io_thread* loop) : system(s) {
      system.thread_started(), current_loop = loop;
    }
    ~in_this_thread() { current_loop = before, system.thread_terminates(); }
  };
  {
    in_this_thread scope(system(), this);
    for (;;) {
      turn(true);
      std::lock_guard lock(mutex_);
      if (stopping_) break;
    }
  }
  terminate_all();
}

void io_thread::terminate_all() {
  std::vector<std::function<void()>> posted;  // destroyed without the lock: what they hold may call us
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
    local_.insert(local_.end(), foreign_.begin(), foreign_.end());
    foreign_.clear();
    posted.swap(posted_);
  }
  std::vector<subscriber>().swap(subscribers_);
  while (!local_.empty()) {
    auto* job = local_.back();
    local_.pop_back();
    caf::scheduler::abstract_coordinator::cleanup_and_release(job);
  }
}

}  // namespace troupe::io

#pragma once
/// The I/O thread of a node: an epoll loop that is itself a CAF execution unit, so that the actors of the request path
/// are resumed on the thread that holds the sockets. Between a request's bytes and its reply's there is then no futex,
/// no eventfd and no second thread (measured: the same speed as no actors at all).
///
/// One turn of the loop: one epoll_wait; the handlers of all ready descriptors; `after_events` of the hooks (the
/// gateway turns what it received into one message); the actors that have work, in bounded rounds; `before_wait` of the
/// hooks (sockets are flushed). It never waits while there is work. Nothing that runs here may block.
///
/// Actors stay isolated: whoever hosts one, it is resumed by one thread at a time.

#include <caf/actor.hpp>
#include <caf/execution_unit.hpp>
#include <caf/fwd.hpp>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

#include "actors/io/descriptor.hpp"

namespace troupe::io {

/// Owns what it does with a descriptor, not the descriptor's place in the loop: whoever calls `watch` calls `unwatch`.
class fd_handler {
 public:
  virtual void on_ready(int fd, std::uint32_t events) = 0;  ///< EPOLLIN and so on; level-triggered

 protected:
  ~fd_handler() = default;
};

/// Something to do at two places of every turn.
class turn_hook {
 public:
  virtual void after_events() {}  ///< all descriptors of this turn have been handled, no actor has run
  virtual void before_wait() {}   ///< the actors have run; may still create work, which delays the wait

 protected:
  ~turn_hook() = default;
};

class io_thread final : public caf::execution_unit {
 public:
  explicit io_thread(caf::actor_system&);
  /// Actors that still have work are terminated with `user_shutdown`. Call it after `run` has returned.
  ~io_thread() override;
  io_thread(const io_thread&) = delete;
  io_thread& operator=(const io_thread&) = delete;

  /// Runs the loop in the calling thread until `stop`. Let the actors pinned here end first (`anon_send_exit`, then
  /// `await`): those that have not are terminated when somebody next sends them anything. An exception of a handler
  /// or hook is an error of ours and leaves by here.
  void run();
  void stop() noexcept;  ///< from any thread
  /// In place of `run`, for tests that decide themselves when the loop turns: one turn in the calling thread, always the
  /// same one, that does not wait. False if there was nothing to do: until another thread, a socket or the clock brings
  /// something, there never will be.
  bool turn();

  /// From any thread. After `stop` it terminates the actor instead, because nobody would run it any more.
  void exec_later(caf::resumable*) override;
  /// Runs `what` on the loop's thread, from any thread. Dropped when the loop has stopped.
  void post(std::function<void()> what);
  /// Sends boxed<msg::tick> to `who` each `period_ms`, from any thread. Keeps `who` alive until unsubscribed or
  /// stopped. Ticks that a busy loop misses are not made up for.
  void subscribe_tick(caf::actor who, std::int64_t period_ms);
  void unsubscribe_tick(const caf::actor_addr& who);

  // ---- on the loop's thread only
  bool in_loop() const noexcept;
  void watch(int fd, std::uint32_t events, fd_handler*);
  void modify(int fd, std::uint32_t events);
  void unwatch(int fd);  ///< before closing fd. Events of this turn that were not handled yet are dropped
  void add_hook(turn_hook*);
  void remove_hook(turn_hook*);

  /// Monotonic; read once a wake-up.
  std::int64_t now_ms() const { return now_us_ / 1000; }
  std::int64_t now_us() const { return now_us_; }
  static std::int64_t clock_us();  ///< monotonic, read now

 private:
  struct watched {
    fd_handler* handler = nullptr;
    std::uint32_t generation = 0;  ///< tells an event for an earlier owner of the same descriptor
  };
  struct subscriber {
    caf::actor who;
    std::int64_t period_ms, due_ms;
  };

  void control(int op, int fd, std::uint32_t events);
  int wait_ms() const;
  bool take_foreign();
  bool wait_for_events(bool may_sleep);
  void send_ticks();
  bool drain();
  bool turn(bool may_sleep);
  void terminate_all();
  void wake() noexcept;

  descriptor epoll_, event_;
  std::vector<watched> watched_;
  std::vector<turn_hook*> hooks_;
  std::vector<subscriber> subscribers_;
  std::vector<caf::resumable*> local_, running_;
  std::int64_t now_us_;

  std::mutex mutex_;  ///< guards what follows
  std::vector<caf::resumable*> foreign_;
  std::vector<std::function<void()>> posted_;
  bool sleeping_ = false, stopping_ = false, stopped_ = false;
};

}  // namespace troupe::io

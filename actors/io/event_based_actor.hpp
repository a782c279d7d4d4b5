#pragma once
/// The base of every actor of a node. It is CAF's own, but under ThreadSanitizer it says aloud what happens before
/// what: CAF's library comes from the distribution, built without the sanitizer, so that the atomics of its mailboxes
/// and reference counts stay unseen and every message would be taken for a race.

#include <caf/event_based_actor.hpp>

#ifndef __SANITIZE_THREAD__

namespace troupe::io {
using event_based_actor = caf::event_based_actor;
}  // namespace troupe::io

#else

#include <sanitizer/tsan_interface.h>

#include <utility>

namespace troupe::io {

/// Only edges that CAF really has: from the launch to the first run, from an enqueue to the handler that consumes the
/// message, from one run of the actor to the next wherever that is, and from the last use to the destruction.
class event_based_actor : public caf::event_based_actor {
 public:
  using caf::event_based_actor::event_based_actor;

  using caf::event_based_actor::enqueue;
  void enqueue(caf::mailbox_element_ptr element, caf::execution_unit* unit) override {
    __tsan_release(this);
    caf::event_based_actor::enqueue(std::move(element), unit);
    __tsan_release(&last_use_);  // the caller holds a reference, which it gives back later
  }

  void launch(caf::execution_unit* unit, bool lazy, bool hide) override {
    __tsan_release(this);  // the spawner has built it, and whoever runs it may do so at once
    caf::event_based_actor::launch(unit, lazy, hide);
  }

  void intrusive_ptr_release_impl() override {
    __tsan_release(&last_use_);
    caf::event_based_actor::intrusive_ptr_release_impl();
  }

  caf::resumable::resume_result resume(caf::execution_unit* unit, std::size_t messages) override {
    __tsan_acquire(this);
    auto result = caf::event_based_actor::resume(unit, messages);
    __tsan_release(this);
    return result;
  }

  using caf::event_based_actor::consume;
  caf::invoke_message_result consume(caf::mailbox_element& element) override {
    __tsan_acquire(this);
    auto result = caf::event_based_actor::consume(element);
    // Here, not at the end of `resume`: the mailbox is blocked before that, and then the next run may have begun already.
    __tsan_release(this);
    return result;
  }

  void on_destroy() override {
    __tsan_acquire(this);
    __tsan_acquire(&last_use_);
    caf::event_based_actor::on_destroy();
  }

 private:
  char last_use_ = 0;
};

}  // namespace troupe::io

#endif

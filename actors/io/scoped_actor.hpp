#pragma once
/// What stands in for an actor outside of all actors, in tests: CAF's own, but under ThreadSanitizer it says aloud what happens
/// before what, as event_based_actor.hpp does.

#include <caf/scoped_actor.hpp>

#ifndef __SANITIZE_THREAD__

namespace troupe::io {
using scoped_actor = caf::scoped_actor;
}  // namespace troupe::io

#else

#include <sanitizer/tsan_interface.h>

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/blocking_actor.hpp>
#include <caf/make_actor.hpp>
#include <caf/scoped_execution_unit.hpp>
#include <utility>

namespace troupe::io {

/// Only edges that CAF really has: from an enqueue to whoever finds that there are data, from the end to the destruction.
class scoped_actor {
 public:
  using signatures = caf::none_t;
  static constexpr bool has_weak_ptr_semantics = false;

  explicit scoped_actor(caf::actor_system& system) : context_(&system) {
    caf::actor_config config{&context_};
    self_ = caf::make_actor<impl, caf::strong_actor_ptr>(system.next_actor_id(), system.node(), &system, config);
  }
  ~scoped_actor() {
    ptr()->cleanup(caf::exit_reason::normal, &context_);
    __tsan_release(ptr());
  }
  scoped_actor(const scoped_actor&) = delete;
  scoped_actor& operator=(const scoped_actor&) = delete;

  caf::blocking_actor* operator->() const { return ptr(); }
  caf::blocking_actor& operator*() const { return *ptr(); }
  caf::actor_addr address() const { return ptr()->address(); }
  caf::blocking_actor* ptr() const {
    return static_cast<caf::blocking_actor*>(caf::actor_cast<caf::abstract_actor*>(self_));
  }
  caf::actor_control_block* get() const { return self_.get(); }

 private:
  class impl final : public caf::blocking_actor {
   public:
    using caf::blocking_actor::blocking_actor;
    void act() override {}

    using caf::blocking_actor::enqueue;
    void enqueue(caf::mailbox_element_ptr element, caf::execution_unit* unit) override {
      __tsan_release(static_cast<caf::blocking_actor*>(this));
      caf::blocking_actor::enqueue(std::move(element), unit);
      __tsan_release(&last_use_);  // the caller holds a reference, which it gives back later
    }
    void await_data() override {
      caf::blocking_actor::await_data();
      __tsan_acquire(static_cast<caf::blocking_actor*>(this));
    }
    bool await_data(timeout_type timeout) override {
      auto any = caf::blocking_actor::await_data(timeout);
      __tsan_acquire(static_cast<caf::blocking_actor*>(this));
      return any;
    }
    void on_destroy() override {
      __tsan_acquire(static_cast<caf::blocking_actor*>(this));
      __tsan_acquire(&last_use_);
      caf::blocking_actor::on_destroy();
    }

   private:
    char last_use_ = 0;
  };

  caf::scoped_execution_unit context_;
  caf::strong_actor_ptr self_;
};

}  // namespace troupe::io

#endif

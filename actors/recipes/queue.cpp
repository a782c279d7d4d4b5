#include "actors/recipes/queue.hpp"

namespace troupe::recipes {

namespace {

class queue_actor final : public recipe_actor {
 public:
  queue_actor(caf::actor_config& cfg, caf::actor client, queue_options o)
      : recipe_actor(cfg, std::move(client)), queueing_(*this, std::move(o.path), std::move(o.taker)) {}
  const char* name() const override { return "troupe queue"; }

 private:
  caf::message_handler handlers() override {
    return {
        [this](put& p) {
          auto promise = owe();
          queueing_.put(std::move(p.data), [promise](std::int32_t code) mutable {
            code ? promise.deliver(client::make_error(code)) : promise.deliver(client::done{});
          });
        },
        [this](const take& t) {
          auto promise = owe();
          auto number = queueing_.take([promise](std::int32_t code, const queue_item& i) mutable {
            code ? promise.deliver(client::make_error(code)) : promise.deliver(i);
          });
          if (t.wait.count() > 0) after(t.wait, [this, number] { queueing_.give_up(number); });
        },
    };
  }
  void end(std::function<void()> then) override { queueing_.end(std::move(then)); }

  queueing queueing_;
};

}  // namespace

caf::actor spawn_queue(caf::actor_system& system, const caf::actor& client, queue_options o) {
  return system.spawn<queue_actor>(client, std::move(o));
}

}  // namespace troupe::recipes

#include "actors/recipes/counter.hpp"

#include "actors/recipes/counting.hpp"

namespace troupe::recipes {

namespace {

class counter_actor final : public recipe_actor {
 public:
  counter_actor(caf::actor_config& cfg, caf::actor client, counter_options o)
      : recipe_actor(cfg, std::move(client)), counting_(*this, std::move(o.path)) {}
  const char* name() const override { return "troupe counter"; }

 private:
  caf::message_handler handlers() override {
    return {[this](const add& a) {
              auto promise = owe();
              counting_.add(a.delta, teller(promise));
            },
            [this](const ask_count&) {
              auto promise = owe();
              counting_.read(teller(promise));
            }};
  }
  void end(std::function<void()> then) override { counting_.end(std::move(then)); }

  static counting::teller teller(owed promise) {
    return [promise](std::int32_t code, std::int64_t value) mutable {
      code ? promise.deliver(client::make_error(code)) : promise.deliver(count{value});
    };
  }

  counting counting_;
};

}  // namespace

caf::actor spawn_counter(caf::actor_system& system, const caf::actor& client, counter_options o) {
  return system.spawn<counter_actor>(client, std::move(o));
}

}  // namespace troupe::recipes

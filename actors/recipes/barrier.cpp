#include "actors/recipes/barrier.hpp"

#include "actors/recipes/gathering.hpp"

namespace troupe::recipes {

namespace {

class barrier_actor final : public recipe_actor, gathering::port {
 public:
  barrier_actor(caf::actor_config& cfg, caf::actor client, barrier_options o)
      : recipe_actor(cfg, std::move(client)), gathering_(*this, *this, std::move(o.path), o.size) {}
  const char* name() const override { return "troupe barrier"; }

 private:
  caf::message_handler handlers() override {
    return {
        [this](const enter&) {
          auto promise = owe();
          if (!inside_) {
            inside_ = true;
            entering_.push_back(promise);
            gathering_.enter();
          } else {
            promise.deliver(client::make_error(static_cast<std::int32_t>(zk::err::bad_arguments), "it is in already"));
          }
        },
        [this](const depart&) {
          auto promise = owe();
          leaving_.push_back(promise);
          give_up();
        },
    };
  }
  void begin() override { gathering_.start(); }
  void on_session(const client::session_event& e) override { gathering_.on_session(e); }

  void give_up() {
    deliver(entering_, client::make_error(client::code::cancelled));
    gathering_.leave();
  }

  void entered() override { deliver(entering_, client::done{}); }
  void left() override {
    inside_ = false;
    deliver(leaving_, client::done{});
    if (auto then = std::exchange(end_, nullptr)) then();
  }
  void refused(std::int32_t code) override {
    inside_ = false;
    for (auto* all : {&entering_, &leaving_}) deliver(*all, client::make_error(code));
    if (auto then = std::exchange(end_, nullptr)) then();
  }
  /// Departs as by the message: behind the others.
  void end(std::function<void()> then) override {
    end_ = std::move(then);
    give_up();
  }

  gathering gathering_;
  bool inside_ = false;
  std::vector<owed> entering_, leaving_;
  std::function<void()> end_;
};

}  // namespace

caf::actor spawn_barrier(caf::actor_system& system, const caf::actor& client, barrier_options o) {
  return system.spawn<barrier_actor>(client, std::move(o));
}

}  // namespace troupe::recipes

#include "actors/recipes/membership.hpp"

namespace troupe::recipes {

namespace {

class membership_actor final : public recipe_actor, belonging::port {
 public:
  membership_actor(caf::actor_config& cfg, caf::actor client, membership_options o)
      : recipe_actor(cfg, std::move(client)), who_(std::move(o.who)), belonging_(*this, *this, std::move(o.path)) {}
  const char* name() const override { return "troupe membership"; }

 private:
  caf::message_handler handlers() override {
    return {
        [this](const join_group& j) {
          auto promise = owe();
          deliver(joining_, client::make_error(client::code::cancelled, "another join follows"));
          joining_.push_back(promise);
          belonging_.join(j.name, j.data);
        },
        [this](const leave_group&) {
          auto promise = owe();
          leaving_.push_back(promise);
          give_up();
        },
        [this](const ask_members&) {
          auto promise = owe();
          if (belonging_.ready())
            promise.deliver(belonging_.list());
          else
            asking_.push_back(promise);
        },
    };
  }
  void begin() override {
    if (who_) monitor(who_);
    belonging_.start();
  }
  void on_session(const client::session_event& e) override { belonging_.on_session(e); }
  void on_gone(const caf::actor_addr&) override { stop_now(); }

  void give_up() {
    deliver(joining_, client::make_error(client::code::cancelled));
    belonging_.leave();
  }

  void members(const member_list& m) override {
    if (who_) send(who_, m);
    deliver(asking_, m);
  }
  void joined(zxid_t since) override {
    if (joining_.empty() && who_) send(who_, recipes::joined{since});
    deliver(joining_, recipes::joined{since});
  }
  void parted() override {
    deliver(leaving_, client::done{});
    if (auto then = std::exchange(end_, nullptr)) then();
  }
  void refused(std::int32_t code) override {
    for (auto* all : {&joining_, &leaving_, &asking_}) deliver(*all, client::make_error(code));
    if (auto then = std::exchange(end_, nullptr)) then();
  }
  void end(std::function<void()> then) override {
    end_ = std::move(then);
    give_up();
  }

  caf::actor who_;
  belonging belonging_;
  std::vector<owed> joining_, leaving_, asking_;
  std::function<void()> end_;
};

}  // namespace

caf::actor spawn_membership(caf::actor_system& system, const caf::actor& client, membership_options o) {
  return system.spawn<membership_actor>(client, std::move(o));
}

}  // namespace troupe::recipes

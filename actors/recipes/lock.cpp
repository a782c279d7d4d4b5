#include "actors/recipes/lock.hpp"

#include <optional>

namespace troupe::recipes {

namespace {

class lock_actor final : public recipe_actor, contender::port {
 public:
  lock_actor(caf::actor_config& cfg, caf::actor client, lock_options o)
      : recipe_actor(cfg, std::move(client)), contender_(*this, *this, std::move(o)) {}
  const char* name() const override { return "troupe lock"; }

 private:
  caf::message_handler handlers() override {
    return {[this](const acquire& a) { return on_acquire(a); }, [this](const release&) { return on_release(); }};
  }
  void on_session(const client::session_event& e) override { contender_.on_session(e); }

  void on_acquire(const acquire& a) {
    auto holder = caf::actor_cast<caf::actor>(current_sender());
    auto promise = owe();
    if (asked_ || holder_)
      return promise.deliver(client::make_error(static_cast<std::int32_t>(zk::err::bad_arguments),
                                                "this lock actor has been asked before, and not released"));
    asked_ = promise, holder_ = std::move(holder);
    if (holder_) monitor(holder_);
    if (a.wait.count() > 0)
      patience_ = after(a.wait, [this] { patience_ = 0, give_up(client::code::deadline_passed); });
    if (releasing_.empty()) contender_.enter();
  }

  void on_release() {
    auto promise = owe();
    releasing_.push_back(promise);
    give_up(client::code::cancelled);
  }

  /// Whether it is held or waited for.
  void give_up(std::int32_t code) {
    forget_holder();
    if (patience_) forget(std::exchange(patience_, 0));
    if (auto asked = std::exchange(asked_, std::nullopt)) asked->deliver(client::make_error(code));
    contender_.leave();
  }

  void forget_holder() {
    if (holder_) demonitor(holder_);
    holder_ = nullptr;
  }

  void on_gone(const caf::actor_addr& who) override {
    if (holder_ && holder_.address() == who) give_up(client::code::cancelled);
  }

  void held(zxid_t fencing, const std::string& entry) override {
    if (!asked_) return contender_.leave();
    if (patience_) forget(std::exchange(patience_, 0));
    auto asked = std::exchange(asked_, std::nullopt);
    asked->deliver(lock_held{fencing, entry});
  }

  void lost() override {
    if (holder_) send(holder_, lock_lost{});
    forget_holder();
  }

  void left() override {
    for (auto& r : std::exchange(releasing_, {})) r.deliver(client::done{});
    if (auto then = std::exchange(end_, nullptr)) return then();
    if (asked_) contender_.enter();
  }

  void refused(std::int32_t code) override {
    forget_holder();
    if (patience_) forget(std::exchange(patience_, 0));  // or it would end a later hold
    if (auto asked = std::exchange(asked_, std::nullopt)) asked->deliver(client::make_error(code));
    for (auto& r : std::exchange(releasing_, {})) r.deliver(client::make_error(code));
    if (auto then = std::exchange(end_, nullptr)) then();
  }

  void end(std::function<void()> then) override {
    end_ = std::move(then);
    give_up(client::code::cancelled);
  }

  contender contender_;
  std::optional<owed> asked_;
  caf::actor holder_;
  number patience_ = 0;
  std::vector<owed> releasing_;
  std::function<void()> end_;
};

}  // namespace

caf::actor spawn_lock(caf::actor_system& system, const caf::actor& client, lock_options o) {
  return system.spawn<lock_actor>(client, std::move(o));
}

}  // namespace troupe::recipes

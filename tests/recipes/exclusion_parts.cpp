/// The lock and the election: never two at once, in this process's real time, and fencing zxids that only grow.

#include <atomic>
#include <set>

#include "actors/recipes/election.hpp"
#include "actors/recipes/lock.hpp"
#include "tests/recipes/stage.hpp"

namespace troupe::recipes_trial {

namespace {

/// Who is in, as they themselves believe.
class exclusion {
 public:
  exclusion(const char* what, faults& f) : what_(what), wrong_(f) {}
  void enter(int who, zxid_t fencing) {
    std::lock_guard hold(mutex_);
    if (!inside_.empty())
      wrong_.add(what_ + ": " + std::to_string(who) + " came in while " + std::to_string(*inside_.begin()) + " was");
    if (fencing <= last_)
      wrong_.add(what_ + ": fencing zxid " + std::to_string(fencing) + " after " + std::to_string(last_));
    inside_.insert(who), last_ = fencing, ++count_;
  }
  void leave(int who) {
    std::lock_guard hold(mutex_);
    inside_.erase(who);
  }
  std::uint64_t count() const { return count_; }

 private:
  const std::string what_;
  faults& wrong_;
  std::mutex mutex_;
  std::set<int> inside_;
  zxid_t last_ = 0;
  std::atomic<std::uint64_t> count_{0};
};

class lock_part final : public part {
 public:
  explicit lock_part(stage& s) : holders_("lock", s.wrong), wrong_(s.wrong), system_(s.system) {
    for (auto& c : s.clients) {
      auto lock = recipes::spawn_lock(system_, **c, {"/trial/lock", "worker", patience});
      locks_.push_back(lock);
      auto who = static_cast<int>(locks_.size());
      threads_.emplace_back([this, lock, who] { work(lock, who); });
    }
  }
  const char* name() const override { return "lock"; }
  std::uint64_t progress() const override { return holders_.count(); }
  std::string finish() override {
    end_ = true;
    for (auto& t : threads_) t.join();
    caf::scoped_actor self(system_);
    for (auto& l : locks_) ask<client::done>(self, l, recipes::stop{});
    return std::to_string(holders_.count()) + " times held, " + std::to_string(losses_) + " times lost";
  }

 private:
  void work(const caf::actor& lock, int who) {
    caf::scoped_actor self(system_);
    for (int turn = 0; !end_; ++turn) {
      std::int32_t code = 0;
      auto held = ask<recipes::lock_held>(self, lock, recipes::acquire{}, &code);
      if (!held) {
        wrong_.add("lock: refused with " + std::to_string(code));
        return;
      }
      holders_.enter(who, held->fencing);
      bool lost = false;
      self->receive([&](const recipes::lock_lost&) { lost = true; },
                    caf::after(turn % 4 == who ? 1'500ms : 20ms) >> [] {});
      holders_.leave(who);
      losses_ += lost;
      ask<client::done>(self, lock, recipes::release{});
      if (!lost) self->receive([&](const recipes::lock_lost&) {}, caf::after(0ms) >> [] {});  // it crossed our release
    }
  }

  exclusion holders_;
  faults& wrong_;
  caf::actor_system& system_;
  std::vector<caf::actor> locks_;
  std::vector<std::thread> threads_;
  std::atomic<bool> end_{false};
  std::atomic<int> losses_{0};
};

class election_part final : public part {
 public:
  explicit election_part(stage& s) : leaders_("election", s.wrong), wrong_(s.wrong), system_(s.system) {
    for (auto& c : s.clients) {
      auto who = static_cast<int>(voices_.size()) + 1;
      voices_.push_back(
          system_.spawn([this, who, c = **c](caf::event_based_actor* self) { return follow(self, who, c); }));
    }
  }
  const char* name() const override { return "election"; }
  std::uint64_t progress() const override { return leaders_.count(); }
  std::string finish() override {
    caf::scoped_actor self(system_);
    for (auto& v : voices_) {
      ask<client::done>(self, v, recipes::stop{});
      self->send_exit(v, caf::exit_reason::user_shutdown);
    }
    return std::to_string(leaders_.count()) + " times elected";
  }

 private:
  caf::behavior follow(caf::event_based_actor* self, int who, const caf::actor& client) {
    auto candidate = recipes::spawn_candidate(
        system_, client, {{"/trial/leader", std::to_string(who), patience}, caf::actor_cast<caf::actor>(self)});
    return {
        [this, self, who, candidate](const recipes::elected& e) {
          leaders_.enter(who, e.fencing);
          self->delayed_send(self, 50ms, recipes::step_down{});
        },
        [this, who](const recipes::resigned&) { leaders_.leave(who); },
        [self, candidate](const recipes::step_down& s) { self->send(candidate, s); },
        [](const client::done&) {},
        [this](const recipes::not_eligible& n) { wrong_.add("election: refused with " + std::to_string(n.code)); },
        [self, candidate](const recipes::stop& s) { return self->delegate(candidate, s); },
    };
  }

  exclusion leaders_;
  faults& wrong_;
  caf::actor_system& system_;
  std::vector<caf::actor> voices_;
};

}  // namespace

std::unique_ptr<part> make_lock(stage& s) { return std::make_unique<lock_part>(s); }
std::unique_ptr<part> make_election(stage& s) { return std::make_unique<election_part>(s); }

}  // namespace troupe::recipes_trial

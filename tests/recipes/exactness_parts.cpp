/// The queue and the counter: nothing lost, nothing twice.

#include <atomic>
#include <map>
#include <set>

#include "actors/recipes/counter.hpp"
#include "actors/recipes/queue.hpp"
#include "tests/recipes/stage.hpp"

namespace troupe::recipes_trial {

namespace {

class queue_part final : public part {
 public:
  explicit queue_part(stage& s) : wrong_(s.wrong), system_(s.system) {
    for (auto& c : s.clients) {
      auto who = std::to_string(queues_.size());
      auto putter = recipes::spawn_queue(system_, **c, {"/trial/queue", ""});
      auto taker = recipes::spawn_queue(system_, **c, {"/trial/queue", "taker-" + who});
      queues_.push_back(putter), queues_.push_back(taker);
      putters_.emplace_back([this, putter, who] { put(putter, who); });
      takers_.emplace_back([this, taker] { take(taker); });
    }
  }
  const char* name() const override { return "queue"; }
  std::uint64_t progress() const override { return taken_count_; }

  std::string finish() override {
    end_ = true;
    for (auto& t : putters_) t.join();
    // The takers go on until everything is taken; whoever waits then is told to stop.
    auto last = std::chrono::steady_clock::now();
    for (std::size_t left = 0; untaken() > 0; std::this_thread::sleep_for(5ms)) {
      auto now = std::chrono::steady_clock::now();
      if (std::exchange(left, untaken()) != left) last = now;
      if (now > last + 60s) {
        wrong_.add("queue: nobody has taken anything for 60 s, but there are " + std::to_string(left) + " items");
        break;
      }
    }
    caf::scoped_actor self(system_);
    for (auto& q : queues_) ask<client::done>(self, q, recipes::stop{});
    for (auto& t : takers_) t.join();
    std::lock_guard hold(mutex_);
    for (auto& one : put_)
      if (!taken_.contains(one)) wrong_.add("queue: " + one + " is lost");
    for (auto& [one, times] : taken_) {
      if (times > 1) wrong_.add("queue: " + one + " was taken " + std::to_string(times) + " times");
      if (!put_.contains(one)) wrong_.add("queue: nobody has put " + one);
    }
    return std::to_string(put_.size()) + " items put and taken";
  }

 private:
  /// An item may be taken before its putter is answered.
  std::size_t untaken() {
    std::lock_guard hold(mutex_);
    return put_.size() > taken_.size() ? put_.size() - taken_.size() : 0;
  }

  void put(const caf::actor& queue, const std::string& who) {
    caf::scoped_actor self(system_);
    for (int n = 0; !end_; ++n) {
      // So that the queue is also empty now and then, and its takers wait.
      for (; !end_ && untaken() > 20; std::this_thread::sleep_for(1ms)) {
      }
      auto item = who + ":" + std::to_string(n);
      std::int32_t code = 0;
      if (!ask<client::done>(self, queue, recipes::put{item}, &code)) {
        wrong_.add("queue: put was refused with " + std::to_string(code));
        return;
      }
      std::lock_guard hold(mutex_);
      put_.insert(item);
    }
  }

  void take(const caf::actor& queue) {
    caf::scoped_actor self(system_);
    for (;;) {
      std::int32_t code = 0;
      auto item = ask<recipes::queue_item>(self, queue, recipes::take{}, &code);
      if (!item) {
        bool stopped = code == client::code::cancelled || (end_ && !code);  // by CAF: it has ended
        if (!stopped) wrong_.add("queue: take was refused with " + std::to_string(code));
        return;
      }
      if (item->again) wrong_.add("queue: " + item->data + " is marked, but nobody died");
      std::lock_guard hold(mutex_);
      ++taken_[item->data], ++taken_count_;
    }
  }

  faults& wrong_;
  caf::actor_system& system_;
  std::mutex mutex_;
  std::set<std::string> put_;
  std::map<std::string, int> taken_;
  std::atomic<std::uint64_t> taken_count_{0};
  std::atomic<bool> end_{false};
  std::vector<caf::actor> queues_;
  std::vector<std::thread> putters_, takers_;
};

class counter_part final : public part {
 public:
  explicit counter_part(stage& s) : wrong_(s.wrong), system_(s.system) {
    for (auto& c : s.clients) {
      auto counter = recipes::spawn_counter(system_, **c, {"/trial/counter"});
      counters_.push_back(counter);
      threads_.emplace_back([this, counter] { add(counter); });
    }
  }
  const char* name() const override { return "counter"; }
  std::uint64_t progress() const override { return added_; }

  std::string finish() override {
    end_ = true;
    for (auto& t : threads_) t.join();
    caf::scoped_actor self(system_);
    auto now = ask<recipes::count>(self, counters_.front(), recipes::ask_count{});
    auto expected = static_cast<std::int64_t>(added_.load());
    if (!now || now->value != expected)
      wrong_.add("counter: " + std::to_string(now ? now->value : -1) + ", but " + std::to_string(expected) +
                 " were acknowledged");
    if (values_.size() != added_) wrong_.add("counter: a value was told twice");
    for (auto& c : counters_) ask<client::done>(self, c, recipes::stop{});
    return std::to_string(expected) + " additions";
  }

 private:
  void add(const caf::actor& counter) {
    caf::scoped_actor self(system_);
    while (!end_) {
      std::int32_t code = 0;
      auto now = ask<recipes::count>(self, counter, recipes::add{1}, &code);
      if (!now) {
        wrong_.add("counter: refused with " + std::to_string(code));
        return;
      }
      std::lock_guard hold(mutex_);
      values_.insert(now->value), ++added_;
    }
  }

  faults& wrong_;
  caf::actor_system& system_;
  std::mutex mutex_;
  std::set<std::int64_t> values_;
  std::atomic<std::uint64_t> added_{0};
  std::atomic<bool> end_{false};
  std::vector<caf::actor> counters_;
  std::vector<std::thread> threads_;
};

}  // namespace

std::unique_ptr<part> make_queue(stage& s) { return std::make_unique<queue_part>(s); }
std::unique_ptr<part> make_counter(stage& s) { return std::make_unique<counter_part>(s); }

}  // namespace troupe::recipes_trial

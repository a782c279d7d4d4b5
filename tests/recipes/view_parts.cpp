/// What is told of a part of the tree: membership, barrier, cache.

#include <array>
#include <atomic>

#include "actors/recipes/barrier.hpp"
#include "actors/recipes/cache.hpp"
#include "actors/recipes/membership.hpp"
#include "tests/recipes/stage.hpp"

namespace troupe::recipes_trial {

namespace {

/// All stay members for the whole trial; one more comes and goes.
class membership_part final : public part {
 public:
  explicit membership_part(stage& s) : wrong_(s.wrong), system_(s.system), members_(s.clients.size()) {
    for (auto& c : s.clients) {
      auto listener = system_.spawn([this](caf::event_based_actor*) {
        return caf::behavior{[this, last = zxid_t{0}](const recipes::member_list& m) mutable {
                               if (m.zxid <= last && last) wrong_.add("membership: a list is told twice, or late");
                               last = m.zxid, ++told_;
                             },
                             [](const recipes::joined&) {}};
      });
      listeners_.push_back(listener);
      auto group = recipes::spawn_membership(system_, **c, {"/trial/group", listener});
      groups_.push_back(group);
      caf::scoped_actor self(system_);
      if (!ask<recipes::joined>(self, group, recipes::join_group{"member-" + std::to_string(groups_.size()), "data"}))
        wrong_.add("membership: could not join");
    }
    guest_ = recipes::spawn_membership(system_, **s.clients.front(), {"/trial/group", nullptr});
    thread_ = std::thread([this] { come_and_go(); });
  }
  const char* name() const override { return "membership"; }
  std::uint64_t progress() const override { return told_; }

  std::string finish() override {
    end_ = true;
    thread_.join();
    caf::scoped_actor self(system_);
    for (auto& g : groups_) {  // a member whose session has just expired joins again
      std::size_t seen = 0;
      for (auto end = std::chrono::steady_clock::now() + 60s; std::chrono::steady_clock::now() < end;) {
        auto list = ask<recipes::member_list>(self, g, recipes::ask_members{});
        if (list && (seen = list->members.size()) == members_) break;
        std::this_thread::sleep_for(10ms);
      }
      if (seen != members_) wrong_.add("membership: " + std::to_string(seen) + " members at the end");
    }
    for (auto& g : groups_) ask<client::done>(self, g, recipes::stop{});
    ask<client::done>(self, guest_, recipes::stop{});
    for (auto& l : listeners_) self->send_exit(l, caf::exit_reason::user_shutdown);
    return std::to_string(told_) + " lists told";
  }

 private:
  void come_and_go() {
    caf::scoped_actor self(system_);
    while (!end_) {
      if (!ask<recipes::joined>(self, guest_, recipes::join_group{"guest", ""}) ||
          !ask<client::done>(self, guest_, recipes::leave_group{}))
        return wrong_.add("membership: a guest was refused");
      std::this_thread::sleep_for(20ms);
    }
  }

  faults& wrong_;
  caf::actor_system& system_;
  const std::size_t members_;
  std::vector<caf::actor> groups_, listeners_;
  caf::actor guest_;
  std::thread thread_;
  std::atomic<std::uint64_t> told_{0};
  std::atomic<bool> end_{false};
};

/// On clients whose sessions do not expire: then nobody is inside while another one is out.
class barrier_part final : public part {
 public:
  explicit barrier_part(stage& s) : wrong_(s.wrong), system_(s.system) {
    for (auto& c : s.steady)
      barriers_.push_back(recipes::spawn_barrier(system_, **c, {"/trial/barrier", s.steady.size()}));
    where_.resize(barriers_.size());
    for (std::size_t i = 0; i < barriers_.size(); ++i) threads_.emplace_back([this, i] { pass(i); });
  }
  const char* name() const override { return "barrier"; }
  std::uint64_t progress() const override { return rounds_; }

  std::string finish() override {
    end_ = true;
    caf::scoped_actor self(system_);
    for (auto& b : barriers_) ask<client::done>(self, b, recipes::stop{});  // ends an `enter` that nobody follows
    for (auto& t : threads_) t.join();
    return std::to_string(rounds_ / barriers_.size()) + " rounds";
  }

 private:
  enum class place { out, asking, in, departing };
  void set(std::size_t i, place p) {
    std::lock_guard hold(mutex_);
    where_[i] = p;
    for (std::size_t k = 0; k < where_.size(); ++k) {
      if (p == place::in && where_[k] == place::out && !end_)
        wrong_.add("barrier: one has entered while another was out");
      if (p == place::out && where_[k] == place::in && !end_)
        wrong_.add("barrier: one has departed while another was in");
    }
  }
  void pass(std::size_t i) {
    caf::scoped_actor self(system_);
    while (!end_) {
      set(i, place::asking);
      if (!ask<client::done>(self, barriers_[i], recipes::enter{})) break;
      set(i, place::in);
      std::this_thread::sleep_for(5ms);
      set(i, place::departing);
      if (!ask<client::done>(self, barriers_[i], recipes::depart{})) break;
      set(i, place::out);
      ++rounds_;
    }
    if (!end_) wrong_.add("barrier: refused");
  }

  faults& wrong_;
  caf::actor_system& system_;
  std::mutex mutex_;
  std::vector<place> where_;
  std::vector<caf::actor> barriers_;
  std::vector<std::thread> threads_;
  std::atomic<std::uint64_t> rounds_{0};
  std::atomic<bool> end_{false};
};

/// One writes two znodes in one transaction, again and again; the caches never see them differ.
class cache_part final : public part {
 public:
  explicit cache_part(stage& s) : wrong_(s.wrong), system_(s.system), writer_(**s.steady.front()) {
    caf::scoped_actor self(system_);
    // At once: a reader's node may be behind, and show what was before.
    auto made = ask<client::multi_result>(
        self, writer_,
        client::multi{{client::create{"/trial/config", ""}, client::create{"/trial/config/a", "0"},
                       client::create{"/trial/config/b", "0"}}});
    if (!made || !made->committed) wrong_.add("cache: its znodes could not be created");
    for (auto& c : s.clients) {
      auto reader = system_.spawn([this](caf::event_based_actor* me) { return read(me); });
      readers_.push_back(reader);
      caches_.push_back(recipes::spawn_cache(system_, **c, {"/trial/config", reader}));
      caf::anon_send(reader, caches_.back());
    }
    thread_ = std::thread([this] { write(); });
  }
  const char* name() const override { return "cache"; }
  std::uint64_t progress() const override { return seen_; }

  std::string finish() override {
    end_ = true;
    thread_.join();
    caf::scoped_actor self(system_);
    ask<client::done>(self, writer_, client::sync{});
    auto a = ask<client::data>(self, writer_, client::get_data{"/trial/config/a"});
    for (auto& c : caches_) {
      bool same = false;
      for (auto end = std::chrono::steady_clock::now() + 60s; !same && std::chrono::steady_clock::now() < end;) {
        auto now = ask<recipes::snapshot>(self, c, recipes::ask_snapshot{});
        auto mine = now ? now->nodes.find("/trial/config/a") : recipes::mirror::contents::iterator{};
        same = a && now && mine != now->nodes.end() && mine->second.data == a->bytes &&
               mine->second.mzxid == a->stat.mzxid && now->nodes.size() == 3 && now->zxid == a->stat.mzxid;
        if (!same) std::this_thread::sleep_for(10ms);
      }
      if (!same) wrong_.add("cache: at the end it is not what the tree is");
    }
    for (auto& c : caches_) ask<client::done>(self, c, recipes::stop{});
    for (auto& r : readers_) self->send_exit(r, caf::exit_reason::user_shutdown);
    return std::to_string(seen_) + " changes seen";
  }

 private:
  caf::behavior read(caf::event_based_actor* me) {
    auto cache = std::make_shared<caf::actor>();
    auto last = std::make_shared<zxid_t>(0);
    return {
        [cache](const caf::actor& c) { *cache = c; },
        [=, this](const recipes::cache_changed& c) {
          if (c.zxid <= *last) wrong_.add("cache: a change is told twice, or late");
          *last = c.zxid, ++seen_;
          if (!*cache) return;
          me->request(*cache, caf::infinite, recipes::ask_snapshot{}).then([=, this](const recipes::snapshot& s) {
            auto a = s.nodes.find("/trial/config/a"), b = s.nodes.find("/trial/config/b");
            auto data_of = [&](auto& it) { return it == s.nodes.end() ? "nothing" : it->second.data; };
            if (data_of(a) != data_of(b)) wrong_.add("cache: half of a transaction at " + std::to_string(s.zxid));
          });
        },
    };
  }
  void write() {
    caf::scoped_actor self(system_);
    for (int n = 1; !end_; ++n) {
      auto text = std::to_string(n);
      // Unknown outcomes do not matter here: the next one overwrites it.
      ask<client::multi_result>(
          self, writer_,
          client::multi{{client::set_data{"/trial/config/a", text}, client::set_data{"/trial/config/b", text}}});
      std::this_thread::sleep_for(5ms);
    }
  }

  faults& wrong_;
  caf::actor_system& system_;
  caf::actor writer_;
  std::vector<caf::actor> readers_, caches_;
  std::thread thread_;
  std::atomic<std::uint64_t> seen_{0};
  std::atomic<bool> end_{false};
};

}  // namespace

std::unique_ptr<part> make_membership(stage& s) { return std::make_unique<membership_part>(s); }
std::unique_ptr<part> make_barrier(stage& s) { return std::make_unique<barrier_part>(s); }
std::unique_ptr<part> make_cache(stage& s) { return std::make_unique<cache_part>(s); }

}  // namespace troupe::recipes_trial

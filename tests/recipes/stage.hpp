#pragma once
/// Clients of a real ensemble, each behind proxies of its own, so that one can be cut off alone: shortly, or until its
/// session is over. And what is common to all parts of a trial.

#include <caf/all.hpp>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <troupe/client.hpp>
#include "tests/ensemble/cut_proxy.hpp"

namespace troupe::recipes_trial {

using namespace std::chrono_literals;

constexpr auto session_timeout = 3'000ms;
constexpr auto steady_timeout = 60'000ms;  ///< of sessions that are not to expire, however slow the machine
constexpr auto patience = 500ms;           ///< of recipes, for a connection

/// A client, and what its session went through.
class actor_client {
 public:
  actor_client(caf::actor_system&, client::connections&, const std::vector<std::uint16_t>& ports,
               std::chrono::milliseconds timeout = session_timeout);
  ~actor_client();
  const caf::actor& operator*() const { return actor_; }

  /// Breaks its connection; back when it is connected again.
  void cut();
  /// Cuts it off until its session is over; back when it has another.
  void expire();
  int expiries() const { return expiries_; }

 private:
  struct nodes;
  void wait(const char* what, const std::function<bool()>&);
  std::vector<std::unique_ptr<ensemble::cut_proxy>> proxies_;
  caf::actor actor_, listener_;
  std::atomic<int> connects_{0}, losses_{0}, expiries_{0};
};

/// What goes wrong anywhere. From any thread.
class faults {
 public:
  void add(std::string what) {
    std::lock_guard hold(mutex_);
    if (list_.size() < 20) list_.push_back(std::move(what));
  }
  std::vector<std::string> list() const {
    std::lock_guard hold(mutex_);
    return list_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> list_;
};

/// One recipe at work.
class part {
 public:
  virtual ~part() = default;
  virtual const char* name() const = 0;
  virtual std::uint64_t progress() const = 0;
  /// No new work; back when what is under way is done and judged. Returns a line that sums up.
  virtual std::string finish() = 0;
};

struct stage {
  caf::actor_system& system;
  std::vector<std::unique_ptr<actor_client>>& clients;  ///< that are cut off and expire
  std::vector<std::unique_ptr<actor_client>>& steady;   ///< that are only cut off
  faults& wrong;
};

std::unique_ptr<part> make_lock(stage&);
std::unique_ptr<part> make_election(stage&);
std::unique_ptr<part> make_membership(stage&);
std::unique_ptr<part> make_barrier(stage&);
std::unique_ptr<part> make_queue(stage&);
std::unique_ptr<part> make_counter(stage&);
std::unique_ptr<part> make_cache(stage&);

/// Asks, and waits. Nothing: an error, which is in `code`.
template <class Reply, class Request>
std::optional<Reply> ask(caf::scoped_actor& self, const caf::actor& whom, Request what, std::int32_t* code = nullptr) {
  std::optional<Reply> out;
  self->request(whom, caf::infinite, std::move(what))
      .receive([&](Reply& r) { out = std::move(r); },
               [&](caf::error& e) {
                 if (code) *code = client::code_of(e);
               });
  return out;
}

}  // namespace troupe::recipes_trial

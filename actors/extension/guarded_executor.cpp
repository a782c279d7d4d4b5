#include "actors/extension/guarded_executor.hpp"

#include <spdlog/spdlog.h>

#include <atomic>
#include <caf/send.hpp>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "actors/io/event_based_actor.hpp"
#include "actors/messages.hpp"
#include "cluster/extension/forwarding_context.hpp"

namespace troupe::actors {

using extension::outcome;
using extension::request_context;
using extension::request_failed;
using zk::err;

namespace {

/// One request in a handler's hands, shared with the caller that waits for it. `lock` guards what both touch; the handler
/// holds it during each access to the tree, so that the caller's time goes on only between two of them.
struct job {
  extension::registered type;
  std::string request;
  std::shared_ptr<std::atomic<bool>> running;

  std::mutex lock;
  std::condition_variable changed;
  request_context* context = nullptr;  ///< null: the gate is closed
  bool done = false;
  outcome result;
};

struct gate {
  job& j;
  template <class F>
  decltype(auto) access(F&& f) {
    std::lock_guard hold(j.lock);
    if (j.context == nullptr) throw request_failed(err::request_timeout, "the time of this request is over");
    return f();
  }
};

/// In the worker's thread.
void handle(job& j) {
  std::optional<extension::forwarding_context<gate>> context;
  {
    std::lock_guard hold(j.lock);
    if (j.context != nullptr) context.emplace(*j.context, gate{j});
  }
  outcome result;
  if (context) result = extension::perform(*j.type.type, j.type.about.bounds, j.request, *context);
  std::lock_guard hold(j.lock);
  j.result = std::move(result), j.done = true;
  *j.running = false;  // before the caller may come with the next one
  j.changed.notify_one();
}

class request_type_actor : public io::event_based_actor {
 public:
  explicit request_type_actor(caf::actor_config& cfg) : io::event_based_actor(cfg) {}
  caf::behavior make_behavior() override {
    return {[](boxed<std::shared_ptr<job>>& j) { handle(**j); }};
  }
  const char* name() const override { return "request type"; }
};

}  // namespace

struct guarded_executor::worker {
  caf::actor handle;
  std::shared_ptr<std::atomic<bool>> running = std::make_shared<std::atomic<bool>>(false);
};

guarded_executor::guarded_executor(caf::actor_system& system, const extension::registry& known) {
  for (auto& type : known.list()) {
    auto& w = workers_.emplace_back();
    if (type.ours) continue;
    w = std::make_shared<worker>();
    w->handle = system.spawn<request_type_actor, caf::detached>();
  }
}

guarded_executor::~guarded_executor() {
  for (auto& w : workers_)
    if (w) caf::anon_send_exit(w->handle, caf::exit_reason::user_shutdown);
}

std::size_t guarded_executor::stuck() const {
  std::size_t n = 0;
  for (auto& w : workers_) n += w && *w->running;
  return n;
}

outcome guarded_executor::run(const extension::registered& type, std::string_view request, request_context& context) {
  auto& w = *workers_.at(type.position);
  if (*w.running)
    return {err::system_error, "request type '" + type.about.name + "' is suspended: a request of it still runs"};
  auto j = std::make_shared<job>();
  j->type = type, j->request = request, j->running = w.running, j->context = &context;
  *w.running = true;
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(type.about.bounds.time_ms);
  caf::anon_send(w.handle, box(std::shared_ptr<job>(j)));
  std::unique_lock hold(j->lock);
  if (j->changed.wait_until(hold, end, [&] { return j->done; })) return std::move(j->result);
  j->context = nullptr;
  hold.unlock();
  spdlog::warn(fmt::format("request type '{}' did not return within {} ms: suspended until it does", type.about.name,
                           type.about.bounds.time_ms));
  return {err::request_timeout, "the handler took longer than " + std::to_string(type.about.bounds.time_ms) + " ms"};
}

}  // namespace troupe::actors

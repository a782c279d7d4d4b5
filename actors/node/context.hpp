#pragma once
/// What the actors of one node share: each other's handles, the numbers for the operator, and how to die. Filled in by
/// the wiring (node.cpp) before the I/O thread runs the first of them; constant afterwards, but for the atomics in
/// `stats`.

#include <caf/actor.hpp>
#include <caf/event_based_actor.hpp>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "actors/messages.hpp"
#include "actors/node/configuration.hpp"
#include "actors/node/surroundings.hpp"
#include "actors/node_stats.hpp"
#include "cluster/extension/types/shipped.hpp"

namespace troupe::actors {

struct node_context {
  node_context(node_config c, std::unique_ptr<const surroundings> s) : config(std::move(c)), around(std::move(s)) {}

  node_config config;
  std::unique_ptr<const surroundings> around;
  node_stats stats;
  caf::actor actor_gateway;      ///< null: no actor port
  caf::actor feed, node_actors;  ///< null: the configuration names no actors
  /// Of one's own: those that ship, run in place and without a clock, unless the wiring puts others here.
  std::shared_ptr<const extension::request_types> types = extension::shipped_types();
  caf::actor supervisor, gateway, links, election, broadcast, commit, tracker, notifier, log_writer, checkpointer;

  std::int64_t monotonic_ms() const { return around->monotonic_us() / 1000; }
  std::int64_t wall_ms() const { return around->wall_ms(); }

  /// All but the supervisor.
  std::vector<caf::actor*> others() {
    std::vector<caf::actor*> all{&gateway, &links,    &election,   &broadcast,   &commit,
                                 &tracker, &notifier, &log_writer, &checkpointer};
    for (auto* a : {&actor_gateway, &feed, &node_actors})
      if (*a) all.push_back(a);
    return all;
  }

  /// Breaks the cycles of handles, once the actors have ended.
  void forget_actors() {
    for (auto* a : others()) *a = nullptr;
    supervisor = nullptr;
  }
};

using context_ptr = std::shared_ptr<node_context>;

/// An exception that escapes a handler means that this node can't be trusted any more: it stops, and says why.
inline void stop_node_on_exception(caf::event_based_actor* self, const context_ptr& ctx, const char* name) {
  self->set_exception_handler([self, ctx, name](std::exception_ptr& p) -> caf::error {
    std::string why = "unknown exception";
    try {
      std::rethrow_exception(p);
    } catch (const std::exception& e) {
      why = e.what();
    } catch (...) {
    }
    self->send(ctx->supervisor, box(msg::fatal{std::string(name) + ": " + why}));
    return caf::sec::runtime_error;
  });
}

}  // namespace troupe::actors

#pragma once
/// The keeper of the in-node actors that the configuration names: spawns them, and again when they end with an error, and
/// is the only way by which the world outside reaches them.
///
/// Takes   msg::questions (commit): each goes to the actor of that name, if it says that it may be asked
/// Sends   asked -> in-node actors; msg::outcome -> commit, one for each question: the answer, the text of the actor's
///         error, or what came instead of an answer (no such actor, too many questions, time is over)
/// Dies    with the node, and takes them along.
/// Invariant: what an in-node actor does ends neither this nor the node.

#include <atomic>
#include <map>
#include <memory>

#include "actors/extension/node_actor_types.hpp"
#include "actors/io/pinned_actor.hpp"
#include "actors/node/context.hpp"

namespace troupe::actors {

/// Cut down in tests.
struct node_actors_settings {
  std::chrono::milliseconds first_pause{100}, longest_pause{30'000};  ///< before an actor is spawned again
  std::chrono::milliseconds healthy{60'000};  ///< who lived so long begins with the first pause again
  std::chrono::milliseconds answer_time{10'000};
  std::size_t max_questions = 256;  ///< that one actor has not answered
};

class node_actors : public io::pinned_actor {
 public:
  /// `types` outlives it. `alive` counts in-node actors that have not ended: they may outlive this. On CAF's workers,
  /// unless `unit` says otherwise.
  node_actors(caf::actor_config&, caf::execution_unit* unit, context_ptr, const node_actor_types& types,
              std::shared_ptr<std::atomic<int>> alive, node_actors_settings = {});
  caf::behavior make_behavior() override;
  void on_exit() override;
  const char* name() const override { return "node actors"; }

 private:
  struct one {
    node_actor_setup setup;
    const node_actor_factory* make = nullptr;
    caf::actor handle;  ///< null: has ended, or waits to be spawned again
    bool may_be_asked = false;
    std::size_t questions = 0;
    std::chrono::milliseconds pause{0};
    std::chrono::steady_clock::time_point since;
  };
  void spawn_one(const std::string& name);
  void ended(one&, const std::string& why);
  void ask(commit::question&);
  void settle(std::uint64_t id, zk::err, std::string body);

  context_ptr ctx_;
  std::shared_ptr<std::atomic<int>> alive_;
  node_actors_settings settings_;
  std::map<std::string, one> actors_;
};

}  // namespace troupe::actors

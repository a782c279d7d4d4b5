#pragma once
/// How a node runs request types: those that ship in place, by the processor time that they take, all others guarded; and
/// what it cost, for the operator.

#include "actors/extension/guarded_executor.hpp"
#include "actors/node_stats.hpp"

namespace troupe::actors {

class node_executor final : public extension::executor {
 public:
  /// Gives `stats` an entry for each name. Both arguments must outlive it.
  node_executor(caf::actor_system&, const extension::registry&, node_stats&);
  extension::outcome run(const extension::registered&, std::string_view request, extension::request_context&) override;
  std::size_t stuck() const { return guarded_.stuck(); }

 private:
  extension::in_place_executor in_place_;
  guarded_executor guarded_;
  std::vector<request_type_stats*> stats_;  ///< by registered::position
};

}  // namespace troupe::actors

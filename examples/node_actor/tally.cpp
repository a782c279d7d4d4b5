// An actor of one's own inside a node: it counts how often each znode was changed, and may be asked for it.
//
// It is a plug-in. What was committed it gets from the feed by asking, as fast as it likes; a client that is an actor
// asks it through its node.

#include <caf/all.hpp>
#include <map>
#include <string>

#include "actors/extension/node_actor.hpp"
#include "actors/extension/plugin.hpp"

namespace {

class tally : public caf::event_based_actor {
 public:
  tally(caf::actor_config& cfg, caf::actor feed, std::string below)
      : caf::event_based_actor(cfg), feed_(std::move(feed)), below_(std::move(below)) {}

  caf::behavior make_behavior() override {
    go_on();
    return {[this](const troupe::asked& question) {
      auto found = changes_.find(question.bytes);
      return troupe::answered{std::to_string(found == changes_.end() ? 0 : found->second)};
    }};
  }
  void on_exit() override { feed_ = nullptr; }  // which may hold us, for an answer that is still to come

 private:
  void go_on() {
    request(feed_, caf::infinite, troupe::feed::next{after_}).then([this](const troupe::feed::batch& batch) {
      if (batch.too_old) after_ = batch.first;  // the log does not reach back: count what is left
      for (auto& transaction : batch.list) {
        for (auto& change : transaction.changes)
          if (change.path.rfind(below_, 0) == 0) ++changes_[change.path];
        after_ = transaction.zxid;
      }
      go_on();
    });
  }

  caf::actor feed_;
  std::string below_;
  troupe::zxid_t after_ = 0;
  std::map<std::string, int> changes_;
};

}  // namespace

extern "C" void troupe_plugin(troupe::plugin_registry& registry) {
  registry.add_actor("example.tally", [](caf::actor_system& system, const troupe::node_actor_setup& setup) {
    return troupe::node_actor{system.spawn<tally>(setup.feed, setup.option("below", "/")), true};
  });
}

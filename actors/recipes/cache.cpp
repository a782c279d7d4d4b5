#include "actors/recipes/cache.hpp"

namespace troupe::recipes {

namespace {

class cache_actor final : public recipe_actor {
 public:
  cache_actor(caf::actor_config& cfg, caf::actor client, cache_options o)
      : recipe_actor(cfg, std::move(client)), path_(std::move(o.path)), who_(std::move(o.who)) {}
  const char* name() const override { return "troupe cache"; }

 private:
  caf::message_handler handlers() override {
    return {[this](ask_entry& a) {
              return when_ready([this, path = std::move(a.path)](const owed& p) {
                auto* found = mirror_.find(path);
                p.deliver(entry{mirror_.zxid(), found ? std::optional(*found) : std::nullopt});
              });
            },
            [this](const ask_snapshot&) {
              return when_ready([this](const owed& p) { p.deliver(snapshot{mirror_.zxid(), mirror_.nodes()}); });
            }};
  }

  void when_ready(std::function<void(const owed&)> what) {
    auto promise = owe();
    if (mirror_.ready())
      what(promise);
    else if (refused_)
      promise.deliver(client::make_error(refused_));
    else
      waiting_.emplace_back(promise, std::move(what));
  }

  void begin() override {
    if (who_) monitor(who_);
    subscribe();
  }
  void on_gone(const caf::actor_addr&) override { quit(); }

  void on_happening(const happening& h) {
    if (auto* code = std::get_if<std::int32_t>(&h)) return on_end(*code);
    auto* state = std::get_if<client::state>(&h);
    bool first = !mirror_.ready();
    auto paths = state ? mirror_.apply(*state) : mirror_.apply(std::get<client::changes>(h));
    for (auto& [promise, what] : std::exchange(waiting_, {})) what(promise);
    if (who_ && (first || !paths.empty())) send(who_, cache_changed{mirror_.zxid(), std::move(paths)});
  }

  void on_end(std::int32_t code) {
    if (fate_of(code) < fate::refused) {
      after(retry_pause, [this] { subscribe(); });
      return;
    }
    refused_ = code;
    for (auto& [promise, what] : std::exchange(waiting_, {})) promise.deliver(client::make_error(code));
  }
  void subscribe() {
    watch(path_, client::scope::subtree, 0, true, [this](const happening& h) { on_happening(h); });
  }
  void end(std::function<void()> then) override { then(); }

  const std::string path_;
  caf::actor who_;
  mirror mirror_;
  std::int32_t refused_ = 0;
  std::vector<std::pair<owed, std::function<void(const owed&)>>> waiting_;
};

}  // namespace

caf::actor spawn_cache(caf::actor_system& system, const caf::actor& client, cache_options o) {
  return system.spawn<cache_actor>(client, std::move(o));
}

}  // namespace troupe::recipes

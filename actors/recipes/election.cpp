#include "actors/recipes/election.hpp"

namespace troupe::recipes {

namespace {

class candidate_actor final : public recipe_actor, contender::port {
 public:
  candidate_actor(caf::actor_config& cfg, caf::actor client, candidate_options o)
      : recipe_actor(cfg, std::move(client)),
        path_(o.line.path),
        who_(std::move(o.who)),
        contender_(*this, *this, std::move(o.line)) {}
  const char* name() const override { return "troupe candidate"; }

 private:
  caf::message_handler handlers() override {
    return {[this](const step_down&) { return on_step_down(); }, [this](const ask_leader&) { return on_ask(); }};
  }
  void begin() override {
    if (who_) monitor(who_);
    contender_.enter();
  }
  void on_session(const client::session_event& e) override { contender_.on_session(e); }
  void on_gone(const caf::actor_addr&) override { stop_now(); }

  void on_step_down() {
    auto promise = owe();
    leaving_.push_back(promise);
    tell_resigned();
    contender_.leave();
  }

  void on_ask() {
    auto promise = owe();
    ask(client::get_children{path_}, [this, promise](const answer& a) mutable {
      if (a.is(zk::err::no_node)) return promise.deliver(leader{});
      if (!a.ok()) return promise.deliver(client::make_error(a.code));
      auto line = line_of(a.as<client::children>().names);
      if (line.empty()) return promise.deliver(leader{});
      ask(client::get_data{child(path_, line.front())}, [promise](const answer& d) mutable {
        if (d.is(zk::err::no_node)) return promise.deliver(leader{});
        if (!d.ok()) return promise.deliver(client::make_error(d.code));
        promise.deliver(leader{d.as<client::data>().bytes, d.as<client::data>().stat.czxid});
      });
    });
  }

  void tell_resigned() {
    if (std::exchange(leads_, false) && who_) send(who_, resigned{});
  }

  void held(zxid_t fencing, const std::string&) override {
    leads_ = true;
    if (who_) send(who_, elected{fencing});
  }
  void lost() override {
    tell_resigned();
    if (!end_) contender_.enter();  // behind the others, once the old entry is gone
  }
  void left() override {
    for (auto& p : std::exchange(leaving_, {})) p.deliver(client::done{});
    if (auto then = std::exchange(end_, nullptr)) return then();
    contender_.enter();
  }
  void refused(std::int32_t code) override {
    tell_resigned();
    for (auto& p : std::exchange(leaving_, {})) p.deliver(client::make_error(code));
    if (who_) send(who_, not_eligible{code});
    if (auto then = std::exchange(end_, nullptr)) return then();
    quit();
  }
  void end(std::function<void()> then) override {
    end_ = std::move(then);
    tell_resigned();
    contender_.leave();
  }

  const std::string path_;
  caf::actor who_;
  bool leads_ = false;
  contender contender_;
  std::vector<owed> leaving_;
  std::function<void()> end_;
};

}  // namespace

caf::actor spawn_candidate(caf::actor_system& system, const caf::actor& client, candidate_options o) {
  return system.spawn<candidate_actor>(client, std::move(o));
}

}  // namespace troupe::recipes

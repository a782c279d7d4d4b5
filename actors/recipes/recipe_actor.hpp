#pragma once
/// What all recipes are as actors: the surroundings of their logic, by messages with a client actor.
///
/// Owns    the requests, subscriptions and timers of its logic
/// Takes   `stop`; session_event, changes, state, subscription_ended (the client)
/// Sends   requests of client/messages.hpp -> the client
/// Dies    after `stop`, or when the client ends
/// Promises: whoever asks is answered. Who still waits at the end, or asks behind `stop`, is told `cancelled`, or `closed` if
/// the client has ended.

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/message_handler.hpp>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "actors/client/messages.hpp"
#include "actors/recipes/owed.hpp"
#include "actors/recipes/surroundings.hpp"

namespace troupe::recipes {

/// To every recipe: ends it cleanly (a lock is released, a member leaves, ...). Answered by client::done.
struct stop {};
/// A recipe to itself.
struct timer_passed {
  surroundings::number timer = 0;
};

class recipe_actor : public caf::event_based_actor, protected surroundings {
 public:
  recipe_actor(caf::actor_config&, caf::actor client);
  caf::behavior make_behavior() final;
  void on_exit() override;

 protected:
  virtual caf::message_handler handlers() = 0;
  virtual void begin() {}
  virtual void on_session(const client::session_event&) {}
  virtual void on_gone(const caf::actor_addr&) {}  ///< somebody whom the recipe monitors
  virtual void end(std::function<void()> then) = 0;

  /// The answer to the present message. It takes the message's sender with it: `current_sender()` is nobody afterwards.
  owed owe();
  /// As `stop` does.
  void stop_now();

  // ---- surroundings
  void ask(client_request, std::function<void(const answer&)>) final;
  number watch(std::string path, client::scope, zxid_t since, bool with_data,
               std::function<void(const happening&)>) final;
  void end_watch(number) final;
  number after(std::chrono::milliseconds, std::function<void()>) final;
  void forget(number timer) final { timers_.erase(timer); }
  std::string token() final;

 private:
  struct watching {
    std::shared_ptr<std::function<void(const happening&)>> tell;
    std::int64_t subscription = 0;
  };
  caf::message_handler client_handlers();
  void on_subscribed(number, std::int64_t subscription);
  void on_happening(std::int64_t subscription, happening);
  void fail_watch(number, std::int32_t code);

  caf::actor client_;
  bool stopping_ = false;
  std::vector<owed> stops_, owed_;
  number last_ = 0;
  std::map<number, watching> watches_;
  std::map<std::int64_t, number> subscriptions_;
  std::size_t subscribing_ = 0;
  std::vector<std::pair<std::int64_t, happening>> early_;  ///< told before the subscription was answered
  std::map<number, std::function<void()>> timers_;
};

/// The code of an error, also of CAF's own: then the client has ended.
std::int32_t code_in(const caf::error&);

}  // namespace troupe::recipes

namespace caf {
template <>
struct allowed_unsafe_message_type<troupe::recipes::stop> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::recipes::timer_passed> : std::true_type {};
}  // namespace caf

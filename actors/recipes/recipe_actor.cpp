#include "actors/recipes/recipe_actor.hpp"

#include <caf/send.hpp>
#include <random>

namespace troupe::recipes {

namespace {

// What each request is answered with (client/values.hpp).
template <class Request>
struct reply_to;
template <class Reply>
struct is {
  using type = Reply;
};
template <>
struct reply_to<client::create> : is<client::created> {};
template <>
struct reply_to<client::set_data> : is<client::changed> {};
template <>
struct reply_to<client::remove> : is<client::done> {};
template <>
struct reply_to<client::multi> : is<client::multi_result> {};
template <>
struct reply_to<client::get_data> : is<client::data> {};
template <>
struct reply_to<client::exists> : is<client::existing> {};
template <>
struct reply_to<client::get_children> : is<client::children> {};
template <>
struct reply_to<client::sync> : is<client::done> {};

}  // namespace

recipe_actor::recipe_actor(caf::actor_config& cfg, caf::actor client)
    : event_based_actor(cfg), client_(std::move(client)) {}

caf::behavior recipe_actor::make_behavior() {
  set_down_handler([this](caf::down_msg& d) {
    if (d.source != client_.address()) return on_gone(d.source);
    on_session({client::session_state::closed, 0});
    deliver(owed_, client::make_error(client::code::closed));
    quit();
  });
  // A user who does not expect an answer or an event makes CAF send an error back, which by default would end us.
  set_error_handler([](caf::error&) {});
  monitor(client_);
  send(client_, client::watch_session{caf::actor_cast<caf::actor>(this)});
  begin();
  return handlers().or_else(client_handlers());
}

/// What is taken until the end.
caf::message_handler recipe_actor::client_handlers() {
  return {[this](const client::session_event& e) { on_session(e); },
          [this](client::changes& c) {
            auto id = c.subscription;
            on_happening(id, std::move(c));
          },
          [this](client::state& s) {
            auto id = s.subscription;
            on_happening(id, std::move(s));
          },
          [this](const client::subscription_ended& e) {
            on_happening(e.subscription, static_cast<std::int32_t>(zk::err::system_error));
          },
          [](const client::done&) {},  // an unsubscribe
          [this](const timer_passed& t) {
            if (auto timer = timers_.extract(t.timer)) timer.mapped()();
          },
          [this](const stop&) {
            stops_.push_back(owe());
            stop_now();
          }};
}

void recipe_actor::stop_now() {
  if (std::exchange(stopping_, true)) return;
  set_default_handler([this](caf::scheduled_actor*, caf::message_view&) -> caf::result<caf::message> {
    if (!current_message_id().is_request()) return caf::message{};
    return client::make_error(client::code::cancelled, "the recipe was told to stop");
  });
  become(caf::behavior{client_handlers()});
  end([this] {
    deliver(stops_, client::done{});
    quit();
  });
}

owed recipe_actor::owe() {
  std::erase_if(owed_, [](auto& o) { return o.settled(); });
  return owed_.emplace_back(make_response_promise());
}

void recipe_actor::on_exit() {
  deliver(owed_, client::make_error(client::code::cancelled));
  watches_.clear(), timers_.clear();
  client_ = nullptr;
}

void recipe_actor::ask(client_request r, std::function<void(const answer&)> then) {
  std::visit(
      [&](auto& one) {
        using reply = typename reply_to<std::decay_t<decltype(one)>>::type;
        request(client_, caf::infinite, std::move(one))
            .then(
                [then](const reply& v) {
                  then({0, v});
                },
                [then](const caf::error& e) {
                  then({code_in(e), {}});
                });
      },
      r);
}

surroundings::number recipe_actor::watch(std::string path, client::scope where, zxid_t since, bool with_data,
                                         std::function<void(const happening&)> tell) {
  auto n = ++last_;
  watches_[n].tell = std::make_shared<std::function<void(const happening&)>>(std::move(tell));
  ++subscribing_;
  request(client_, caf::infinite,
          client::subscribe{std::move(path), where, since, with_data, caf::actor_cast<caf::actor>(this)})
      .then([this, n](const client::subscribed& s) { on_subscribed(n, s.subscription); },
            [this, n](const caf::error& e) { fail_watch(n, code_in(e)); });
  return n;
}

/// Changes may be told before the answer that says whose they are: they wait for it.
void recipe_actor::on_subscribed(number n, std::int64_t subscription) {
  --subscribing_;
  auto it = watches_.find(n);
  if (it == watches_.end()) {
    send(client_, client::unsubscribe{subscription});
  } else {
    it->second.subscription = subscription;
    subscriptions_[subscription] = n;
  }
  for (auto& [id, what] : std::exchange(early_, {})) on_happening(id, std::move(what));
}

void recipe_actor::on_happening(std::int64_t subscription, happening h) {
  auto it = subscriptions_.find(subscription);
  if (it == subscriptions_.end()) {
    if (subscribing_) early_.emplace_back(subscription, std::move(h));
    return;
  }
  auto n = it->second;
  if (auto* code = std::get_if<std::int32_t>(&h)) {
    subscriptions_.erase(it);
    ++subscribing_;  // as if it had been refused
    return fail_watch(n, *code);
  }
  auto tell = watches_.at(n).tell;  // which may end the watch
  (*tell)(h);
}

void recipe_actor::fail_watch(number n, std::int32_t code) {
  --subscribing_;
  auto watch = watches_.extract(n);
  if (watch) (*watch.mapped().tell)(code);
}

void recipe_actor::end_watch(number n) {
  auto watch = watches_.extract(n);
  if (!watch || !watch.mapped().subscription) return;
  subscriptions_.erase(watch.mapped().subscription);
  send(client_, client::unsubscribe{watch.mapped().subscription});
}

surroundings::number recipe_actor::after(std::chrono::milliseconds delay, std::function<void()> what) {
  auto n = ++last_;
  timers_[n] = std::move(what);
  delayed_send(this, delay, timer_passed{n});
  return n;
}

std::string recipe_actor::token() {
  static constexpr char digits[] = "0123456789abcdef";
  std::random_device random;
  std::string out;
  for (int i = 0; i < 4; ++i)
    for (auto [bits, n] = std::pair{random(), 0}; n < 8; ++n, bits >>= 4) out += digits[bits & 15];
  return out;
}

std::int32_t code_in(const caf::error& e) {
  auto code = client::code_of(e);
  return code ? code : client::code::closed;
}

}  // namespace troupe::recipes

#include <algorithm>
#include <caf/actor_cast.hpp>

#include "actors/client/telling.hpp"
#include "actors/io/boxed.hpp"

namespace troupe::client {

namespace {

constexpr std::int64_t tick_ms = 20;
/// After so many requests of a turn of the loop they are sent: the node works on them while we make the rest. (48 to 128: the same.)
constexpr std::size_t early_output = 64;

machine_options options_of(const client_actor::settings& s) {
  machine_options o;
  o.nodes = s.nodes.size();
  o.timeout_ms = static_cast<std::int32_t>(s.what.session_timeout.count());
  o.connect_timeout_ms = s.what.connect_timeout.count();
  o.deadline_ms = s.what.deadline.count() > 0 ? s.what.deadline.count() : -1;
  o.max_requests = s.what.max_requests, o.max_bytes = s.what.max_bytes;
  o.auth = s.what.auth;
  o.seed = s.seed;
  return o;
}

}  // namespace

client_actor::client_actor(caf::actor_config& cfg, io::io_thread* loop, settings s)
    : pinned_actor(cfg, loop),
      loop_(*loop),
      settings_(std::move(s)),
      reply_unit_(settings_.wake == waking::in_place ? loop : nullptr),
      machine_(options_of(settings_), *this),
      in_(settings_.what.max_reply) {}

/// Handlers are tried in this order, so what is frequent stands first.
template <class... Rs>
caf::behavior client_actor::behavior_for() {
  return {
      [this](const Rs& r) { on_request(r, 0, 0); }...,
      [this](const batch& b) { on_batch(b, 0, 0); },
      [this](boxed<msg::tick>& t) { machine_.on_tick(t->now_ms); },
      [this](const limited<Rs>& r) { on_request(r.request, r.deadline.count(), r.tag); }...,
      [this](const limited<batch>& b) { on_batch(b.request, b.deadline.count(), b.tag); },
      [this](const cancel& c) { on_cancel(c); },
      [this](const watch_session& w) { on_watch(w); },
      [this](boxed<io::resolved>& r) { on_resolved(*r); },
      [this](boxed<finished>&) { quit(); },
  };
}

caf::behavior client_actor::make_behavior() {
  self_ = caf::actor_cast<caf::strong_actor_ptr>(this);
  loop_.add_hook(this);
  loop_.subscribe_tick(caf::actor_cast<caf::actor>(this), tick_ms);
  set_down_handler([this](caf::down_msg& d) { on_down(d); });
  // Whoever asks by `send` and does not expect the answer makes CAF send an error back, which by default would end us.
  set_error_handler([](caf::error&) {});
  machine_.start(now_ms());
  return behavior_for<get_data, set_data, create, exists, get_children, remove, multi, call, ask, sync, get_acl,
                      set_acl, subscribe, unsubscribe, add_auth, close>();
}

void client_actor::on_exit() {
  machine_.abandon("the client ends");
  loop_.remove_hook(this);
  loop_.unsubscribe_tick(address());
  if (fd_) hang_up();
  watchers_.clear(), subscribers_.clear(), askers_.clear();
  if (resolver_) send_exit(resolver_, caf::exit_reason::user_shutdown);
  resolver_ = nullptr;
  if (settings_.on_end) settings_.on_end();
  self_ = nullptr;  // whoever resumes us holds a reference of its own
}

template <class R>
void client_actor::on_request(const R& r, std::int64_t deadline_ms, std::uint64_t tag) {
  take(r, seat(teller_of<R>(), tag), deadline_ms);
}

void client_actor::on_batch(const batch& b, std::int64_t deadline_ms, std::uint64_t tag) {
  auto& mine = *new batch_under_way{seat(nullptr, tag), b.requests.size() + 1, {}};
  mine.answers.results.resize(b.requests.size());
  std::uint32_t part = 0;
  for (auto& r : b.requests)
    std::visit(
        [&](auto& one) {
          take(one, seat_part(part_teller_of<std::decay_t<decltype(one)>>(), mine, part++), deadline_ms);
        },
        r);
  part_done(mine);
}

template <class R>
void client_actor::take(const R& r, ticket who, std::int64_t deadline_ms) {
  if (auto code = machine_.refusal()) {
    auto why = code == code::closed ? machine_.why_closed() : "too many requests wait for their answers";
    return answer(who, {code, 0, {}, why, 0});
  }
  begin(r, who, deadline_ms);
  if (++unsent_ >= early_output) flush();
}

template <class R>
void client_actor::begin(const R& r, ticket who, std::int64_t deadline_ms) {
  auto now = now_ms();
  if constexpr (std::is_same_v<R, subscribe>) {
    auto id = machine_.subscribe(now, who, deadline_ms, r.path, r.where, r.with_data, r.since);
    if (!r.who) return;
    monitor(r.who);
    subscribers_.emplace(id, r.who);
  } else if constexpr (std::is_same_v<R, unsubscribe>) {
    machine_.unsubscribe(now, who, deadline_ms, r.subscription);
    forget_subscriber(r.subscription);
  } else if constexpr (std::is_same_v<R, add_auth>) {
    machine_.authenticate(now, who, deadline_ms, r);
  } else if constexpr (std::is_same_v<R, close>) {
    closing_ = true;
    machine_.close(now, who, deadline_ms);
  } else {
    machine_.ask(now, who, kind_of(r), traits<R>::op, deadline_ms, [&](jute::writer& w) { encode(w, r); });
  }
}

void client_actor::on_cancel(const cancel& c) {
  auto who = current_sender();
  auto n = machine_.cancel([&](ticket t) { return askers_[t].tag == c.tag && askers_[t].who == who; });
  auto place = seat(nullptr, 0);
  reply_with(askers_[place], cancelled{n});
  leave(place);
}

void client_actor::on_watch(const watch_session& w) {
  auto place = seat(nullptr, 0);
  reply_with(askers_[place], machine_.session());
  leave(place);
  if (!w.who) return;
  monitor(w.who);
  watchers_.push_back(w.who);
  send_to(w.who, machine_.session());
}

void client_actor::on_down(const caf::down_msg& d) {
  std::erase_if(watchers_, [&](auto& w) { return w.address() == d.source; });
  for (auto it = subscribers_.begin(); it != subscribers_.end();) {
    if (it->second.address() != d.source) {
      ++it;
      continue;
    }
    machine_.unsubscribe(now_ms(), nobody, 0, it->first);
    it = subscribers_.erase(it);
  }
}

}  // namespace troupe::client

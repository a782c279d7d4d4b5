#include "actors/client/blocking.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <vector>

namespace troupe::client {

namespace {

/// An actor that hands what it is sent to a function.
template <class... Ts, class F>
caf::actor spawn_listener(caf::actor_system& system, F what) {
  return system.spawn([what = std::move(what)](caf::event_based_actor*) -> caf::behavior {
    return {[what](const Ts& m) { what(m); }...};
  });
}

struct own_system {
  caf::actor_system_config config;
  caf::actor_system system{config};
  connections links{system};
};

}  // namespace

struct blocking_client::implementation {
  std::unique_ptr<own_system> own;  ///< before the client, which it outlives
  caf::actor_system& system;
  caf::actor client;
  std::vector<caf::actor> listeners;

  std::mutex mutex;  ///< guards what follows
  std::vector<std::unique_ptr<caf::scoped_actor>> idle;

  implementation(std::unique_ptr<own_system> o, caf::actor_system& s, connections& c, options what)
      : own(std::move(o)), system(s), client(c.spawn(std::move(what))) {}
};

blocking_client::lease::lease(blocking_client& o) : owner(o) {
  std::lock_guard lock(owner.impl_->mutex);
  auto& idle = owner.impl_->idle;
  if (idle.empty()) {
    actor = std::make_unique<caf::scoped_actor>(owner.impl_->system);
  } else {
    actor = std::move(idle.back());
    idle.pop_back();
  }
}

blocking_client::lease::~lease() {
  std::lock_guard lock(owner.impl_->mutex);
  owner.impl_->idle.push_back(std::move(actor));
}

void blocking_client::fail(const caf::error& e) {
  auto code = code_of(e);
  if (!code) throw failure(code::closed, "the client is closed");
  auto why = why_of(e);
  throw failure(code, why.empty() ? "error " + std::to_string(code) : why);
}

blocking_client::blocking_client(options o) {
  auto own = std::make_unique<own_system>();
  auto &system = own->system, *s = &system;
  auto& links = own->links;
  impl_ = std::make_unique<implementation>(std::move(own), *s, links, std::move(o));
}

blocking_client::blocking_client(caf::actor_system& system, connections& links, options o)
    : impl_(std::make_unique<implementation>(nullptr, system, links, std::move(o))) {}

blocking_client::~blocking_client() {
  try {
    request<done>(limited<client::close>{{}, std::chrono::seconds(1), 0});
  } catch (const failure&) {
    // It was closed before.
  }
  for (auto& l : impl_->listeners) caf::anon_send_exit(l, caf::exit_reason::user_shutdown);
  impl_->listeners.clear(), impl_->idle.clear();
  impl_->client = nullptr;
}

const caf::actor& blocking_client::actor() const { return impl_->client; }

created blocking_client::create(std::string path, std::string data, create_mode mode, zk::acl_list acl) {
  return request<created>(client::create{std::move(path), std::move(data), mode, std::move(acl)});
}
changed blocking_client::set_data(std::string path, std::string data, std::int32_t version) {
  return request<changed>(client::set_data{std::move(path), std::move(data), version});
}
changed blocking_client::set_acl(std::string path, zk::acl_list acl, std::int32_t version) {
  return request<changed>(client::set_acl{std::move(path), std::move(acl), version});
}
done blocking_client::remove(std::string path, std::int32_t version) {
  return request<done>(client::remove{std::move(path), version});
}
multi_result blocking_client::commit(std::vector<multi::operation> operations) {
  return request<multi_result>(multi{std::move(operations)});
}
data blocking_client::get_data(std::string path) { return request<client::data>(client::get_data{std::move(path)}); }
existing blocking_client::exists(std::string path) { return request<existing>(client::exists{std::move(path)}); }
children blocking_client::get_children(std::string path) {
  return request<children>(client::get_children{std::move(path)});
}
acl_of blocking_client::get_acl(std::string path) { return request<acl_of>(client::get_acl{std::move(path)}); }
done blocking_client::sync(std::string path) { return request<done>(client::sync{std::move(path)}); }
reply blocking_client::call(client::call c) { return request<reply>(std::move(c)); }
reply blocking_client::ask(std::string actor, std::string message) {
  return request<reply>(client::ask{std::move(actor), std::move(message)});
}
done blocking_client::add_auth(std::string scheme, std::string auth) {
  return request<done>(client::add_auth{std::move(scheme), std::move(auth)});
}
session_event blocking_client::session() { return request<session_event>(watch_session{nullptr}); }
void blocking_client::close() { request<done>(client::close{}); }
done blocking_client::unsubscribe(std::int64_t subscription) {
  return request<done>(client::unsubscribe{subscription});
}

void blocking_client::on_session(std::function<void(const session_event&)> what) {
  auto listener = spawn_listener<session_event>(impl_->system, std::move(what));
  {
    std::lock_guard lock(impl_->mutex);
    impl_->listeners.push_back(listener);
  }
  request<session_event>(watch_session{listener});
}

subscribed blocking_client::subscribe(std::function<void(const event&)> what, std::string path, scope where,
                                      zxid_t since, bool with_data) {
  auto listener = spawn_listener<changes, state, subscription_ended>(impl_->system, std::move(what));
  {
    std::lock_guard lock(impl_->mutex);
    impl_->listeners.push_back(listener);
  }
  return request<subscribed>(client::subscribe{std::move(path), where, since, with_data, listener});
}

// ---- feed

struct feed::implementation {
  struct queue {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<event> events;
  };
  std::shared_ptr<queue> events = std::make_shared<queue>();
  caf::actor listener;
  subscribed where;
  ~implementation() {
    // The client drops what has lost its subscriber.
    if (listener) caf::anon_send_exit(listener, caf::exit_reason::user_shutdown);
  }
};

feed::feed(std::unique_ptr<implementation> i) : impl_(std::move(i)) {}
feed::feed(feed&&) noexcept = default;
feed& feed::operator=(feed&&) noexcept = default;
feed::~feed() = default;

zxid_t feed::zxid() const { return impl_->where.zxid; }

std::optional<event> feed::next(std::chrono::milliseconds patience) {
  auto& q = *impl_->events;
  std::unique_lock lock(q.mutex);
  if (!q.changed.wait_for(lock, patience, [&] { return !q.events.empty(); })) return std::nullopt;
  auto out = std::move(q.events.front());
  q.events.pop_front();
  return out;
}

feed blocking_client::subscribe(std::string path, scope where, zxid_t since, bool with_data) {
  auto out = std::make_unique<feed::implementation>();
  out->listener = spawn_listener<changes, state, subscription_ended>(impl_->system, [q = out->events](const event& e) {
    std::lock_guard lock(q->mutex);
    q->events.push_back(e);
    q->changed.notify_all();
  });
  out->where = request<subscribed>(client::subscribe{std::move(path), where, since, with_data, out->listener});
  return feed(std::move(out));
}

}  // namespace troupe::client

#pragma once
/// A client for programs that are not actors: every operation is a method that waits for its answer, returns it or
/// throws `failure`.
///
///     client::blocking_client troupe({.nodes = {"127.0.0.1:3181"}});
///     troupe.create("/a", "data");
///     auto feed = troupe.subscribe("/a");
///     while (auto event = feed.next(10s)) ...
///
/// From any thread, from several at once too: the requests of one thread are carried out in its order. How long a call
/// may take is in the options (`deadline`); no call waits longer. What reconnections mean is said in messages.hpp.

#include <caf/scoped_actor.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <variant>

#include "actors/client/connections.hpp"

namespace troupe::client {

class failure : public std::runtime_error {
 public:
  failure(std::int32_t code, const std::string& why) : std::runtime_error(why), code_(code) {}
  std::int32_t code() const { return code_; }  ///< a zk::err or a client::code
  bool is(zk::err e) const { return code_ == static_cast<std::int32_t>(e); }

 private:
  std::int32_t code_;
};

/// What a subscription tells.
using event = std::variant<changes, state, subscription_ended>;

/// A subscription whose events wait to be fetched. Ends with the object; must not outlive its client.
class feed {
 public:
  feed(feed&&) noexcept;
  feed& operator=(feed&&) noexcept;
  ~feed();
  /// The next event; nothing if none comes in time.
  std::optional<event> next(std::chrono::milliseconds patience);
  zxid_t zxid() const;  ///< where it began

 private:
  friend class blocking_client;
  struct implementation;
  explicit feed(std::unique_ptr<implementation>);
  std::unique_ptr<implementation> impl_;
};

class blocking_client {
 public:
  /// With an actor system of its own.
  explicit blocking_client(options);
  /// Within a program's own; both outlive the object.
  blocking_client(caf::actor_system&, connections&, options);
  /// Closes the session.
  ~blocking_client();
  blocking_client(const blocking_client&) = delete;
  blocking_client& operator=(const blocking_client&) = delete;

  // ---- writes
  created create(std::string path, std::string data, create_mode = create_mode::persistent, zk::acl_list acl = {});
  changed set_data(std::string path, std::string data, std::int32_t version = -1);
  changed set_acl(std::string path, zk::acl_list acl, std::int32_t version = -1);
  done remove(std::string path, std::int32_t version = -1);
  /// A multi that was not committed is returned, not thrown: its results say which operation failed.
  multi_result commit(std::vector<multi::operation>);

  // ---- reads
  data get_data(std::string path);
  existing exists(std::string path);
  children get_children(std::string path);
  acl_of get_acl(std::string path);
  done sync(std::string path = "/");

  // ---- request types of one's own, actors inside a node
  reply call(client::call);
  reply ask(std::string actor, std::string message);

  // ---- the session
  done add_auth(std::string scheme, std::string auth);
  session_event session();
  /// `what` is called with the present state, then with every change, on a thread of the actor system.
  void on_session(std::function<void(const session_event&)> what);
  /// Ends the session. Every later call throws code::closed.
  void close();

  // ---- subscriptions
  feed subscribe(std::string path, scope = scope::subtree, zxid_t since = -1, bool with_data = true);
  /// `what` is called for each event in its order, on a thread of the actor system, until unsubscribed. It may use the
  /// client, but while it waits, a thread of the actor system does too.
  subscribed subscribe(std::function<void(const event&)> what, std::string path, scope = scope::subtree,
                       zxid_t since = -1, bool with_data = true);
  done unsubscribe(std::int64_t subscription);

  /// Any request of messages.hpp, with a deadline of its own by `limited`.
  template <class Reply, class Request>
  Reply request(Request r) {
    lease self(*this);
    std::optional<Reply> out;
    caf::error error;
    (*self.actor)
        ->request(actor(), caf::infinite, std::move(r))
        .receive([&](Reply& reply) { out = std::move(reply); }, [&](caf::error& e) { error = std::move(e); });
    if (!out) fail(error);
    return std::move(*out);
  }
  /// The actor behind it.
  const caf::actor& actor() const;

 private:
  /// An actor that waits for an answer in our place; they are used again.
  struct lease {
    explicit lease(blocking_client&);
    ~lease();
    blocking_client& owner;
    std::unique_ptr<caf::scoped_actor> actor;
  };
  [[noreturn]] static void fail(const caf::error&);

  struct implementation;
  std::unique_ptr<implementation> impl_;
};

}  // namespace troupe::client

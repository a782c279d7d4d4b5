#pragma once
/// What a program's actors and a client actor say to each other. Requests (values.hpp) are answered by the reply that
/// stands under them, or by a caf::error of category "zookeeper" whose code is a zk::err or of client::code (`code_of`),
/// or of CAF's own (a request's timeout, the client actor's end). All are plain values and are handed over within the
/// process.
///
///     self->request(client, 5s, client::create{"/a", "data"})
///         .then([](const client::created& c) { use(c.path); }, [](const caf::error& e) { ... client::code_of(e) ... });
///
/// Order        Requests of one sender are carried out and answered in the order in which they were sent.
/// Connections  A connection that breaks leaves the outcome of writes that were on their way unknown: they are answered
///              with connection_loss; reads that were on their way are asked again on the next connection. What comes
///              while there is no connection waits for the next one.
/// Sessions     When the session expires, writes that wait are answered with SESSIONEXPIRED, so that nothing meant for
///              the old session happens in the new one; reads go on.
/// Back-pressure  Past the client's bounds (options, connections.hpp) a request is answered at once with `too_many`: ask
///              again when replies have come.
/// Deadlines    A request that has not gone out by its deadline does not go out (`deadline_passed`); of one that has, a
///              write is answered with connection_loss, a read with deadline_passed. The default is in the client's
///              options; limited<R> gives a request one of its own. The timeout of CAF's own `request` only tells the
///              asker: the client does not hear of it, so give both where it matters.
/// Batches      Two messages for each request cost more than the request: who asks for much at once sends a `batch`, and gets
///              one `batch_result`. Every request in it goes its own way otherwise, with its own result or error.
/// Cancelling   A request that has not gone out yet is dropped when its asker has ended, and when the asker sends
///              `cancel` with the tag that it gave the request by limited<R>. What has gone out cannot be called back.

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/error.hpp>

#include "actors/client/values.hpp"

namespace troupe::client {

/// `who` gets session_event: the present state at once, then every change. A subscriber that ends is forgotten.
struct watch_session {
  caf::actor who;
};  ///< answered by session_event

/// What there is to tell up to where the subscription begins, a state say, comes to `who` before the answer comes to whoever
/// asked.
struct subscribe {
  std::string path{};
  scope where = scope::subtree;
  zxid_t since = -1;  ///< > 0: everything after it; 0: the current state, then everything; -1: from now on
  bool with_data = true;
  caf::actor who{};  ///< gets `changes`, `state`, `subscription_ended`. One that ends takes its subscriptions with it
};                   ///< answered by subscribed

/// The code of an error of ours (zk::err or client::code); 0 if it is not one.
std::int32_t code_of(const caf::error&);
/// Its text, if it has one.
std::string why_of(const caf::error&);
caf::error make_error(std::int32_t code, std::string why = {});

}  // namespace troupe::client

namespace caf {
template <>
struct allowed_unsafe_message_type<troupe::client::create> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::created> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::set_data> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::set_acl> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::changed> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::remove> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::done> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::check> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::multi> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::multi_result> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::get_data> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::data> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::exists> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::existing> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::get_children> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::children> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::get_acl> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::acl_of> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::sync> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::add_auth> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::close> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::session_event> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::watch_session> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::subscribe> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::subscribed> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::unsubscribe> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::changes> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::state> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::subscription_ended> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::call> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::ask> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::reply> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::batch> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::batch_result> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::cancel> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::client::cancelled> : std::true_type {};
template <class R>
struct allowed_unsafe_message_type<troupe::client::limited<R>> : std::true_type {};
}  // namespace caf

#pragma once
/// How a client actor makes its messages. For its own sources only.

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "actors/client/client_actor.hpp"

namespace troupe::client {

/// One allocation, one send.
template <class T>
void client_actor::reply_with(asker& a, T&& value) {
  if (!a.stages.empty()) {  // we were asked by delegation through several
    auto next = std::move(a.stages.back());
    a.stages.pop_back();
    next->enqueue(caf::make_mailbox_element(a.who, a.id, std::move(a.stages), std::forward<T>(value)), reply_unit_);
  } else if (a.who) {
    a.who->enqueue(caf::make_mailbox_element(self_, a.id.response_id(), {}, std::forward<T>(value)), reply_unit_);
  }
}

/// A batch that is not answered yet.
struct client_actor::batch_under_way {
  ticket who;
  std::size_t left;
  batch_result answers;
};

/// What an outcome means: to `reply` what was asked for, or to `failed` (code, why).
template <class Reply, class F, class G>
void tell_outcome(const outcome& o, F&& reply, G&& failed) {
  // For `exists` this is an answer like another.
  constexpr bool absence = std::is_same_v<Reply, existing>;
  if (o.code && !(absence && o.code == static_cast<std::int32_t>(zk::err::no_node)))
    return failed(o.code, std::string(o.why));
  Reply r;
  if (!decode(o, r))
    return failed(static_cast<std::int32_t>(zk::err::marshalling_error), "the node's reply is malformed");
  reply(std::move(r));
}

template <class Reply>
void client_actor::tell_reply(asker& a, const outcome& o) {
  tell_outcome<Reply>(
      o, [&](Reply&& r) { reply_with(a, std::move(r)); },
      [&](std::int32_t code, std::string why) { reply_with(a, make_error(code, std::move(why))); });
}

template <class Reply>
void client_actor::tell_part(asker& a, const outcome& o) {
  auto& to = a.of->answers.results[a.part];
  tell_outcome<Reply>(
      o, [&](Reply&& r) { to = std::move(r); },
      [&](std::int32_t code, std::string why) {
        to = batch_result::failed{code, std::move(why)};
      });
}

template <class T>
void client_actor::send_to(const caf::actor& who, T&& value) {
  caf::actor_cast<caf::strong_actor_ptr>(who)->enqueue(
      caf::make_mailbox_element(self_, caf::make_message_id(), {}, std::forward<T>(value)), reply_unit_);
}

template <class R>
client_actor::asker::teller client_actor::teller_of() {
  if constexpr (std::is_same_v<R, subscribe>)
    return &client_actor::tell_reply<subscribed>;
  else
    return &client_actor::tell_reply<typename traits<R>::reply>;
}

template <class R>
client_actor::asker::teller client_actor::part_teller_of() {
  return &client_actor::tell_part<typename traits<R>::reply>;
}

}  // namespace troupe::client

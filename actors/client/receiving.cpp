/// What a node says to the machine.

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/exception.h>

#include <algorithm>

#include "actors/client/machine.hpp"
#include "schema/flat_message.hpp"

namespace troupe::client {

using wire::view;

namespace {

capnp::ReaderOptions limits(std::size_t words) {
  capnp::ReaderOptions o;
  o.traversalLimitInWords = 1'024 + 8 * words;  // bytes of a body count once for the list, once for what reads it
  o.nestingLimit = 16;
  return o;
}

kj::ArrayPtr<const capnp::word> words_of(std::span<const std::uint64_t> s) {
  return kj::arrayPtr(reinterpret_cast<const capnp::word*>(s.data()), s.size());
}

}  // namespace

void machine::on_message(std::int64_t now_ms, std::span<const std::uint64_t> message) {
  if (phase_ != phase::greeting && phase_ != phase::up) return;
  heard_ms_ = now_ms;
  try {
    capnp::FlatArrayMessageReader reader(words_of(message), limits(message.size()));
    take_message(now_ms, reader.getRoot<wire::ToClient>());
  } catch (const kj::Exception&) {
    lose(now_ms, "the node sent a malformed message");
  }
}

void machine::take_message(std::int64_t now_ms, wire::ToClient::Reader m) {
  switch (m.which()) {
    case wire::ToClient::WELCOME:
      if (phase_ != phase::greeting) return lose(now_ms, "the node welcomed us twice");
      return take_welcome(now_ms, m.getWelcome());
    case wire::ToClient::REFUSED:
      return take_refused(now_ms, m.getRefused());
    case wire::ToClient::ITEMS:
      if (phase_ != phase::up) return lose(now_ms, "the node answers before it welcomed us");
      proven_ = true;
      choice_.served();
      for (auto i : m.getItems())
        if (!take_item(now_ms, i)) return;
      return;
  }
  lose(now_ms, "the node says what this version does not have");
}

void machine::take_welcome(std::int64_t now_ms, wire::Welcome::Reader w) {
  refused_by_.clear();
  if (!w.getSession()) {
    bool had_one = session_ != 0;
    if (had_one) expire();
    if (phase_ == phase::closed) return;
    proven_ = had_one;  // it serves: it knows of the session's end
    return lose(now_ms, had_one ? "the session has expired" : "the node gives no session");
  }
  password_ = view(w.getPassword());  // first: no session without its password if it is malformed
  session_ = w.getSession(), timeout_ms_ = std::max(w.getTimeoutMs(), 3);
  phase_ = phase::up, sent_ms_ = now_ms;
  prepare_openings();
  out_.session_is({session_state::connected, session_});
  out_.output_waits();
}

void machine::take_refused(std::int64_t now_ms, wire::Refused::Reader r) {
  std::string why(r.getWhy().begin(), r.getWhy().size());
  if (phase_ == phase::greeting && (r.getNewest() < 1 || r.getOldest() > wire::CLIENT_VERSION)) {
    refused_by_.insert(choice_.current());
    if (refused_by_.size() == options_.nodes) return end("no node speaks our version: " + why);
  }
  out_.note("refused: " + why);
  if (phase_ == phase::up) refuse_on_their_way(why);
  lose(now_ms, "the node refuses us");
}

/// One of them is what the node does not take: none of them is to be asked again.
void machine::refuse_on_their_way(std::string_view why) {
  for (std::size_t i = 0; i < queue_.on_their_way(); ++i)
    if (auto& r = queue_[i]; r.call && !r.answered && r.what == kind::read)
      answer(r, static_cast<std::int32_t>(zk::err::bad_arguments), why);
}

/// False if the connection is not used any more.
bool machine::take_item(std::int64_t now_ms, wire::Item::Reader i) {
  switch (i.which()) {
    case wire::Item::RESPONSE:
      return take_response(now_ms, i.getResponse());
    case wire::Item::EVENT:
      saw(i.getEvent().getZxid());
      return true;
    case wire::Item::ALIVE:
      saw(i.getAlive());
      subscriptions_.on_told(i.getAlive());
      return true;
    case wire::Item::NOTIFICATION: {
      auto bytes = i.getNotification();
      // Data stands at a word of the message, in whole words.
      capnp::FlatArrayMessageReader reader(
          kj::arrayPtr(reinterpret_cast<const capnp::word*>(bytes.begin()), bytes.size() / 8),
          limits(bytes.size() / 8));
      auto n = reader.getRoot<wire::Notification>();
      saw(n.getZxid());
      if (subscriptions_.on_notification(n, out_)) return true;
      lose(now_ms, "the node tells changes in the middle of a state");
      return false;
    }
  }
  return true;  // of a later version
}

bool machine::take_response(std::int64_t now_ms, wire::Response::Reader r) {
  auto z = r.getZxid();
  saw(z);
  if (openings_sent_ && take_opening(r)) return phase_ == phase::up;
  auto call = r.getCall();
  auto sent = queue_.on_their_way();
  std::size_t at = 0;
  if (!sent || queue_.front().call != call) {  // only the answer to `auth` may overtake others
    while (at < sent && (queue_[at].call != call || queue_[at].what != kind::auth)) ++at;
    if (at >= sent) return lose(now_ms, "the node answers what was not asked"), false;
  }
  auto& q = queue_[at];
  if (!q.answered) settle(q, r);
  subscriptions_.on_told(z);
  if (phase_ != phase::up) return false;
  q.call = 0, q.answered = true;
  while (queue_.on_their_way() && queue_.front().answered && !queue_.front().call) queue_.pop_front();
  return true;
}

/// Tells the asker what the node says.
void machine::settle(request& q, wire::Response::Reader r) {
  auto error = r.getError();
  auto body = view(r.getBody());  // first: what is malformed throws, and then nothing was answered
  q.answered = true;
  switch (q.what) {
    case kind::auth:
      if (!error) auth_.push_back(std::move(asked_auth_[q.reference]));
      asked_auth_.erase(q.reference);
      break;
    case kind::subscribe:
      if (error)
        subscriptions_.remove(q.reference);
      else
        subscriptions_.on_taken(q.reference, r.getZxid());
      break;
    default:
      break;
  }
  auto closes = q.what == kind::close;
  if (auto who = std::exchange(q.who, nobody); who != nobody)
    out_.answer(who, {error, r.getZxid(), body, error ? body : std::string_view{}, q.subscription()});
  if (closes) end("it was asked to close");
}

/// True if it answers what the connection began with.
bool machine::take_opening(wire::Response::Reader r) {
  std::size_t at = 0;
  while (at < openings_sent_ && openings_[at].call != r.getCall()) ++at;
  if (at == openings_sent_) return false;
  auto& o = openings_[at];
  if (!o.subscription) {
    if (r.getError()) return end("the node does not accept our authentication"), true;
  } else if (!r.getError()) {
    subscriptions_.on_taken(o.subscription, r.getZxid());
  } else if (subscriptions_.has(o.subscription)) {
    subscriptions_.remove(o.subscription);
    out_.tell(
        subscription_ended{o.subscription, "the node refuses to go on with it: error " + std::to_string(r.getError())});
  }
  o.call = 0;
  while (openings_sent_ && !openings_.front().call) openings_.pop_front(), --openings_sent_;
  return true;
}

}  // namespace troupe::client

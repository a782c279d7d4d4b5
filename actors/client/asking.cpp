/// The machine's requests: how they come in, and how they go out.

#include <capnp/message.h>

#include <algorithm>
#include <stdexcept>

#include "actors/client/machine.hpp"

namespace troupe::client {

namespace {

constexpr std::size_t item_words = capnp::sizeInWords<wire::ClientRequest>();
constexpr std::size_t max_request_bytes = zk::max_frame - 8;  // behind xid and op
constexpr std::size_t frame_words = 16;                       ///< everything around the items, generously
constexpr std::size_t words_for(std::size_t bytes) { return (bytes + 7) / 8; }

/// Appends a frame whose message takes at most `most` words: built where it leaves from.
template <class F>
void append_frame(word_buffer& out, std::size_t most, F&& build) {
  auto at = out.size();
  out.resize(at + 2 + most);  // zeros, as a builder wants them
  capnp::FlatMessageBuilder message(kj::arrayPtr(reinterpret_cast<capnp::word*>(out.data() + at + 2), most));
  build(message.initRoot<wire::FromClient>());
  auto words = message.getSegmentsForOutput()[0].size();
  frame_header h{static_cast<std::uint32_t>((1 + words) * 8), frame_kind, 0};
  std::memcpy(&out[at], &h, sizeof h);
  const std::uint32_t table[2] = {0, static_cast<std::uint32_t>(words)};  // one segment
  std::memcpy(&out[at + 1], table, sizeof table);
  out.resize(at + 2 + words);
}

capnp::Data::Reader data_of(std::string_view s) { return {reinterpret_cast<const kj::byte*>(s.data()), s.size()}; }

}  // namespace

std::int32_t machine::refusal() const {
  if (phase_ == phase::closed || closing_) return code::closed;
  if (queue_.size() >= options_.max_requests || queue_.bytes() >= options_.max_bytes) return code::too_many;
  return 0;
}

request machine::make_request(std::int64_t now_ms, ticket who, kind what, zk::op op, std::int64_t deadline_ms,
                              std::int64_t reference) {
  request r;
  r.who = who, r.what = what, r.op = op, r.reference = reference;
  r.waited = phase_ != phase::up;
  if (!deadline_ms) deadline_ms = options_.deadline_ms;
  if (deadline_ms > 0) r.deadline_ms = now_ms + deadline_ms;
  return r;
}

void machine::authenticate(std::int64_t now_ms, ticket who, std::int64_t deadline_ms, add_auth a) {
  auto reference = ++last_auth_;
  queue_.add(make_request(now_ms, who, kind::auth, zk::op::auth, deadline_ms, reference),
             [&](jute::writer& w) { w.i32(0), w.ustring(a.scheme), w.buffer(a.auth); });
  asked_auth_.emplace(reference, std::move(a));
  if (phase_ == phase::up) out_.output_waits();
}

std::int64_t machine::subscribe(std::int64_t now_ms, ticket who, std::int64_t deadline_ms, std::string path,
                                scope where, bool with_data, zxid_t since) {
  auto id = subscriptions_.add(std::move(path), where, with_data, since);
  // The body is made when it goes out: where the subscription stands may be further by then.
  queue_.add(make_request(now_ms, who, kind::subscribe, zk::op::subscribe, deadline_ms, id), [](auto&) {});
  if (phase_ == phase::up) out_.output_waits();
  return id;
}

void machine::unsubscribe(std::int64_t now_ms, ticket who, std::int64_t deadline_ms, std::int64_t id) {
  subscriptions_.remove(id);
  queue_.add(make_request(now_ms, who, kind::unsubscribe, zk::op::unsubscribe, deadline_ms, id),
             [&](jute::writer& w) { w.out().append(subscriptions::end_request_for(id)); });
  if (phase_ == phase::up) return out_.output_waits();
  answer(queue_[queue_.size() - 1], 0, {});  // no node knows of it
  queue_.drop_answered();
}

void machine::close(std::int64_t now_ms, ticket who, std::int64_t deadline_ms) {
  queue_.add(make_request(now_ms, who, kind::close, zk::op::close_session, deadline_ms, 0), [](auto&) {});
  closing_ = true;
  if (phase_ == phase::up) return out_.output_waits();
  if (!session_) end("it was asked to close");
}

/// Tells the asker. What is on its way stays in the queue for its response.
void machine::answer(request& r, std::int32_t code, std::string_view why) {
  r.answered = true;
  auto who = std::exchange(r.who, nobody);
  if (r.what == kind::auth) asked_auth_.erase(r.reference);
  if (r.what == kind::subscribe && code) subscriptions_.remove(r.reference);
  if (who != nobody) out_.answer(who, {code, code ? 0 : last_zxid_, {}, why, r.subscription()});
}

/// A node would refuse it, and the connection with it.
void machine::check_size() {
  auto& r = queue_[queue_.size() - 1];
  if (r.size > max_request_bytes)
    answer(r, static_cast<std::int32_t>(zk::err::bad_arguments), "the request is larger than nodes take");
}

void machine::pass_deadlines(std::int64_t now_ms) {
  if (now_ms < queue_.earliest_ms()) return;
  auto earliest = INT64_MAX;
  bool closes = false;
  for (std::size_t i = 0; i < queue_.size(); ++i) {
    auto& r = queue_[i];
    if (r.answered) continue;
    if (r.deadline_ms > now_ms) {
      earliest = std::min(earliest, r.deadline_ms);
    } else if (r.what == kind::close) {
      closes = true;
    } else if (r.what == kind::write && r.call) {
      answer(r, code::connection_loss, "its deadline passed while it was on its way");
    } else {
      bool subscribes = r.what == kind::subscribe && r.call;
      answer(r, code::deadline_passed, "its deadline passed");
      if (subscribes)  // the node has it, or will
        queue_.add(make_request(now_ms, nobody, kind::unsubscribe, zk::op::unsubscribe, 0, r.reference),
                   [&](jute::writer& w) { w.out().append(subscriptions::end_request_for(queue_[i].reference)); });
    }
  }
  queue_.set_earliest(earliest);
  queue_.drop_answered();
  if (closes) end("it was asked to close; no node could be told in time");
}

std::int32_t machine::next_call() {
  last_call_ = last_call_ == INT32_MAX ? 1 : last_call_ + 1;
  return last_call_;
}

bool machine::fill(std::int64_t now_ms, word_buffer& out, std::size_t most) {
  auto begin = out.size();
  bool more = false;
  if (phase_ == phase::greeting) {
    if (!std::exchange(greeted_, true)) fill_hello(out);
  } else if (phase_ == phase::up) {
    do more = fill_openings(out) || fill_requests(out);
    while (more && (out.size() - begin) * 8 < most);
    if (std::exchange(keep_alive_, false) && out.size() == begin)
      append_frame(out, frame_words, [](wire::FromClient::Builder m) { m.setKeepAlive(); });
  }
  if (out.size() != begin) sent_ms_ = now_ms;
  return more;
}

void machine::fill_hello(word_buffer& out) {
  append_frame(out, frame_words + words_for(password_.size()), [&](wire::FromClient::Builder m) {
    auto h = m.initHello();
    h.setVersion(wire::CLIENT_VERSION), h.setOldest(1);
    h.setSession(session_), h.setPassword(data_of(password_));
    h.setTimeoutMs(options_.timeout_ms), h.setLastZxidSeen(last_zxid_);
  });
}

/// One frame of what the connection begins with. True if there is more of it.
bool machine::fill_openings(word_buffer& out) {
  auto begin = openings_sent_;
  if (begin == openings_.size()) return false;
  std::size_t words = frame_words, n = 0;
  for (; begin + n < openings_.size() && n < wire::MAX_BATCH_REQUESTS; ++n) {
    auto more = item_words + words_for(openings_[begin + n].body.size());
    if (n && (words + more) * 8 > wire::MAX_BATCH_BYTES) break;
    words += more;
  }
  append_frame(out, words, [&](wire::FromClient::Builder m) {
    for (auto r : m.initRequests(static_cast<unsigned>(n))) {
      auto& o = openings_[openings_sent_++];
      o.call = next_call();
      r.setCall(o.call), r.setOp(static_cast<std::int32_t>(o.op)), r.setBody(data_of(o.body));
    }
  });
  return openings_sent_ < openings_.size();
}

/// One frame of requests. True if there are more.
bool machine::fill_requests(word_buffer& out) {
  if (openings_sent_ < openings_.size()) return true;
  auto begin = queue_.on_their_way(), end = begin;
  std::size_t words = frame_words, n = 0;
  for (; end < queue_.size() && n < wire::MAX_BATCH_REQUESTS; ++end) {
    auto& r = queue_[end];
    if (!r.answered && r.waited && r.who != nobody && !out_.wanted(r.who))
      r.who = nobody, answer(r, code::cancelled, {});
    if (!r.answered && r.what == kind::subscribe && !subscriptions_.has(r.reference))
      answer(r, code::cancelled, "the subscriber has ended");
    if (r.answered) continue;  // it does not go out: nobody waits for it
    auto size = r.what == kind::subscribe ? subscriptions_.request_for(r.reference).size() : r.size;
    auto more = item_words + words_for(size);
    if (n && (words + more) * 8 > wire::MAX_BATCH_BYTES) break;
    words += more, ++n;
  }
  if (n)
    append_frame(out, words, [&](wire::FromClient::Builder m) {
      auto list = m.initRequests(static_cast<unsigned>(n));
      unsigned k = 0;
      for (auto i = begin; i < end; ++i) {
        auto& r = queue_[i];
        if (r.answered) continue;
        auto to = list[k++];
        r.call = next_call();
        to.setCall(r.call), to.setOp(static_cast<std::int32_t>(r.op));
        if (r.what == kind::subscribe) {
          auto body = subscriptions_.request_for(r.reference);
          to.setBody(data_of(body));
        } else if (r.size) {
          to.setBody(data_of(queue_.body(r)));
        }
      }
    });
  queue_.went_out(end - begin);
  while (queue_.size() && queue_.front().answered && !queue_.front().call) queue_.pop_front();
  return queue_.has_unsent();
}

}  // namespace troupe::client

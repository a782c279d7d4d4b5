#include "actors/client/machine.hpp"

#include <algorithm>
#include <string>

namespace troupe::client {

machine::machine(machine_options o, outside& out)
    : options_(std::move(o)),
      out_(out),
      choice_(options_.nodes, options_.min_backoff_ms, options_.max_backoff_ms, options_.seed),
      timeout_ms_(options_.timeout_ms),
      auth_(options_.auth) {}

session_event machine::session() const {
  auto s = phase_ == phase::up       ? session_state::connected
           : phase_ == phase::closed ? session_state::closed
                                     : session_state::disconnected;
  return {s, session_};
}

void machine::start(std::int64_t now_ms) {
  if (std::exchange(started_, true)) return;
  dial(now_ms);
}

void machine::dial(std::int64_t now_ms) {
  phase_ = phase::dialling, since_ms_ = now_ms;
  out_.dial(choice_.current());
}

void machine::on_dialled(std::int64_t now_ms) {
  if (phase_ != phase::dialling) return;
  phase_ = phase::greeting, heard_ms_ = now_ms, greeted_ = proven_ = keep_alive_ = false;
  out_.output_waits();
}

void machine::on_lost(std::int64_t now_ms, std::string_view why) {
  if (phase_ != phase::closed && phase_ != phase::waiting) lose(now_ms, why);
}

/// The connection is gone already, for whoever carries us, or goes now.
void machine::lose(std::int64_t now_ms, std::string_view why) {
  out_.hang_up();
  bool was_up = phase_ == phase::up;
  phase_ = phase::waiting;
  if (was_up) {
    out_.note("the connection is lost: " + std::string(why));
    subscriptions_.on_lost();
    recall_requests();
    out_.session_is({session_state::disconnected, session_});
  }
  openings_.clear(), openings_sent_ = 0;
  if (proven_) {
    choice_.begin_round();
    dial_at_ms_ = now_ms;
  } else {
    dial_at_ms_ = now_ms + choice_.failed();
  }
  proven_ = false;
  if (started_ && dial_at_ms_ <= now_ms) dial(now_ms);
}

/// What becomes of the requests of a connection that broke.
void machine::recall_requests() {
  for (std::size_t i = 0; i < queue_.size(); ++i) {
    auto& r = queue_[i];
    r.waited = true;
    bool was_on_its_way = std::exchange(r.call, 0) != 0;
    if (r.answered) continue;
    if (r.what == kind::unsubscribe)
      answer(r, 0, {});  // the next node has not heard of the subscription
    else if (r.what == kind::write && was_on_its_way)
      answer(r, code::connection_loss, "the connection broke while the request was on its way");
  }
  queue_.recall([](auto& r) { return !r.answered; });
}

/// The session is over: another one begins with the next connection.
void machine::expire() {
  auto old = std::exchange(session_, 0);
  password_.clear();
  for (std::size_t i = 0; i < queue_.size(); ++i) {
    auto& r = queue_[i];
    if (r.answered) continue;
    if (r.what == kind::write)
      answer(r, static_cast<std::int32_t>(zk::err::session_expired), "the session expired before the request went out");
    else if (r.what == kind::close)
      answer(r, 0, {});  // that is what was wanted
  }
  queue_.recall([](auto& r) { return !r.answered; });
  if (closing_) return end("its session has expired");
  out_.session_is({session_state::expired, old});
}

void machine::refuse_all(std::int32_t code, std::string_view why) {
  for (std::size_t i = 0; i < queue_.size(); ++i)
    if (auto& r = queue_[i]; !r.answered) {
      if (r.what == kind::close)
        answer(r, 0, {});
      else if (r.call && r.what == kind::write)
        answer(r, code::connection_loss, why);
      else
        answer(r, code, why);
    }
  queue_.recall([](auto&) { return false; });
}

void machine::end(std::string_view why) {
  if (phase_ == phase::closed) return;
  out_.hang_up();
  phase_ = phase::closed, why_closed_ = why;
  refuse_all(code::closed, why);
  out_.note("closed: " + std::string(why));
  out_.session_is({session_state::closed, session_});
}

void machine::on_tick(std::int64_t now_ms) {
  if (phase_ == phase::closed || !started_) return;
  pass_deadlines(now_ms);
  switch (phase_) {
    case phase::waiting:
      if (now_ms >= dial_at_ms_) dial(now_ms);
      break;
    case phase::dialling:
    case phase::greeting:
      if (now_ms - since_ms_ > options_.connect_timeout_ms) lose(now_ms, "no answer in time");
      break;
    case phase::up:
      // A third of the timeout is left to find another node.
      if (now_ms - heard_ms_ > timeout_ms_ / 3 * 2)
        lose(now_ms, "the node is silent");
      else if (now_ms - sent_ms_ >= timeout_ms_ / 3)
        keep_alive_ = true, out_.output_waits();
      break;
    case phase::closed:
      break;
  }
}

void machine::prepare_openings() {
  openings_.clear(), openings_sent_ = 0;
  for (auto& a : auth_) {
    opening o;
    jute::writer w(o.body);
    w.i32(0), w.ustring(a.scheme), w.buffer(a.auth);
    openings_.push_back(std::move(o));
  }
  for (auto id : subscriptions_.confirmed())
    openings_.push_back({0, id, zk::op::subscribe, subscriptions_.request_for(id)});
}

}  // namespace troupe::client

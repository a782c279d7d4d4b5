/// A client's answers, and what it tells without being asked.

#include <algorithm>

#include "actors/client/telling.hpp"
#include "actors/io/boxed.hpp"

namespace troupe::client {

ticket client_actor::free_place() {
  if (free_ == nobody) {
    askers_.emplace_back();
    return static_cast<ticket>(askers_.size() - 1);
  }
  return std::exchange(free_, askers_[free_].next_free);
}

/// A place for whoever sent the present message.
ticket client_actor::seat(asker::teller tell, std::uint64_t tag) {
  auto at = free_place();
  auto& a = askers_[at];
  auto& m = *current_mailbox_element();
  a.who = m.sender, a.id = m.mid, a.stages = std::move(m.stages), a.tell = tell, a.tag = tag;
  m.mid.mark_as_answered();  // by us, later
  return at;
}

/// A place for one request of a batch.
ticket client_actor::seat_part(asker::teller tell, batch_under_way& of, std::uint32_t part) {
  auto at = free_place();
  auto &a = askers_[at], &asked = askers_[of.who];
  a.who = asked.who, a.tag = asked.tag, a.tell = tell, a.of = &of, a.part = part;
  return at;
}

/// The last one answers for all. Each request counts until it has left, and the batch itself until all are taken.
void client_actor::part_done(batch_under_way& b) {
  if (--b.left) return;
  std::unique_ptr<batch_under_way> mine(&b);
  reply_with(askers_[b.who], std::move(b.answers));
  leave(b.who);
}

void client_actor::leave(ticket t) {
  auto& a = askers_[t];
  auto* of = std::exchange(a.of, nullptr);
  a.who = nullptr, a.stages.clear(), a.tag = 0;
  a.next_free = std::exchange(free_, t);
  if (of) part_done(*of);
}

void client_actor::answer(ticket t, const outcome& o) {
  auto& a = askers_[t];
  (this->*a.tell)(a, o);
  if (o.code && o.reference) forget_subscriber(o.reference);
  leave(t);
}

bool client_actor::wanted(ticket t) {
  auto& who = askers_[t].who;
  if (!who || !who->get()->getf(caf::abstract_actor::is_terminated_flag)) return true;
  leave(t);
  return false;
}

void client_actor::session_is(session_event e) {
  for (auto& w : watchers_) send_to(w, e);
  if (e.state == session_state::closed && closing_) send(this, box(finished{}));
}

void client_actor::tell(changes&& c) {
  if (auto it = subscribers_.find(c.subscription); it != subscribers_.end()) send_to(it->second, std::move(c));
}

void client_actor::tell(state&& s) {
  if (auto it = subscribers_.find(s.subscription); it != subscribers_.end()) send_to(it->second, std::move(s));
}

void client_actor::tell(subscription_ended&& e) {
  auto id = e.subscription;
  if (auto it = subscribers_.find(id); it != subscribers_.end()) send_to(it->second, std::move(e));
  forget_subscriber(id);
}

void client_actor::forget_subscriber(std::int64_t subscription) {
  auto it = subscribers_.find(subscription);
  if (it == subscribers_.end()) return;
  auto who = it->second;
  subscribers_.erase(it);
  auto same = [&](auto& other) { return other == who; };
  if (std::none_of(watchers_.begin(), watchers_.end(), same) &&
      std::none_of(subscribers_.begin(), subscribers_.end(), [&](auto& s) { return same(s.second); }))
    demonitor(who);
}

void client_actor::note(std::string_view line) {
  if (settings_.what.log) settings_.what.log(line);
}

}  // namespace troupe::client

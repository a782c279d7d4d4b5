/// A client's answers, and what it tells without being asked.

#include <algorithm>

#include "actors/client/telling.hpp"
#include "actors/io/boxed.hpp"

namespace troupe::client {

/// A place for whoever sent the present message.
ticket client_actor::seat(asker::teller tell, std::uint64_t tag) {
  if (free_ == nobody) {
    askers_.emplace_back();
    free_ = static_cast<ticket>(askers_.size() - 1);
  }
  auto at = free_;
  auto& a = askers_[at];
  free_ = a.next_free;
  auto& m = *current_mailbox_element();
  a.who = m.sender, a.id = m.mid, a.stages = std::move(m.stages), a.tell = tell, a.tag = tag;
  m.mid.mark_as_answered();  // by us, later
  return at;
}

void client_actor::leave(ticket t) {
  auto& a = askers_[t];
  a.who = nullptr, a.stages.clear(), a.tag = 0;
  a.next_free = std::exchange(free_, t);
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

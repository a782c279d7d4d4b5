#include "tests/history/test/mutation_view.hpp"

namespace troupe::history::test {

namespace {

/// Events that can be missed: a later reply on their connection shows that they should have come.
std::vector<std::size_t> proven_events(history& h, bool by_set_watches) {
  std::vector<std::size_t> out;
  view v(h);
  std::map<client_id, bool> proved;  // an auth was answered, and nothing with a zxid since
  for (std::size_t i = 0; i < h.entries.size(); ++i) {
    auto& e = h.entries[i];
    if (e.what == kind::reply) proved[e.client] = v.asked(e).op == zk::op::auth;
    if (e.what != kind::event || (e.zxid < 0) != by_set_watches) continue;
    if (proved[e.client]) continue;  // the change may have been kept from it before
    for (auto k = i + 1; k < h.entries.size(); ++k) {
      auto& later = h.entries[k];
      if (later.client != e.client) continue;
      if (later.what == kind::disconnected) break;
      if (later.what != kind::reply || later.zxid < e.zxid || later.zxid == 0) continue;
      if (by_set_watches && v.asked(later).op != zk::op::set_watches) continue;
      out.push_back(i);
      break;
    }
  }
  return out;
}

bool drop_event(history& h, dice& d) {
  auto all = proven_events(h, false);
  if (all.empty()) return false;
  h.entries.erase(h.entries.begin() + static_cast<std::ptrdiff_t>(all[d.below(all.size())]));
  return true;
}

bool repeat_event(history& h, dice& d) {
  auto all = proven_events(h, false);
  if (all.empty()) return false;
  auto i = static_cast<std::ptrdiff_t>(all[d.below(all.size())]);
  auto again = h.entries[static_cast<std::size_t>(i)];
  h.entries.insert(h.entries.begin() + i + 1, again);
  return true;
}

bool event_after_the_reply(history& h, dice& d) {
  auto all = proven_events(h, false);
  if (all.empty()) return false;
  auto i = all[d.below(all.size())];
  auto e = h.entries[i];
  auto k = i + 1;
  while (h.entries[k].client != e.client || h.entries[k].what != kind::reply || h.entries[k].zxid < e.zxid) ++k;
  e.at_us = h.entries[k].at_us;
  h.entries.insert(h.entries.begin() + static_cast<std::ptrdiff_t>(k) + 1, e);
  h.entries.erase(h.entries.begin() + static_cast<std::ptrdiff_t>(i));
  return true;
}

bool events_swapped(history& h, dice& d) {
  std::vector<std::pair<std::size_t, std::size_t>> all;
  std::map<client_id, std::size_t> last;
  auto proven = proven_events(h, false);
  for (std::size_t i = 0; i < h.entries.size(); ++i) {
    auto& e = h.entries[i];
    bool event = std::binary_search(proven.begin(), proven.end(), i);
    if (auto it = last.find(e.client); it != last.end() && event) {
      auto& o = h.entries[it->second];
      if (o.zxid != e.zxid || o.path != e.path) all.emplace_back(it->second, i);
    }
    last.erase(e.client);
    if (event) last[e.client] = i;
  }
  if (all.empty()) return false;
  auto [a, b] = all[d.below(all.size())];
  std::swap(h.entries[a], h.entries[b]);
  std::swap(h.entries[a].at_us, h.entries[b].at_us);
  return true;
}

bool event_of_another_kind(history& h, dice& d) {
  auto all = proven_events(h, false);
  if (all.empty()) return false;
  auto& e = h.entries[all[d.below(all.size())]];
  e.event = e.event == zk::event::node_deleted ? zk::event::node_data_changed : zk::event::node_deleted;
  return true;
}

bool event_out_of_nothing(history& h, dice& d) {
  view v(h);
  auto* reply = v.reply_to(d, [](auto& x, auto&) { return x.zxid > 1; });
  if (!reply) return false;
  entry e;
  e.what = kind::event, e.client = reply->client, e.session = reply->session, e.node = reply->node;
  e.at_us = reply->at_us, e.event = zk::event::node_data_changed, e.path = "/a/never", e.zxid = reply->zxid;
  h.entries.insert(h.entries.begin() + static_cast<std::ptrdiff_t>(v.place(reply)), e);
  return true;
}

bool set_watches_forgets(history& h, dice& d) {
  auto all = proven_events(h, true);
  if (all.empty()) return false;
  h.entries.erase(h.entries.begin() + static_cast<std::ptrdiff_t>(all[d.below(all.size())]));
  return true;
}

bool set_watches_refused(history& h, dice& d) {
  view v(h);
  auto* reply = v.reply_to(d, [&](auto& x, auto& r) { return r.op == zk::op::set_watches && v.granted(x); });
  if (!reply) return false;
  reply->got.error = d.one_in(2) ? zk::err::no_node : zk::err::marshalling_error;
  return true;
}

bool set_watches_invents(history& h, dice& d) {
  view v(h);
  auto* reply = v.reply_to(d, [&](auto& x, auto& r) { return r.op == zk::op::set_watches && v.granted(x); });
  if (!reply) return false;
  auto& r = v.asked(*reply);
  auto path = !r.data_watches.empty() ? r.data_watches[0] : !r.child_watches.empty() ? r.child_watches[0] : "/x";
  entry e;
  e.what = kind::event, e.client = reply->client, e.session = reply->session, e.node = reply->node;
  e.at_us = reply->at_us, e.event = zk::event::node_created, e.path = path, e.zxid = -1;
  h.entries.insert(h.entries.begin() + static_cast<std::ptrdiff_t>(v.place(reply)), e);
  return true;
}

/// A watch that setWatches left again is never fired: its event after the reconnect is gone.
bool watch_lost_over_reconnect(history& h, dice& d) {
  view v(h);
  std::map<client_id, const entry*> left;
  std::vector<std::size_t> all;
  auto proven = proven_events(h, false);
  for (std::size_t i = 0; i < h.entries.size(); ++i) {
    auto& e = h.entries[i];
    if (e.what == kind::disconnected) left.erase(e.client);
    if (e.what == kind::reply && v.asked(e).op == zk::op::set_watches) left[e.client] = &e;
    if (e.what != kind::event || !left.contains(e.client) || !std::binary_search(proven.begin(), proven.end(), i))
      continue;
    auto& r = v.asked(*left[e.client]);
    for (auto* list : {&r.data_watches, &r.exist_watches, &r.child_watches})
      if (std::find(list->begin(), list->end(), e.path) != list->end()) {
        all.push_back(i);
        break;
      }
  }
  if (all.empty()) return false;
  h.entries.erase(h.entries.begin() + static_cast<std::ptrdiff_t>(all[d.below(all.size())]));
  return true;
}

}  // namespace

std::vector<mutation> watch_mutations() {
  return {
      {"an event never comes", "watch_lost", drop_event},
      {"a watch is lost over a reconnect", "watch_lost", watch_lost_over_reconnect},
      {"an event comes twice", "watch_spurious", repeat_event},
      {"an event out of nothing", "watch_spurious", event_out_of_nothing},
      {"an event of another kind", "watch_spurious", event_of_another_kind},
      {"an event comes after the reply that shows it", "watch_order", event_after_the_reply},
      {"two events change places", "watch_order", events_swapped},
      {"setWatches forgets a change", "set_watches", set_watches_forgets},
      {"setWatches is refused", "set_watches", set_watches_refused},
      {"setWatches invents a change", "set_watches", set_watches_invents},
  };
}

}  // namespace troupe::history::test

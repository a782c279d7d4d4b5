#include "cluster/watch/subscriptions.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

#include "cluster/watch/notification.hpp"

namespace troupe::watch {

namespace {

constexpr std::size_t bytes_of_an_entry = 96;  ///< beside its content

void push(delivery_batch& out, conn_id conn, std::size_t at, std::size_t size, bool is_reply) {
  if (at + size > std::numeric_limits<std::uint32_t>::max())
    throw std::logic_error("a delivery batch of " + std::to_string(at + size) + " bytes; 4 GiB is the most");
  out.items.push_back({conn, static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(size), is_reply, false, false});
}

bool may_read(const told_change& c, const line& l) {
  static const tree::credentials nobody;
  return !c.acl || tree::allowed(c.acl, zk::perm::read, l.creds ? *l.creds : nobody);
}

}  // namespace

line* subscriptions::find(conn_id id) {
  auto it = lines_.find(id);
  return it == lines_.end() ? nullptr : it->second.get();
}

bool subscriptions::holds(conn_id id) const {
  if (!held_) return false;
  auto it = lines_.find(id);
  return it != lines_.end() && it->second->held;
}

void subscriptions::identify(conn_id id, const std::shared_ptr<const tree::credentials>& creds) {
  if (auto* l = find(id)) l->creds = creds;
}

// ---- the stream

void subscriptions::go_to(zxid_t position) {
  if (position == position_) return;
  // There was nobody to tell in between, and we did not hear of it.
  recent_.clear(), recent_bytes_ = 0;
  position_ = recent_after_ = position;
}

void subscriptions::remember(zxid_t zxid, const applied_transaction& t) {
  go_to(t.before);
  recent_.push_back({zxid, t.payload});
  recent_bytes_ += t.payload.size() + bytes_of_an_entry;
  for (; recent_bytes_ > limits_.recent_bytes; recent_.pop_front()) {
    recent_bytes_ -= recent_.front().payload.size() + bytes_of_an_entry;
    recent_after_ = recent_.front().zxid;
  }
  position_ = zxid;
}

void subscriptions::transaction(zxid_t zxid, const applied_transaction& t, delivery_batch& out) {
  remember(zxid, t);
  if (!table_.size()) return;
  transaction_changes changes(t.payload);
  changes.zxid = zxid;
  touched_.clear();
  for (std::uint32_t i = 0; i < changes.list.size(); ++i)
    table_.match(changes.list[i].path, [&](subscriber_group& g) {
      if (g.hits.empty()) touched_.push_back(&g);
      g.hits.push_back(i);
    });
  built last;
  for (auto* g : touched_) {
    for (auto* s : g->members) {
      if (s->of->held) continue;  // it finds the transaction when it gets there
      if (out.bytes.size() > limits_.batch_bytes) {
        fall_behind(*s->of, t.before, zxid);
        continue;
      }
      tell(*s, changes, g->hits, last, out);
      s->told = zxid;
    }
    g->hits.clear();
  }
}

/// A frame that tells the same differs in the number only.
void subscriptions::tell(subscriber& s, const transaction_changes& t, const std::vector<std::uint32_t>& hits,
                         built& last, delivery_batch& out) {
  std::vector<std::uint32_t> visible;
  for (auto i : hits)
    if (may_read(t.list[i], *s.of)) visible.push_back(i);
  if (visible.empty()) return;
  auto at = out.bytes.size();
  if (last.size && last.with_data == s.with_data && last.visible == visible) {
    if (last.number == s.number) return push(out, s.of->id, last.at, last.size, false);
    if (append_copy(out.bytes, last.at, last.size, s.number))
      return push(out, s.of->id, at, out.bytes.size() - at, false);
  }
  append_notification(out.bytes, s.number, t, visible, s.with_data);
  last = {std::move(visible), s.with_data, s.number, at, out.bytes.size() - at};
  push(out, s.of->id, last.at, last.size, false);
}

bool subscriptions::subscribe(conn_id id, std::shared_ptr<const tree::credentials> creds, subscription&& s,
                              zxid_t position, delivery_batch::item reply, delivery_batch& out) {
  go_to(position);
  auto& owned = lines_[id];
  if (!owned) owned = std::make_unique<line>();
  auto& l = *owned;
  l.id = id, l.creds = std::move(creds);
  if (!l.held) hold_from(l, position);
  line::entry e{position, out.bytes.substr(reply.at, reply.size), reply.is_reply};
  for (auto& part : s.state) e.bytes_of_state += part.size();
  e.begins = std::move(s);
  keep(l, std::move(e));
  if (l.held_bytes > limits_.held_bytes_per_connection || held_bytes_ > limits_.held_bytes) {
    out.items.push_back({.conn = id, .close = true});
    erase(l);
    return false;
  }
  pump(l, out);
  return true;
}

void subscriptions::unsubscribe(conn_id id, std::int64_t number, delivery_batch::item reply, delivery_batch& out) {
  auto* l = find(id);
  if (!l) return out.items.push_back(reply);
  for (auto& e : l->waiting)  // it has not begun
    if (e.begins && e.begins->number == number) {
      l->held_bytes -= e.bytes_of_state, held_bytes_ -= e.bytes_of_state;
      e.begins.reset();
    }
  if (auto it = l->subscribers.find(number); it != l->subscribers.end()) remove(*l, it);
  if (!l->held) {
    out.items.push_back(reply);
    if (l->subscribers.empty()) erase(*l);
    return;
  }
  keep(*l, {position_, out.bytes.substr(reply.at, reply.size), reply.is_reply});
  recount(*l);
  pump(*l, out);
}

void subscriptions::state(conn_id id, subscription&& s, zxid_t position, delivery_batch& out) {
  auto* l = find(id);
  if (!l) return;
  auto it = l->subscribers.find(s.number);
  if (it == l->subscribers.end() || it->second->serial != s.serial || !it->second->wants_state) return;
  go_to(position);
  for (auto& part : s.state) {
    l->held_bytes += part.size(), held_bytes_ += part.size();
    l->first.push_back({position, std::move(part)});
  }
  it->second->wants_state = false, it->second->told = position;
  --l->states_wanted;
  if (s.ended) remove(*l, it);
  recount(*l);
  pump(*l, out);
}

void subscriptions::drop(conn_id id) {
  if (auto* l = find(id)) erase(*l);
}

bool subscriptions::hold(conn_id id, std::string_view frame, bool is_reply) {
  auto& l = *find(id);
  keep(l, {position_, std::string(frame), is_reply});
  if (l.held_bytes <= limits_.held_bytes_per_connection && held_bytes_ <= limits_.held_bytes) return true;
  erase(l);
  return false;
}

// ---- lines

void subscriptions::begin(line& l, subscription&& s, zxid_t position) {
  auto fresh = std::make_unique<subscriber>();
  fresh->of = &l;
  fresh->number = s.number, fresh->serial = s.serial, fresh->path = std::move(s.path), fresh->scope = s.scope;
  fresh->with_data = s.with_data;
  fresh->told = s.since > 0 ? s.since : position;
  l.told = std::min(l.told, fresh->told);
  for (auto& part : s.state) l.first.push_back({position, std::move(part)});  // counted already
  table_.add(*fresh);
  l.subscribers[s.number] = std::move(fresh);
}

void subscriptions::remove(line& l, std::map<std::int64_t, std::unique_ptr<subscriber>>::iterator it) {
  if (it->second->wants_state) --l.states_wanted;
  table_.remove(*it->second);
  l.subscribers.erase(it);
}

void subscriptions::erase(line& l) {
  for (auto& [number, s] : l.subscribers) table_.remove(*s);
  if (l.held) --held_;
  held_bytes_ -= l.held_bytes;
  lines_.erase(l.id);  // its read of the log may still be under way: on_history finds nobody
}

void subscriptions::hold_from(line& l, zxid_t told) {
  for (auto& [number, s] : l.subscribers) s->told = told;
  l.told = told, l.held = true;
  ++held_;
}

/// In the middle of transaction `zxid`, of which some of its subscriptions were told already.
void subscriptions::fall_behind(line& l, zxid_t before, zxid_t zxid) {
  for (auto& [number, s] : l.subscribers)
    if (s->told != zxid) s->told = before;
  l.told = before, l.held = true;
  ++held_;
  queue_turn(l);
}

void subscriptions::recount(line& l) {
  l.told = position_;
  for (auto& [number, s] : l.subscribers)
    if (!s->wants_state) l.told = std::min(l.told, s->told);
}

void subscriptions::keep(line& l, line::entry e) {
  auto bytes = e.bytes.size() + e.bytes_of_state + bytes_of_an_entry;
  l.held_bytes += bytes, held_bytes_ += bytes;
  l.waiting.push_back(std::move(e));
}

// ---- catching up

void subscriptions::replay(line& l, zxid_t zxid, const shared_bytes& payload, delivery_batch& out) {
  transaction_changes changes(payload);
  changes.zxid = zxid;
  built last;
  std::vector<std::uint32_t> hits;
  for (auto& [number, s] : l.subscribers) {
    if (s->wants_state || s->told >= zxid) continue;
    s->told = zxid;
    hits.clear();
    for (std::uint32_t i = 0; i < changes.list.size(); ++i)
      if (concerns(s->scope, s->path, changes.list[i].path)) hits.push_back(i);
    tell(*s, changes, hits, last, out);
  }
  l.told = std::max(l.told, zxid);
}

void subscriptions::pump(line& l, delivery_batch& out) {
  auto counted = out.items.size();
  std::size_t sent = 0, looked_at = 0;
  auto count_sent = [&] {
    for (; counted < out.items.size(); ++counted) sent += out.items[counted].size;
  };
  auto give_back = [&](std::size_t bytes) { l.held_bytes -= bytes, held_bytes_ -= bytes; };
  while (!l.pacing) {
    if (sent >= limits_.pace_bytes) {
      out.items.back().paced = l.pacing = true;
      return;
    }
    if (looked_at >= limits_.turn_bytes || out.bytes.size() > limits_.batch_bytes) return queue_turn(l);
    if (!l.first.empty()) {
      auto p = std::move(l.first.front());
      l.first.pop_front();
      give_back(p.flat.size());
      auto at = out.bytes.size();
      append_notification(out.bytes, p.zxid, p.flat.view());
      push(out, l.id, at, out.bytes.size() - at, false);
      count_sent();
      continue;
    }
    if (l.states_wanted) return;
    if (!l.waiting.empty() && l.waiting.front().position <= l.told) {
      // Those that follow each other begin together: one reading of the log serves them all.
      if (l.waiting.front().begins) {
        for (auto& e : l.waiting) {
          if (!e.begins) break;
          begin(l, std::move(*e.begins), e.position);
          e.begins.reset();
        }
        continue;
      }
      auto e = std::move(l.waiting.front());
      l.waiting.pop_front();
      give_back(e.bytes.size() + bytes_of_an_entry);
      auto at = out.bytes.size();
      out.bytes += e.bytes;
      push(out, l.id, at, e.bytes.size(), e.is_reply);
      count_sent();
      continue;
    }
    if (l.told >= position_) {
      l.held = false;
      --held_;
      if (l.subscribers.empty()) erase(l);
      return;
    }
    if (l.told < recent_after_) return read_log(l);
    auto next =
        std::upper_bound(recent_.begin(), recent_.end(), l.told, [](zxid_t z, const recent& r) { return z < r.zxid; });
    if (next == recent_.end()) throw std::logic_error("subscriptions: recent transactions end before the position");
    looked_at += next->payload.size() + bytes_of_an_entry;
    replay(l, next->zxid, next->payload, out);
    count_sent();
  }
}

void subscriptions::read_log(line& l) {
  if (l.reading || l.read_queued) return;
  l.read_queued = true;
  readers_.push_back(l.id);
}

void subscriptions::queue_turn(line& l) {
  if (l.turn_queued) return;
  l.turn_queued = true;
  turns_.push_back(l.id);
  turn_wanted_ = true;
}

subscriptions::wants subscriptions::take_wants() {
  wants w;
  w.states = std::exchange(states_, {});
  w.turn = std::exchange(turn_wanted_, false);
  while (!read_in_flight_ && !readers_.empty()) {
    auto* l = find(readers_.front());
    readers_.pop_front();
    if (!l || !l->read_queued) continue;
    l->read_queued = false;
    l->reading = ++last_serial_, read_in_flight_ = true;
    w.reads.push_back({l->reading, l->id, l->told, recent_after_});
  }
  return w;
}

void subscriptions::on_history(history&& h, delivery_batch& out) {
  read_in_flight_ = false;
  auto* l = find(h.what.conn);
  if (!l || l->reading != h.what.serial) return;
  l->reading = 0;
  if (!l->held) return;                              // whoever needed it has unsubscribed
  if (l->told < h.what.after) return pump(*l, out);  // another began meanwhile, further back: it reads for itself
  auto first_item = out.items.size();
  auto before = l->told;
  if (!h.too_old)
    for (auto& r : h.records)
      if (r.zxid > l->told && r.zxid <= h.what.upto) replay(*l, r.zxid, r.payload, out);
  if (l->told == before && l->told == h.what.after) {
    // Nothing is left of what should be there: a checkpoint has taken its place. What the subscriptions lack is gone.
    auto gone = h.too_old ? h.base : h.what.upto;
    for (auto& [number, s] : l->subscribers) {
      if (s->wants_state || s->told >= gone) continue;
      s->wants_state = true, ++l->states_wanted;
      states_.push_back({l->id, s->number, s->serial});
    }
    recount(*l);
  }
  std::size_t sent = 0;
  for (auto i = first_item; i < out.items.size(); ++i) sent += out.items[i].size;
  if (sent >= limits_.pace_bytes)
    out.items.back().paced = l->pacing = true;
  else
    pump(*l, out);
}

void subscriptions::on_drained(conn_id id, delivery_batch& out) {
  auto* l = find(id);
  if (!l || !l->pacing) return;
  l->pacing = false;
  if (l->held) pump(*l, out);
}

void subscriptions::take_turns(delivery_batch& out) {
  for (auto n = turns_.size(); n; --n) {
    auto* l = find(turns_.front());
    turns_.pop_front();
    if (!l || !l->turn_queued) continue;
    l->turn_queued = false;
    if (l->held) pump(*l, out);
  }
}

}  // namespace troupe::watch

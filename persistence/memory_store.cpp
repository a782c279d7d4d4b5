#include "persistence/memory_store.hpp"

#include <algorithm>

namespace troupe::persistence {

namespace {

std::size_t position_of(tree::table t) {
  return static_cast<std::size_t>(std::find(std::begin(table_order), std::end(table_order), t) -
                                  std::begin(table_order));
}

std::string sealed(tree::table t, std::uint64_t key, std::string_view bytes) {
  std::string out(sealed_header_bytes + bytes.size(), '\0');
  seal(t, key, bytes, out.data());
  return out;
}

}  // namespace

// ---- log

void memory_log::erase(std::map<zxid_t, shared_bytes>::iterator i) {
  bytes_ -= i->second.size();
  records_.erase(i);
}

void memory_log::apply(const zab::persist_op& op) {
  auto require = [](bool ok, const std::string& what) {
    if (!ok) throw std::logic_error("log: " + what);
  };
  if (auto* a = std::get_if<zab::append_records>(&op)) {
    for (auto& r : a->records) {
      require(follows(state_.last, r.zxid), zxid_text(r.zxid) + " appended after " + zxid_text(state_.last));
      records_.emplace(r.zxid, r.payload);
      bytes_ += r.payload.size();
      state_.last = r.zxid;
      install_ = 0;
    }
  } else if (auto* t = std::get_if<zab::truncate_after>(&op)) {
    require(t->last >= state_.base,
            "truncation to " + zxid_text(t->last) + ", below the base " + zxid_text(state_.base));
    while (!records_.empty() && records_.rbegin()->first > t->last) erase(std::prev(records_.end()));
    state_.last = records_.empty() ? state_.base : records_.rbegin()->first;
    install_ = 0;
  } else if (auto* e = std::get_if<zab::set_accepted_epoch>(&op)) {
    require(e->epoch >= state_.accepted_epoch, "accepted epoch " + std::to_string(e->epoch) + " goes back");
    state_.accepted_epoch = e->epoch;
  } else if (auto* e = std::get_if<zab::set_current_epoch>(&op)) {
    require(e->epoch >= state_.current_epoch && e->epoch <= state_.accepted_epoch,
            "current epoch " + std::to_string(e->epoch) + " does not fit");
    state_.current_epoch = e->epoch;
  } else if (auto* b = std::get_if<zab::begin_install>(&op)) {
    install_ = b->zxid;
  } else if (auto* r = std::get_if<zab::reset_log>(&op)) {
    records_.clear(), bytes_ = 0;
    state_.base = state_.last = r->base;
    install_ = 0;
  }
}

void memory_log::write(std::span<const zab::persist_op> ops) {
  for (auto& op : ops) apply(op);
}

zab::zab_peer::log_read_result memory_log::read(zxid_t after, std::size_t max_bytes) {
  zab::zab_peer::log_read_result out;
  if (after < state_.base) return out.position = -1, out;
  auto i = records_.upper_bound(after);
  out.position = i == records_.begin() ? state_.base : std::prev(i)->first;
  for (std::size_t bytes = 0; i != records_.end() && (out.records.empty() || bytes < max_bytes); ++i) {
    out.records.push_back({i->first, i->second});
    bytes += i->second.size() + 16;
  }
  out.at_end = i == records_.end();
  return out;
}

zxid_t memory_log::last_but(std::size_t records, std::size_t bytes) const {
  for (auto r = records_.rbegin(); r != records_.rend(); ++r) {
    if (records == 0 || bytes == 0) return r->first;
    --records, bytes -= std::min(bytes, stored_bytes({r->first, r->second}));
  }
  return 0;
}

void memory_log::trim(zxid_t upto) {
  if (upto <= state_.base) return;
  if (!records_.contains(upto)) throw std::logic_error("log: trim up to " + zxid_text(upto) + ", which is not in it");
  while (!records_.empty() && records_.begin()->first <= upto) erase(records_.begin());
  state_.base = upto;
}

// ---- state

void memory_state::write(const tree::state_delta& delta) {
  if (delta.zxid < zxid_)
    throw std::logic_error("checkpoint: " + zxid_text(delta.zxid) + " written after " + zxid_text(zxid_));
  incoming_zxid_ = 0, incoming_.clear(), places_.clear();
  for (auto& e : delta.entries) {
    key k{position_of(e.where), e.key};
    if (e.value.empty())
      entries_.erase(k);
    else
      entries_[k] = sealed(e.where, e.key, e.value);
  }
  zxid_ = delta.zxid, installed_ = false;
}

std::unique_ptr<tree::database> memory_state::load() {
  auto out = std::make_unique<tree::database>();
  if (zxid_ == 0) return out;
  for (auto& [k, stored] : entries_) out->load({table_order[k.first], k.second, stored.substr(sealed_header_bytes)});
  out->loaded(zxid_);
  return out;
}

zab::snap_chunk memory_state::read_chunk(std::uint32_t index, std::size_t max_bytes) {
  if (max_bytes != places_max_bytes_) places_.clear(), places_max_bytes_ = max_bytes;
  if (places_.empty()) places_.push_back({0, 0});
  if (index >= places_.size()) throw std::logic_error("checkpoint: chunk " + std::to_string(index) + " read too early");
  std::vector<stored_entry> list;
  std::size_t bytes = 0;
  auto i = entries_.lower_bound(places_[index]);
  for (; i != entries_.end() && (list.empty() || bytes < max_bytes); ++i) {
    list.push_back({table_order[i->first.first], i->first.second, i->second});
    bytes += i->second.size() + 24;
  }
  bool last = i == entries_.end();
  if (!last && index + 1 == places_.size()) places_.push_back(i->first);
  return {zxid_, index, last, build_chunk(list)};
}

bool memory_state::install_chunk(const zab::snap_chunk& c) {
  auto refuse = [&](const std::string& why) {
    incoming_zxid_ = 0, incoming_.clear();
    throw storage_error("checkpoint " + zxid_text(c.zxid) + " of the leader: " + why);
  };
  if (c.index == 0) incoming_.clear(), incoming_zxid_ = c.zxid, incoming_next_ = 0;
  if (c.zxid <= 0 || c.zxid != incoming_zxid_ || c.index != incoming_next_) refuse("chunk out of order");
  try {
    for_each_entry(c.chunk, [&](const stored_entry& e) {
      key k{position_of(e.where), e.key};
      auto& slot = incoming_[k];
      if (!slot.empty()) throw std::runtime_error("an entry comes twice");
      slot = e.stored;
    });
  } catch (const std::runtime_error& e) {
    refuse(e.what());
  }
  ++incoming_next_;
  if (!c.last) return false;
  entries_ = std::move(incoming_);
  incoming_.clear(), places_.clear();
  zxid_ = c.zxid, incoming_zxid_ = 0, installed_ = true;
  return true;
}

std::size_t memory_state::size_bytes() const {
  std::size_t n = 0;
  for (auto& [k, v] : entries_) n += v.size();
  return n;
}

}  // namespace troupe::persistence

#include "cluster/zab/history.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "cluster/planted_bug.hpp"

namespace troupe::zab {

namespace {
constexpr std::size_t record_overhead_bytes = 64;  // of a record in memory, besides its payload
std::size_t cost(const log_record& r) { return r.payload.size() + record_overhead_bytes; }
}  // namespace

history::history(node_id self, const log_state& s, zxid_t applied, std::size_t window_bytes, std::size_t chunk_bytes)
    : self_(self),
      window_bytes_(window_bytes),
      chunk_bytes_(chunk_bytes),
      last_(s.last),
      durable_(s.last),
      committed_(applied),
      delivered_(applied),
      window_after_(s.last) {
  if (s.base > s.last || applied < s.base || applied > s.last)
    throw std::runtime_error("the log (after " + std::to_string(s.base) + ", up to " + std::to_string(s.last) +
                             ") does not fit the checkpoint at " + std::to_string(applied));
}

std::uint64_t history::persist(persist_op op, std::int64_t now_ms, effects& fx) {
  if (fx.persist.empty()) {
    fx.persist_token = ++issued_;
    pending_.push_back({issued_, last_, now_ms});
  } else if (fx.persist_token != issued_) {
    throw std::logic_error("persist operations under token " + std::to_string(fx.persist_token) + " after " +
                           std::to_string(issued_));
  }
  fx.persist.push_back(std::move(op));
  return issued_;
}

std::uint64_t history::append(const log_records& records, std::int64_t now_ms, effects& fx) {
  if (records.empty()) return issued_;
  auto* open = fx.persist.empty() ? nullptr : std::get_if<append_records>(&fx.persist.back());
  if (holds_back_)
    held_back_.insert(held_back_.end(), records.begin(), records.end());
  else if (open)
    open->records.insert(open->records.end(), records.begin(), records.end());
  else
    persist(append_records{records}, now_ms, fx);
  for (auto& r : records) {
    if (r.zxid <= last_)
      throw std::logic_error("append of " + std::to_string(r.zxid) + " after " + std::to_string(last_));
    last_ = r.zxid;
    window_size_ += cost(r);
    window_.push_back(r);
  }
  if (!holds_back_) pending_.back().last = last_;
  while (window_size_ > window_bytes_ && window_.size() > 1) {
    window_size_ -= cost(window_.front());
    window_after_ = window_.front().zxid;
    window_.pop_front();
  }
  return issued_;
}

/// What the log loses can no longer be confirmed by tokens that are under way, nor found by reads that are.
void history::cut(zxid_t position) {
  last_ = position;
  durable_ = std::min(durable_, position);
  for (auto& p : pending_) p.last = std::min(p.last, position);
  reading_ = 0;
}

void history::truncate(zxid_t to, zxid_t position, std::int64_t now_ms, effects& fx) {
  if (position < delivered_)
    throw std::logic_error("truncation to " + std::to_string(position) + " below the delivered " +
                           std::to_string(delivered_));
  cut_window(position);
  cut(position);
  if (planted(planted_bug::zk_1156) && !window_.empty()) to = position - 1;
  persist(truncate_after{to}, now_ms, fx);
}

void history::cut_window(zxid_t position) {
  while (!window_.empty() && window_.back().zxid > position) {
    window_size_ -= cost(window_.back());
    window_.pop_back();
  }
  window_after_ = std::min(window_after_, position);
  if (window_.empty()) window_after_ = position;
}

void history::forget_after(zxid_t z) {
  if (z >= last_ || !in_memory(z)) return;
  z = position(z);
  cut_window(z);
  cut(z);
}

void history::hold_back(bool more, std::int64_t now_ms, effects& fx) {
  holds_back_ = more;
  if (held_back_.empty()) return;
  persist(append_records{std::move(held_back_)}, now_ms, fx);
  pending_.back().last = last_;
  held_back_.clear();
}

std::uint64_t history::reset(zxid_t base, std::int64_t now_ms, effects& fx) {
  window_.clear();
  window_size_ = 0;
  cut(0);
  last_ = window_after_ = delivered_ = base;
  committed_ = std::max(committed_, base);
  persist(reset_log{base}, now_ms, fx);
  pending_.back().last = base;
  return issued_;
}

void history::on_durable(std::uint64_t token) {
  if (token > issued_) throw std::logic_error("token " + std::to_string(token) + " was never issued");
  confirmed_ = std::max(confirmed_, token);
  while (!pending_.empty() && pending_.front().token <= token) {
    durable_ = std::max(durable_, pending_.front().last);
    pending_.pop_front();
  }
}

std::optional<std::int64_t> history::oldest_pending_ms() const {
  if (pending_.empty()) return std::nullopt;
  return pending_.front().since_ms;
}

std::deque<log_record>::const_iterator history::above(zxid_t z) const {
  return std::upper_bound(window_.begin(), window_.end(), z, [](zxid_t v, const log_record& r) { return v < r.zxid; });
}

zxid_t history::position(zxid_t z) const {
  auto it = above(z);
  return it == window_.begin() ? window_after_ : std::prev(it)->zxid;
}

log_records history::slice(zxid_t after, std::size_t max_bytes) const {
  log_records out;
  std::size_t size = 0;
  for (auto it = above(after); it != window_.end(); ++it) {
    if (planted(planted_bug::zk_4925) && it->zxid == left_out_ && std::next(it) != window_.end()) continue;
    size += cost(*it);
    if (!out.empty() && size > max_bytes) break;
    out.push_back(*it);
  }
  return out;
}

void history::emit(log_record r, effects& fx) {
  delivered_ = r.zxid;
  auto* open = fx.local.empty() ? nullptr : std::get_if<zab::deliver>(&fx.local.back());
  if (!open) open = &std::get<zab::deliver>(fx.local.emplace_back(zab::deliver{}));
  open->committed.push_back(std::move(r));
}

void history::deliver(effects& fx) {
  auto target = std::min(committed_, durable_);
  if (delivered_ >= target || reading_) return;
  if (!in_memory(delivered_)) {
    reading_ = new_serial();
    fx.log_reads.push_back({self_, delivered_, chunk_bytes_, reading_});
    return;
  }
  for (auto it = above(delivered_); it != window_.end() && it->zxid <= target; ++it) emit(*it, fx);
}

bool history::on_log_read(const read_log& read, zab_peer::log_read_result result, effects& fx) {
  if (!reading_ || read.serial != reading_) return false;
  reading_ = 0;
  if (result.position != delivered_ || result.records.empty()) {
    fx.fatal = "the log has no records after the delivered zxid " + std::to_string(delivered_) +
               " though it should go up to " + std::to_string(durable_) +
               ": restore this node from a backup or let it copy the state anew";
    return true;
  }
  auto target = std::min(committed_, durable_);
  for (auto& r : result.records)
    if (r.zxid > delivered_ && r.zxid <= target) emit(std::move(r), fx);
  deliver(fx);
  return true;
}

}  // namespace troupe::zab

#include "persistence/journaled_log.hpp"

#include <algorithm>

#include "persistence/file_io.hpp"

namespace troupe::persistence {

journaled_log::journaled_log(journaled_log_settings s, medium& on)
    : settings_(std::move(s)),
      medium_(on),
      file_(settings_.directory / "journal"),
      lmdb_({.directory = settings_.directory, .map_size_bytes = settings_.map_size_bytes, .journaled = true}, on) {
  recover();
}

// All of it is on disk already: this only spares the next start the replay.
journaled_log::~journaled_log() {
  if (guarded_.stopped() || waiting_.empty()) return;
  try {
    to_lmdb({});
  } catch (const std::exception&) {
  }
}

void journaled_log::recover() {
  auto place = (settings_.directory / "data.mdb").string();
  auto last = lmdb_.state().last;
  if (lmdb_.journal().id != 0) {
    journal_ = std::make_unique<journal>(file_, lmdb_.journal(), medium_);
    waiting_ = journal_->recover();
    place = journal_->place();
    for (auto& r : waiting_) {
      if (!follows(last, r.zxid))
        throw storage_error(file_.string() + ": record " + zxid_text(r.zxid) + " does not follow on " +
                            zxid_text(last) + "; " + std::string(resynchronise_advice));
      last = r.zxid;
    }
  }
  lmdb_.check_high_water(last, place);
  // Only now the mark: a block that is read here may be in the kernel alone.
  if (!waiting_.empty()) to_lmdb({});
  lmdb_.acknowledged(last);
  if (journal_ && journal_->mark().size_bytes == journal::file_bytes(settings_.journal_bytes)) return;
  // While there is none, LMDB has no mark: a crash in between leaves a file that nobody believes.
  lmdb_.write({}, journal_mark{});
  journal_ = std::make_unique<journal>(journal::create(file_, settings_.journal_bytes, medium_));
  lmdb_.write({}, journal_->mark());
}

zab::log_state journaled_log::state() const {
  auto s = lmdb_.state();
  if (!waiting_.empty()) s.last = waiting_.back().zxid;
  return s;
}

zxid_t journaled_log::unfinished_install() const { return waiting_.empty() ? lmdb_.unfinished_install() : 0; }
bool journaled_log::trim_pending() const { return !waiting_.empty() || lmdb_.trim_pending(); }
zxid_t journaled_log::last_but(std::size_t records, std::size_t bytes) const {
  for (auto r = waiting_.rbegin(); r != waiting_.rend(); ++r) {
    if (records == 0 || bytes == 0) return r->zxid;
    --records, bytes -= std::min(bytes, stored_bytes(*r));
  }
  return lmdb_.last_but(records, bytes);
}
std::size_t journaled_log::size_bytes() const { return lmdb_.size_bytes() + journal_->mark().size_bytes; }
std::size_t journaled_log::reusable_bytes() const { return lmdb_.reusable_bytes(); }

void journaled_log::write(std::span<const zab::persist_op> ops) {
  guarded_([&] {
    if (!to_journal(ops)) to_lmdb(ops);
  });
}

bool journaled_log::to_journal(std::span<const zab::persist_op> ops) {
  std::size_t records = 0, payload = 0;
  for (auto& op : ops) {
    auto* a = std::get_if<zab::append_records>(&op);
    if (!a) return false;
    records += a->records.size();
    for (auto& r : a->records) payload += r.payload.size();
  }
  auto bytes = payload + records * sizeof(log_record);
  auto block = journal::block_bytes(records, payload);
  if (records == 0 || waiting_bytes_ + bytes > settings_.flush_bytes || !journal_->fits(block)) return false;
  auto last = state().last;
  auto before = waiting_.size();
  for (auto& op : ops)
    for (auto& r : std::get<zab::append_records>(op).records) {
      if (!follows(last, r.zxid))
        throw std::logic_error("log: " + zxid_text(r.zxid) + " appended after " + zxid_text(last));
      last = r.zxid;
      waiting_.push_back(r);
    }
  journal_->write(std::span(waiting_).subspan(before), block);
  waiting_bytes_ += bytes;
  lmdb_.acknowledged(last);
  return true;
}

void journaled_log::to_lmdb(std::span<const zab::persist_op> ops) {
  if (waiting_.empty()) return ops.empty() ? lmdb_.write(ops) : lmdb_.write(ops, journal_->pass_over());
  std::vector<zab::persist_op> all;
  all.reserve(ops.size() + 1);
  all.push_back(zab::append_records{std::move(waiting_)});
  all.insert(all.end(), ops.begin(), ops.end());
  lmdb_.write(all, journal_->mark());
  journal_->restart();
  // The room of the list is used again.
  waiting_ = std::move(std::get<zab::append_records>(all.front()).records);
  waiting_.clear(), waiting_bytes_ = 0;
}

zab::zab_peer::log_read_result journaled_log::read(zxid_t after, std::size_t max_bytes) {
  return guarded_([&] {
    if (!waiting_.empty()) to_lmdb({});
    return lmdb_.read(after, max_bytes);
  });
}

void journaled_log::trim(zxid_t upto) {
  guarded_([&] {
    if (!waiting_.empty() && upto >= waiting_.front().zxid) to_lmdb({});
    lmdb_.trim(upto);
  });
}

}  // namespace troupe::persistence

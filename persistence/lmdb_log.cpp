#include "persistence/lmdb_log.hpp"

#include <algorithm>
#include <cstring>

#include "cluster/planted_bug.hpp"
#include "persistence/crc32c.hpp"
#include "persistence/file_io.hpp"
#include "persistence/log_writer.hpp"

namespace troupe::persistence {

namespace {

/// After so much was written or read, the map's resident pages are given back.
constexpr std::size_t drop_resident_every = std::size_t{8} << 20;
/// A write of more than this leaves LMDB with page buffers that are worth getting rid of.
constexpr std::size_t log_reopen_after = std::size_t{32} << 20;

std::size_t bytes_of(std::span<const zab::persist_op> ops) {
  std::size_t n = 0;
  for (auto& op : ops)
    if (auto* a = std::get_if<zab::append_records>(&op))
      for (auto& r : a->records) n += r.payload.size() + 64;
  return n;
}

}  // namespace

bool lmdb_log::position::operator==(const position& o) const {
  return state.accepted_epoch == o.state.accepted_epoch && state.current_epoch == o.state.current_epoch &&
         state.base == o.state.base && state.last == o.state.last && install == o.install && leftovers == o.leftovers;
}

lmdb_log::lmdb_log(lmdb_log_settings s, medium& on)
    : settings_(std::move(s)),
      env_(on.open_tables(settings_.directory, settings_.map_size_bytes, {"records", "epochs"})),
      high_water_(settings_.directory, on) {
  recover();
  if (!settings_.journaled) check_high_water(now_.state.last, env_->file().string());
  if (!settings_.journaled) acknowledged(now_.state.last);
  on.sync_directory(settings_.directory);
}

void lmdb_log::recover() {
  {
    auto txn = env_->begin(table_txn::mode::read);
    if (auto v = txn->get(table_epochs, key_epochs)) {
      std::uint32_t crc;
      if (v->size() == epochs_bytes) std::memcpy(&crc, v->data(), 4);
      if (v->size() != epochs_bytes || crc != crc32c(v->substr(4)))
        throw storage_error(env_->file().string() + ": the record of the epochs is damaged; " +
                            std::string(resynchronise_advice));
      std::memcpy(&now_.state.accepted_epoch, v->data() + 4, 4);
      std::memcpy(&now_.state.current_epoch, v->data() + 8, 4);
      std::memcpy(&now_.state.base, v->data() + 16, 8);
      std::memcpy(&now_.install, v->data() + 24, 8);
    }
    read_journal_mark(*txn);
    auto c = txn->cursor(table_records);
    now_.state.last = now_.state.base;
    if (c->last()) {
      if (c->key() > INT64_MAX) rotten(static_cast<zxid_t>(c->key()), "is damaged (of an epoch that nobody can reach)");
      verified_payload(static_cast<zxid_t>(c->key()), c->value());
      now_.state.last = std::max(now_.state.base, static_cast<zxid_t>(c->key()));
      now_.leftovers = c->first() && static_cast<zxid_t>(c->key()) <= now_.state.base;
    }
    trim_to_ = now_.state.base;
  }
}

void lmdb_log::read_journal_mark(table_txn& txn) {
  auto v = txn.get(table_epochs, key_journal);
  if (!v) return;
  std::uint32_t crc;
  if (v->size() == journal_mark_bytes) std::memcpy(&crc, v->data(), 4);
  if (v->size() != journal_mark_bytes || crc != crc32c(v->substr(4)))
    throw storage_error(env_->file().string() + ": what it says of the journal is damaged; " +
                        std::string(resynchronise_advice));
  std::memcpy(&journal_.id, v->data() + 8, 8);
  std::memcpy(&journal_.covered, v->data() + 16, 8);
  std::memcpy(&journal_.size_bytes, v->data() + 24, 8);
}

void lmdb_log::check_high_water(zxid_t last, const std::string& place) const {
  if (planted(planted_bug::rot_as_torn) || planted(planted_bug::high_water_ignored)) return;
  auto file = (settings_.directory / "high-water").string();
  auto used = last != 0 || now_.state.accepted_epoch != 0 || now_.install != 0;
  if (!high_water_.exists() && used)
    throw storage_error(file + ": missing, so that nobody knows whether the log is complete; " +
                        std::string(resynchronise_advice));
  auto mark = high_water_.value();
  if (mark.last > last) {
    auto lost = epoch_of(mark.last) == epoch_of(last)
                    ? std::to_string(counter_of(mark.last) - counter_of(last)) + " transactions"
                    : std::to_string(counter_of(mark.last)) + " transactions or more";
    throw storage_error(place + ": lost " + lost + ": it ends at " + zxid_text(last) + ", but " + zxid_text(mark.last) +
                        " was on disk before (" + file + "); " + std::string(resynchronise_advice));
  }
  auto check = [&](const char* which, epoch_t found, epoch_t before) {
    if (before > found)
      throw storage_error(env_->file().string() + ": lost its last writes: the " + which + " epoch is " +
                          std::to_string(found) + ", but was " + std::to_string(before) + "; " +
                          std::string(resynchronise_advice));
  };
  check("current", now_.state.current_epoch, mark.current_epoch);
  check("accepted", now_.state.accepted_epoch, mark.accepted_epoch);
}

void lmdb_log::acknowledged(zxid_t last) {
  high_water_.raise({last, now_.state.current_epoch, now_.state.accepted_epoch});
}

zab::log_state lmdb_log::state() const {
  auto s = now_.state;
  s.base = std::max(s.base, trim_to_);
  return s;
}

zxid_t lmdb_log::unfinished_install() const { return now_.install; }
bool lmdb_log::trim_pending() const { return now_.leftovers || trim_to_ > now_.state.base; }
std::size_t lmdb_log::size_bytes() const { return env_->used_bytes(); }
std::size_t lmdb_log::reusable_bytes() const { return env_->reusable_bytes(); }

void lmdb_log::write(std::span<const zab::persist_op> ops) {
  guarded_([&] { write_unguarded(ops, journal_); });
}

void lmdb_log::write(std::span<const zab::persist_op> ops, const journal_mark& m) {
  guarded_([&] { write_unguarded(ops, m); });
}

void lmdb_log::write_unguarded(std::span<const zab::persist_op> ops, const journal_mark& mark) {
  if (ops.empty() && !trim_pending() && mark == journal_) return;
  auto bytes = bytes_of(ops);
  env_->ensure_room(bytes);
  auto next = now_;
  for (bool done = false; !done;) {
    next = now_;
    try {
      auto txn = env_->begin(table_txn::mode::write);
      if (trim_to_ > next.state.base) next.state.base = trim_to_, next.leftovers = true;
      writer w(*txn, env_->file(), next);
      for (auto& op : ops) std::visit(w, op);
      if (next.leftovers && ops.empty())
        w.trim_slice_of(trim_slice_max, trim_idle_bytes);
      else if (next.leftovers)
        w.trim_slice_of(std::min(trim_slice + 4 * w.appended(), std::max(trim_slice_max, 2 * w.appended())));
      if (!(next.state.base == now_.state.base && next.install == now_.install &&
            next.state.accepted_epoch == now_.state.accepted_epoch &&
            next.state.current_epoch == now_.state.current_epoch))
        w.store_epochs();
      if (mark != journal_) w.store_journal_mark(mark);
      if (next.state.last < high_water_.value().last)
        high_water_.lower({next.state.last, now_.state.current_epoch, now_.state.accepted_epoch});
      txn->commit();
      done = true;
    } catch (const map_full&) {
      env_->grow();
    } catch (const storage_error&) {
      auto truncates = [](auto& op) { return std::holds_alternative<zab::truncate_after>(op); };
      if (!planted(planted_bug::zk_3701) || std::none_of(ops.begin(), ops.end(), truncates)) throw;
      return;
    }
  }
  now_ = next, journal_ = mark;
  trim_to_ = now_.state.base;
  acknowledged(now_.state.last);
  written_since_drop_ += bytes;
  if (bytes > log_reopen_after) env_->reopen();
  if (written_since_drop_ > drop_resident_every) env_->drop_resident(), written_since_drop_ = 0;
}

void lmdb_log::trim(zxid_t upto) {
  guarded_([&] {
    if (upto <= std::max(trim_to_, now_.state.base)) return;
    auto txn = env_->begin(table_txn::mode::read);
    if (!txn->get(table_records, static_cast<std::uint64_t>(upto)))
      throw std::logic_error("log: trim up to " + zxid_text(upto) + ", which is not in it; last is " +
                             zxid_text(now_.state.last));
    trim_to_ = upto;
  });
}

zxid_t lmdb_log::last_but(std::size_t records, std::size_t bytes) const {
  zxid_t found = 0;
  {
    auto txn = env_->begin(table_txn::mode::read);
    auto c = txn->cursor(table_records);
    bool there = c->last();
    for (; there && records > 0 && bytes > 0; --records) {
      bytes -= std::min(bytes, c->value().size());
      there = c->prev();
    }
    if (there) found = static_cast<zxid_t>(c->key());
  }
  env_->drop_resident();
  return found > state().base ? found : 0;
}

zab::zab_peer::log_read_result lmdb_log::read(zxid_t after, std::size_t max_bytes) {
  return guarded_([&] { return read_unguarded(after, max_bytes); });
}

void lmdb_log::rotten(zxid_t zxid, const std::string& what) const {
  throw storage_error(env_->file().string() + ": record " + zxid_text(zxid) + " " + what + "; " +
                      std::string(resynchronise_advice));
}

std::string_view lmdb_log::verified_payload(zxid_t zxid, std::string_view value) const {
  std::uint32_t crc = 0, length = 0;
  zxid_t own = 0;
  if (value.size() < record_header_bytes) rotten(zxid, "is damaged (too short)");
  std::memcpy(&crc, value.data(), 4);
  std::memcpy(&length, value.data() + 4, 4);
  std::memcpy(&own, value.data() + 8, 8);
  if (length != value.size() - record_header_bytes || crc != crc32c(value.substr(4)))
    rotten(zxid, "is damaged (wrong checksum)");
  if (own != zxid) rotten(zxid, "is damaged (it is the record of " + zxid_text(own) + ")");
  return value.substr(record_header_bytes);
}

zab::zab_peer::log_read_result lmdb_log::read_unguarded(zxid_t after, std::size_t max_bytes) {
  zab::zab_peer::log_read_result out;
  auto s = state();
  if (after < s.base) return out.position = -1, out;
  auto txn = env_->begin(table_txn::mode::read);
  auto c = txn->cursor(table_records);
  bool any = c->at_or_after(static_cast<std::uint64_t>(after));
  if (any && static_cast<zxid_t>(c->key()) == after) {
    out.position = after;
    any = c->next();
  } else {
    // The largest before `after`, which at_or_after has gone past.
    auto before = txn->cursor(table_records);
    bool found = any ? before->at_or_after(c->key()) && before->prev() : before->last();
    out.position = found ? std::max(static_cast<zxid_t>(before->key()), s.base) : s.base;
    if (after == s.last && out.position != s.last) rotten(s.last, "is missing");
  }

  // First sizes, so that all payloads share one allocation; the values stay where they are while the transaction lives.
  std::vector<std::pair<zxid_t, std::string_view>> found;
  std::size_t bytes = 0, words = 0;
  auto last = out.position;
  for (; any && (found.empty() || bytes < max_bytes); any = c->next()) {
    auto zxid = static_cast<zxid_t>(c->key());
    if (!follows(last, zxid))
      rotten(zxid, "does not follow on " + zxid_text(last) + ": records between them are missing");
    auto payload = verified_payload(zxid, c->value());
    found.emplace_back(zxid, payload);
    bytes += payload.size() + record_header_bytes;
    words += (payload.size() + 7) / 8;
    last = zxid;
  }
  out.at_end = !any;
  if (!any && last != s.last) rotten(s.last, "is missing");
  auto buffer = std::make_shared_for_overwrite<std::uint64_t[]>(words + 1);
  auto* at = buffer.get();
  out.records.reserve(found.size());
  for (auto& [zxid, payload] : found) {
    if (!payload.empty()) std::memcpy(at, payload.data(), payload.size());
    out.records.push_back({zxid, shared_bytes(buffer, reinterpret_cast<const char*>(at), payload.size())});
    at += (payload.size() + 7) / 8;
  }
  written_since_drop_ += bytes;
  if (written_since_drop_ > drop_resident_every) env_->drop_resident(), written_since_drop_ = 0;
  return out;
}

}  // namespace troupe::persistence

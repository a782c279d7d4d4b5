#include "persistence/log_writer.hpp"

#include <algorithm>
#include <cstring>

#include "cluster/planted_bug.hpp"
#include "persistence/crc32c.hpp"

namespace troupe::persistence {

void lmdb_log::writer::operator()(const zab::append_records& op) {
  for (auto& r : op.records) {
    if (!follows(at_.state.last, r.zxid))
      throw std::logic_error("log: " + zxid_text(r.zxid) + " appended after " + zxid_text(at_.state.last));
    if (r.payload.size() > UINT32_MAX)
      throw std::logic_error("log: payload of " + std::to_string(r.payload.size()) + " bytes");
    auto size = record_header_bytes + r.payload.size();
    auto p = txn_.reserve(table_records, static_cast<std::uint64_t>(r.zxid), size, true);
    if (!p)
      throw storage_error(file_.string() + ": has records after " + zxid_text(at_.state.last) +
                          ", which it says is the last; the file is damaged");
    auto length = static_cast<std::uint32_t>(r.payload.size());
    std::memcpy(p + 4, &length, 4);
    std::memcpy(p + 8, &r.zxid, 8);
    auto crc = crc32c(r.payload.view(), crc32c({p + 4, record_header_bytes - 4}));
    std::memcpy(p, &crc, 4);
    if (length) std::memcpy(p + record_header_bytes, r.payload.data(), length);
    at_.state.last = r.zxid;
    ++appended_;
  }
  if (!op.records.empty()) at_.install = 0;
}

void lmdb_log::writer::operator()(const zab::truncate_after& op) {
  if (op.last < at_.state.base)
    throw std::logic_error("log: truncation to " + zxid_text(op.last) + ", below the base " +
                           zxid_text(at_.state.base));
  auto c = txn_.cursor(table_records);
  bool any = c->last();
  while (any && static_cast<zxid_t>(c->key()) > op.last) {
    c->erase(), any = c->last();
    if (planted(planted_bug::zk_1489) && c->at_or_after(static_cast<std::uint64_t>(op.last) + 1)) any = c->prev();
  }
  at_.state.last = any ? std::max(static_cast<zxid_t>(c->key()), at_.state.base) : at_.state.base;
  at_.install = 0;
}

void lmdb_log::writer::operator()(const zab::set_accepted_epoch& op) {
  if (op.epoch < at_.state.accepted_epoch)
    throw std::logic_error("log: accepted epoch " + std::to_string(op.epoch) + " after " +
                           std::to_string(at_.state.accepted_epoch));
  at_.state.accepted_epoch = op.epoch;
}

void lmdb_log::writer::operator()(const zab::set_current_epoch& op) {
  if (op.epoch < at_.state.current_epoch || op.epoch > at_.state.accepted_epoch)
    throw std::logic_error("log: current epoch " + std::to_string(op.epoch) + " after " +
                           std::to_string(at_.state.current_epoch) + ", accepted " +
                           std::to_string(at_.state.accepted_epoch));
  at_.state.current_epoch = op.epoch;
}

void lmdb_log::writer::operator()(const zab::begin_install& op) { at_.install = op.zxid; }

void lmdb_log::writer::operator()(const zab::reset_log& op) {
  txn_.clear(table_records);
  at_.state.base = at_.state.last = op.base;
  at_.install = 0;
  at_.leftovers = false;
}

void lmdb_log::writer::trim_slice_of(std::size_t records, std::size_t bytes) {
  auto c = txn_.cursor(table_records);
  bool more = c->first() && static_cast<zxid_t>(c->key()) <= at_.state.base;
  for (; more && records > 0 && bytes > 0; --records) {
    bytes -= std::min(bytes, c->value().size());
    c->erase();
    more = c->first() && static_cast<zxid_t>(c->key()) <= at_.state.base;
  }
  at_.leftovers = more;
}

void lmdb_log::writer::store_epochs() {
  char out[epochs_bytes]{};
  std::memcpy(out + 4, &at_.state.accepted_epoch, 4);
  std::memcpy(out + 8, &at_.state.current_epoch, 4);
  std::memcpy(out + 16, &at_.state.base, 8);
  std::memcpy(out + 24, &at_.install, 8);
  auto crc = crc32c({out + 4, epochs_bytes - 4});
  std::memcpy(out, &crc, 4);
  txn_.put(table_epochs, key_epochs, {out, epochs_bytes});
}

void lmdb_log::writer::store_journal_mark(const journal_mark& m) {
  char out[journal_mark_bytes]{};
  std::memcpy(out + 8, &m.id, 8);
  std::memcpy(out + 16, &m.covered, 8);
  std::memcpy(out + 24, &m.size_bytes, 8);
  auto crc = crc32c({out + 4, journal_mark_bytes - 4});
  std::memcpy(out, &crc, 4);
  txn_.put(table_epochs, key_journal, {out, journal_mark_bytes});
}

}  // namespace troupe::persistence

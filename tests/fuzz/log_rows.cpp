/// The rows of the log in LMDB: records, epochs, journal mark (persistence/lmdb_log). Whatever stands in them, opening and
/// reading give the records as they were written, or a storage_error that names the file or the record: a damaged record
/// is never handed out nor passed over. What was read can be written on, and is there the next time.
///
/// The input: modes; the row of the epochs and the journal's mark, each sealed, with one byte changed, or as it is; then
/// records: where, and their value in the same three ways.

#include "persistence/crc32c.hpp"
#include "persistence/log_writer.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/memory_medium.hpp"

namespace {

using namespace troupe;
using namespace troupe::persistence;

const std::filesystem::path directory = "/d/log";

template <class T>
void put(std::string& to, std::size_t at, T number) {
  std::memcpy(to.data() + at, &number, sizeof number);
}
std::string sealed(std::string bytes) {
  put(bytes, 0, crc32c(std::string_view(bytes).substr(4)));
  return bytes;
}
zxid_t small_zxid(std::uint8_t packed) { return make_zxid(packed >> 5, packed & 31); }

/// As it was written, or not quite.
std::string damaged(fuzz::input& in, std::string bytes, bool changed) {
  if (!changed || bytes.empty()) return bytes;
  auto at = in.u8() % bytes.size();
  bytes[at] = static_cast<char>(bytes[at] ^ in.u8());
  return bytes;
}

std::string epochs(fuzz::input& in) {
  std::string out(epochs_bytes, '\0');
  put<std::uint32_t>(out, 4, in.u8()), put<std::uint32_t>(out, 8, in.u8());
  put(out, 16, small_zxid(in.u8())), put(out, 24, small_zxid(in.u8()));
  return sealed(out);
}
std::string mark(fuzz::input& in) {
  std::string out(journal_mark_bytes, '\0');
  put<std::uint64_t>(out, 8, in.u8()), put<std::uint64_t>(out, 16, in.u8()), put<std::uint64_t>(out, 24, in.u64());
  return sealed(out);
}
std::string record(zxid_t own, std::string_view payload) {
  std::string out(record_header_bytes, '\0');
  put(out, 4, static_cast<std::uint32_t>(payload.size())), put(out, 8, own);
  return sealed(out.append(payload));
}

/// Payloads of the records that are as they were written.
std::map<zxid_t, std::string> place_records(fuzz::input& in, fuzz::rows& records) {
  std::map<zxid_t, std::string> whole;
  zxid_t next = make_zxid(1, 1);
  for (int n = 0; !in.empty() && n < 32; ++n) {
    auto packed = in.u8();
    auto zxid = packed & 1 ? small_zxid(in.u8()) : next;
    if ((packed & 6) == 6) zxid = in.i64();
    next = zxid == INT64_MAX ? 0 : zxid + 1;
    auto own = packed & 8 ? small_zxid(in.u8()) : zxid;
    auto payload = in.string();
    auto written = record(own, payload);
    auto stored = packed & 16 ? std::string(payload) : damaged(in, written, packed & 32);
    whole.erase(zxid);
    if (stored == record(zxid, payload)) whole[zxid] = payload;
    records[static_cast<std::uint64_t>(zxid)] = std::move(stored);
  }
  return whole;
}

log_records read_all(lmdb_log& log, std::size_t pieces) {
  log_records out;
  auto at = log.state().base;
  for (;;) {
    auto r = log.read(at, pieces);
    FUZZ_CHECK(r.position == at);
    FUZZ_CHECK(r.at_end || !r.records.empty());
    for (auto& one : r.records) {
      FUZZ_CHECK(follows(at, one.zxid), zxid_text(one.zxid));
      at = one.zxid, out.push_back(one);
    }
    if (r.at_end) break;
  }
  FUZZ_CHECK(at == log.state().last);
  return out;
}

bool named(std::string_view why) { return why.find("data.mdb") != why.npos || why.find("high-water") != why.npos; }

void fuzz_one(std::string_view bytes) {
  fuzz::input in(bytes);
  fuzz::memory_medium disk;
  auto& tables = disk.tables[directory];
  auto modes = in.u8();
  auto row = [&](std::uint64_t key, unsigned how, std::string (*build)(fuzz::input&)) {
    if (how & 1) tables[table_epochs][key] = how & 2 ? std::string(in.string()) : damaged(in, build(in), how & 4);
  };
  row(key_epochs, modes, epochs);
  row(key_journal, modes >> 3, mark);
  if (!(modes & 0x40)) {
    auto acknowledged = in.u8();
    high_water(directory, disk).raise({small_zxid(acknowledged), 1, 1});
  }
  auto whole = place_records(in, tables[table_records]);
  const lmdb_log_settings settings{directory, 1 << 20, (modes & 0x80) != 0};
  log_records found;
  try {
    lmdb_log log(settings, disk);
    auto s = log.state();
    FUZZ_CHECK(s.base <= s.last);
    found = read_all(log, 1 + (modes & 0x3f) * 4);
    for (auto& r : found)
      FUZZ_CHECK(whole.contains(r.zxid) && whole[r.zxid] == r.payload.view(), "no such record: " + zxid_text(r.zxid));
    std::vector<zab::persist_op> ops;
    if (found.size() > 2) {
      log.trim(found.front().zxid);
      found.erase(found.begin());
      ops.push_back(zab::truncate_after{found[found.size() - 2].zxid});
      found.pop_back();
    }
    auto next = log_record{(found.empty() ? log.state().base : found.back().zxid) + 1, shared_bytes::copy_of("more")};
    if (!follows(next.zxid - 1, next.zxid)) return;  // the last of its epoch
    found.push_back(next);
    ops.push_back(zab::append_records{{next}});
    log.write(ops);
  } catch (const storage_error& e) {
    FUZZ_CHECK(named(e.what()), e.what());
    return;
  }
  lmdb_log again(settings, disk);
  auto now = read_all(again, 1 << 20);
  FUZZ_CHECK(now.size() == found.size());
  for (std::size_t i = 0; i < now.size(); ++i)
    FUZZ_CHECK(now[i].zxid == found[i].zxid && now[i].payload.view() == found[i].payload.view());
}

}  // namespace

TROUPE_FUZZER(log_rows);

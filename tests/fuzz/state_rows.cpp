/// The rows of a checkpoint in LMDB and the record of what they amount to (persistence/lmdb_state). Whatever stands in
/// them, opening and loading give a whole tree, or a storage_error that names the file; a row that is damaged, lost or
/// outdated is never loaded. What is loaded can be written on, given to a learner in chunks, and is the same there.
///
/// The input: modes; the record's fields or its bytes; then rows: table, key, a value of packed fields or raw, sealed,
/// or with one byte changed afterwards.

#include "persistence/checkpoint_record.hpp"
#include "persistence/lmdb_state.hpp"
#include "tests/fuzz/checkpoint_entry.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/memory_medium.hpp"
#include "tests/fuzz/tables.hpp"
#include "tests/fuzz/without_stacks.hpp"

namespace {

using namespace troupe;
using namespace troupe::persistence;

const std::filesystem::path directory = "/d/state", learner = "/e/state";
constexpr std::size_t map_size = 1 << 20;

/// False: some row is not as it was written.
bool place_rows(fuzz::input& in, fuzz::table_set& tables) {
  std::uint64_t serial = 0;
  for (int n = 0; !in.empty() && n < 50; ++n) {
    auto packed = in.u8();
    auto where = static_cast<tree::table>(packed & 3);
    std::uint64_t key = where == tree::table::nodes && !(packed & 4) ? ++serial : in.u8();
    if (packed & 8) key = in.u64();
    auto value = packed & 16 ? std::string(in.string()) : fuzz::entry_value(in, where);
    std::string stored(sealed_header_bytes + value.size(), '\0');
    seal(where, key, value, stored.data());
    if (packed & 32) stored[in.u16() % stored.size()] ^= static_cast<char>(in.u8());
    if (packed & 64) stored.resize(in.u8() % (stored.size() + 1));
    tables[static_cast<std::size_t>(where)][key] = std::move(stored);
  }
  for (auto t : table_order)
    for (auto& [key, stored] : tables[static_cast<std::size_t>(t)])
      if (!unseal(t, key, stored)) return false;
  return true;
}

state_sum sum_of(fuzz::table_set& tables) {
  state_sum out;
  for (auto t : table_order)
    for (auto& [key, stored] : tables[static_cast<std::size_t>(t)])
      if (stored.size() >= sealed_header_bytes) out.add(t, key, stored);
  return out;
}

/// In chunks, to another node.
std::unique_ptr<tree::database> passed_on(lmdb_state& from, fuzz::memory_medium& disk) {
  lmdb_state to(learner, map_size, disk);
  for (std::uint32_t i = 0;; ++i) {
    auto chunk = from.read_chunk(i, 64);
    FUZZ_CHECK(chunk.index == i && chunk.zxid == from.zxid());
    FUZZ_CHECK(to.install_chunk(chunk) == chunk.last);
    if (chunk.last) break;
  }
  FUZZ_CHECK(to.zxid() == from.zxid() && to.installed());
  return to.load();
}

void fuzz_one(std::string_view bytes) {
  fuzz::without_stacks quiet;
  fuzz::input in(bytes);
  fuzz::memory_medium disk;
  auto& tables = disk.tables[directory];
  auto modes = in.u8();
  auto zxid = static_cast<zxid_t>(in.u8());
  state_sum other{in.u8(), in.u64()};
  auto raw = modes & 4 ? std::string(in.string()) : std::string();
  auto whole = place_rows(in, tables);
  auto sum = sum_of(tables);
  auto same = !(modes & 2) || other == sum;
  if (modes & 1) {
    auto record = encode(checkpoint_record{zxid, (modes & 8) != 0, modes & 2 ? other : sum});
    std::string stored(record.data(), record.size());
    if (modes & 16) stored[in.u8() % stored.size()] ^= 1;
    tables[table_count][0] = modes & 4 ? raw : stored;
    same = same && !(modes & 4), whole = whole && (modes & 4 || !(modes & 16));
  }
  try {
    lmdb_state state(directory, map_size, disk);
    FUZZ_CHECK(!(modes & 1) || !(modes & 16) || (modes & 4));
    auto db = state.load();
    if (state.zxid() == 0) return;  // there is no checkpoint: nothing was loaded
    FUZZ_CHECK(whole && (same || (modes & 4)));
    fuzz::check_tree(*db);
    fuzz::check_same(*db, *passed_on(state, disk));
    state.write(db->take_delta());
    lmdb_state again(directory, map_size, disk);
    FUZZ_CHECK(again.zxid() == state.zxid());
    fuzz::check_same(*db, *again.load());
  } catch (const storage_error& e) {
    FUZZ_CHECK(std::string_view(e.what()).find("data.mdb") != std::string_view::npos, e.what());
  }
}

}  // namespace

TROUPE_FUZZER(state_rows);

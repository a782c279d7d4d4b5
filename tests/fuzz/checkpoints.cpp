/// Entries of a checkpoint, as they come from a leader in chunks (records.capnp StateChunk) or from our own disk. What
/// cannot be right must be refused with a std::runtime_error; what is taken must be a whole tree, of which another
/// checkpoint can be taken and loaded.
///
/// The input: one byte of modes; then a chunk as it is, or entries: table, key and value, the latter raw or packed.

#include <deque>

#include "persistence/state_chunk.hpp"
#include "tests/fuzz/checkpoint_entry.hpp"
#include "tests/fuzz/tables.hpp"
#include "tests/fuzz/without_stacks.hpp"

namespace {

using namespace troupe;
using persistence::stored_entry;

/// Chunks that are whole, so that what is in them is what gets looked at.
shared_bytes read_entries(fuzz::input& in) {
  std::deque<std::string> kept;
  std::vector<stored_entry> entries;
  std::uint64_t serial = 0;
  while (!in.empty() && entries.size() < 100) {
    auto packed = in.u8();
    auto where = static_cast<tree::table>(packed & 3);
    std::uint64_t key = where == tree::table::nodes && !(packed & 4) ? ++serial : in.u8();
    if (packed & 8) key = in.u64();
    auto value = packed & 16 ? std::string(in.string()) : fuzz::entry_value(in, where);
    auto& stored = kept.emplace_back(persistence::sealed_header_bytes + value.size(), '\0');
    persistence::seal(where, key, value, stored.data());
    entries.push_back({where, key, stored});
  }
  return persistence::build_chunk(entries);
}

void fuzz_one(std::string_view bytes) {
  fuzz::without_stacks quiet;
  fuzz::input in(bytes);
  auto modes = in.u8();
  auto chunk = modes & 1 ? shared_bytes::copy_of(in.rest()) : read_entries(in);
  tree::database db;
  try {
    persistence::for_each_entry(chunk, [&](const stored_entry& e) {
      db.load({e.where, e.key, std::string(e.stored.substr(persistence::sealed_header_bytes))});
    });
    db.loaded(7);
  } catch (const std::runtime_error& e) {
    FUZZ_CHECK(*e.what() != '\0');
    return;
  }
  fuzz::check_tree(db);
}

}  // namespace

TROUPE_FUZZER(checkpoints);

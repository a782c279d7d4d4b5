#include <capnp/message.h>
#include <capnp/serialize.h>

#include <cstring>
#include <random>

#include "disk_faults.hpp"
#include "fixture.hpp"
#include "persistence/crc32c.hpp"
#include "persistence/file_io.hpp"
#include "persistence/lmdb_state.hpp"
#include "persistence/memory_store.hpp"

using namespace troupe;
using namespace troupe::persistence;

namespace {

// A database after a create of each of /n<from> ... /n<to>, and one session.
void grow(tree::database& db, std::uint32_t from, std::uint32_t to) {
  std::vector<tree::applied_change> out;
  for (auto i = from; i <= to; ++i) {
    capnp::MallocMessageBuilder message;
    auto txn = message.initRoot<wire::Transaction>();
    txn.setTimeMs(1000 + i);
    auto change = txn.initChanges(1)[0];
    if (i == 1) {
      auto open = change.initOpenSession();
      change.setOp(static_cast<std::int32_t>(zk::op::create_session));
      open.setSession(0x1234), open.setTimeoutMs(4000);
    } else {
      change.setOp(static_cast<std::int32_t>(zk::op::create));
      change.setPath("/n" + std::to_string(i));
      auto create = change.initCreate();
      auto data = payload_of(i, 60);
      create.setData({reinterpret_cast<const kj::byte*>(data.data()), data.size()});
      create.setParentCreates(static_cast<std::int32_t>(i));
    }
    db.apply(make_zxid(1, i), txn.asReader(), out);
  }
}

void check_same(const tree::database& a, const tree::database& b) {
  CHECK(a.zxid() == b.zxid());
  CHECK(a.node_count() == b.node_count());
  CHECK(a.data_size() == b.data_size());
  CHECK(a.session_count() == b.session_count());
  for (auto path : {"/n2", "/n50", "/n100"}) {
    auto *x = a.find(path), *y = b.find(path);
    CHECK((x != nullptr) == (y != nullptr));
    if (x && y) CHECK(a.data_of(*x) == b.data_of(*y));
  }
}

std::vector<zab::snap_chunk> all_chunks(state_store& from, std::size_t max_bytes) {
  std::vector<zab::snap_chunk> out;
  do out.push_back(from.read_chunk(static_cast<std::uint32_t>(out.size()), max_bytes));
  while (!out.back().last);
  return out;
}

void check_contract(state_store& giver, state_store& taker) {
  CHECK(giver.zxid() == 0);
  CHECK(giver.load()->zxid() == 0);
  tree::database db;
  grow(db, 1, 50);
  giver.write(db.take_delta());
  CHECK(giver.zxid() == make_zxid(1, 50));
  check_same(*giver.load(), db);
  grow(db, 51, 100);
  giver.write(db.take_delta());
  check_same(*giver.load(), db);

  auto chunks = all_chunks(giver, 2000);
  CHECK(chunks.size() > 5);
  CHECK_MESSAGE(giver.read_chunk(1, 2000).chunk.view() == chunks[1].chunk.view(), "another learner may be behind");
  for (std::size_t cut = 0; cut < chunks.size(); ++cut) {  // interrupted at every chunk
    for (std::size_t i = 0; i < cut; ++i) CHECK(!taker.install_chunk(chunks[i]));
    CHECK(taker.zxid() == 0);
  }
  for (auto& c : chunks) CHECK(taker.install_chunk(c) == c.last);
  CHECK(taker.zxid() == db.zxid());
  check_same(*taker.load(), db);

  CHECK(has(refusal([&] { taker.install_chunk(chunks[1]); }), "chunk"));
  taker.install_chunk(chunks[0]);
  CHECK(has(refusal([&] { taker.install_chunk(chunks[2]); }), "chunk"));
  taker.install_chunk(chunks[0]);
  CHECK(has(refusal([&] {
              auto again = chunks[0];
              again.index = 1;
              taker.install_chunk(again);
            }),
            zxid_text(db.zxid())));
  for (std::size_t at = 0; at < chunks[0].chunk.size(); at += 97) {
    auto spoilt = std::string(chunks[0].chunk.view());
    spoilt[at] = static_cast<char>(spoilt[at] ^ 0x10);
    auto bad = chunks[0];
    bad.chunk = shared_bytes::copy_of(spoilt);
    try {
      taker.install_chunk(bad);  // padding and unused bits are not covered by anything
    } catch (const storage_error&) {
    }
  }
  check_same(*taker.load(), db);
}

constexpr auto sessions = static_cast<std::size_t>(tree::table::sessions);

std::string session_row(std::int32_t timeout_ms) {
  capnp::MallocMessageBuilder message;
  message.initRoot<wire::StateSession>().setTimeoutMs(timeout_ms);
  auto words = capnp::messageToFlatArray(message);
  auto bytes = words.asChars();
  return {bytes.begin(), bytes.size()};
}

/// A checkpoint of 50 transactions.
void write_one(const scratch& dir) {
  tree::database db;
  grow(db, 1, 50);
  lmdb_state(dir.path, 1 << 30).write(db.take_delta());
}

/// Changes rows as a device would that loses or misplaces pages. Nothing has the checkpoint open.
template <class F>
void behind_its_back(const scratch& dir, F&& change) {
  auto tables = system_medium().open_tables(dir.path, 1 << 30, {"meta", "nodes", "sessions", "acls", "checkpoint"});
  auto txn = tables->begin(table_txn::mode::write);
  change(*txn);
  txn->commit();
}

}  // namespace

TEST_CASE("the checkpoint in LMDB keeps what state_store promises") {
  scratch a, b;
  lmdb_state giver(a.path, 1 << 30), taker(b.path, 1 << 30);
  check_contract(giver, taker);
}

TEST_CASE("the checkpoint in memory keeps what state_store promises") {
  memory_state giver, taker;
  check_contract(giver, taker);
}

TEST_CASE("a checkpoint that is opened again is the last that was written, and knows whether it was installed") {
  scratch a, b;
  tree::database db;
  grow(db, 1, 40);
  {
    lmdb_state state(a.path, 1 << 20), other(b.path, 1 << 20);
    state.write(db.take_delta());
    for (auto& c : all_chunks(state, 1000)) other.install_chunk(c);
  }
  lmdb_state state(a.path, 1 << 20), other(b.path, 1 << 20);
  check_same(*state.load(), db);
  check_same(*other.load(), db);
  CHECK(!state.installed());
  CHECK(other.installed());
  grow(db, 41, 42);
  other.write(db.take_delta());
  CHECK(!other.installed());
}

TEST_CASE("an erased entry is gone from the checkpoint") {
  scratch dir;
  lmdb_state state(dir.path, 1 << 30);
  state.write({.zxid = 5, .entries = {{tree::table::sessions, 7, "12345678"}, {tree::table::sessions, 8, "12345678"}}});
  auto before = state.read_chunk(0, 1000);
  state.write({.zxid = 6, .entries = {{tree::table::sessions, 7, ""}, {tree::table::sessions, 9, ""}}});
  int count = 0;
  for_each_entry(state.read_chunk(0, 1000).chunk, [&](const stored_entry& e) {
    ++count;
    CHECK(e.key == 8);
  });
  CHECK(count == 1);
}

TEST_CASE("a checkpoint entry in which one bit flipped is refused by its table and key") {
  scratch dir;
  {
    lmdb_state state(dir.path, 1 << 30);
    tree::database db;
    grow(db, 1, 50);
    state.write(db.take_delta());
  }
  auto file = dir.path / "data.mdb";
  auto at = slurp(file).find(payload_of(33, 0));
  REQUIRE(at != std::string::npos);
  overwrite(file, at, "#");
  lmdb_state state(dir.path, 1 << 30);
  auto text = refusal([&] { state.load(); });
  CHECK(has(text, "of table 1 is damaged"));
  CHECK(has(text, file.string()));
}

TEST_CASE("a checkpoint that lost a row that nothing refers to is refused, in each table") {
  for (auto where : {tree::table::meta, tree::table::nodes, tree::table::sessions}) {
    CAPTURE(static_cast<int>(where));
    scratch dir;
    write_one(dir);
    behind_its_back(dir, [&](table_txn& txn) {
      auto c = txn.cursor(static_cast<std::size_t>(where));
      REQUIRE(c->last());
      c->erase();
    });
    lmdb_state state(dir.path, 1 << 30);
    auto text = refusal([&] { state.load(); });
    CHECK(has(text, "the rows of the checkpoint are"));
    CHECK(has(text, (dir.path / "data.mdb").string()));
    CHECK(has(text, resynchronise_advice));
  }
}

TEST_CASE("a checkpoint in which a row is as it was before the last write is refused") {
  scratch dir;
  lmdb_state(dir.path, 1 << 30).write({.zxid = 5, .entries = {{tree::table::sessions, 7, session_row(4000)}}});
  std::string old;
  behind_its_back(dir, [&](table_txn& txn) { old = *txn.get(sessions, 7); });
  lmdb_state(dir.path, 1 << 30).write({.zxid = 6, .entries = {{tree::table::sessions, 7, session_row(5000)}}});
  behind_its_back(dir, [&](table_txn& txn) { txn.put(sessions, 7, old); });
  lmdb_state state(dir.path, 1 << 30);
  CHECK(has(refusal([&] { state.load(); }), "are 1, as they should be, but not the same ones"));
}

TEST_CASE("a checkpoint in which an erased row is back is refused, and is not given to a learner") {
  scratch dir;
  lmdb_state(dir.path, 1 << 30).write({.zxid = 5, .entries = {{tree::table::sessions, 7, session_row(4000)}}});
  std::string old;
  behind_its_back(dir, [&](table_txn& txn) { old = *txn.get(sessions, 7); });
  lmdb_state(dir.path, 1 << 30).write({.zxid = 6, .entries = {{tree::table::sessions, 7, ""}}});
  behind_its_back(dir, [&](table_txn& txn) { txn.put(sessions, 7, old); });
  CHECK(has(refusal([&] { lmdb_state(dir.path, 1 << 30).load(); }), "are 1, should be 0"));
  CHECK(has(refusal([&] { lmdb_state(dir.path, 1 << 30).read_chunk(0, 1000); }), "are 1, should be 0"));
}

TEST_CASE("a learner gets no last chunk of a checkpoint that lacks a row of an earlier one") {
  scratch dir;
  write_one(dir);
  behind_its_back(dir, [&](table_txn& txn) { REQUIRE(txn.erase(static_cast<std::size_t>(tree::table::nodes), 33)); });
  lmdb_state state(dir.path, 1 << 30);
  CHECK(has(refusal([&] { all_chunks(state, 1000); }), "the rows of the checkpoint are"));
}

TEST_CASE("rows of a checkpoint without the record of its zxid are refused") {
  scratch dir;
  write_one(dir);
  behind_its_back(dir, [&](table_txn& txn) { REQUIRE(txn.erase(table_count, 0)); });
  CHECK(has(refusal([&] { lmdb_state(dir.path, 1 << 30); }), "not the record of its zxid"));
}

TEST_CASE("an installed checkpoint that lost a row is refused") {
  scratch a, b;
  write_one(a);
  {
    lmdb_state giver(a.path, 1 << 30), taker(b.path, 1 << 30);
    for (auto& c : all_chunks(giver, 1000)) taker.install_chunk(c);
  }
  CHECK_NOTHROW(lmdb_state(b.path, 1 << 30).load());
  behind_its_back(b, [&](table_txn& txn) { REQUIRE(txn.erase(sessions, 0x1234)); });
  CHECK(has(refusal([&] { lmdb_state(b.path, 1 << 30).load(); }), "the rows of the checkpoint are"));
}

TEST_CASE("a checkpoint of a release without the sum loads, and has one after the next write, loaded before or not") {
  for (bool loaded : {true, false}) {
    CAPTURE(loaded);
    scratch dir;
    tree::database db;
    grow(db, 1, 50);
    lmdb_state(dir.path, 1 << 30).write(db.take_delta());
    behind_its_back(dir, [&](table_txn& txn) {
      std::string record(*txn.get(table_count, 0));
      REQUIRE(record.size() == checkpoint_record_bytes);
      record.resize(checkpoint_record_bytes_without_sum);
      auto crc = crc32c(std::string_view(record).substr(4));
      std::memcpy(record.data(), &crc, 4);
      txn.put(table_count, 0, record);
    });
    {
      lmdb_state state(dir.path, 1 << 30);
      CHECK(state.zxid() == db.zxid());
      CHECK_FALSE(all_chunks(state, 1000).empty());
      if (loaded) check_same(*state.load(), db);
      grow(db, 51, 60);
      state.write(db.take_delta());
    }
    check_same(*lmdb_state(dir.path, 1 << 30).load(), db);
    behind_its_back(dir, [&](table_txn& txn) { REQUIRE(txn.erase(sessions, 0x1234)); });
    CHECK(has(refusal([&] { lmdb_state(dir.path, 1 << 30).load(); }), "the rows of the checkpoint are"));
  }
}

TEST_CASE("what the rows amount to is right after any row of writes: new rows, changed, erased, twice in one write") {
  scratch dir;
  std::mt19937_64 draw(7);
  std::optional<lmdb_state> state(std::in_place, dir.path, 1 << 30);
  for (zxid_t zxid = 1; zxid <= 200; ++zxid) {
    tree::state_delta delta{.zxid = zxid, .entries = {}};
    for (auto n = draw() % 8; n; --n) {
      auto where = static_cast<tree::table>(draw() % table_count);
      delta.entries.push_back({where, draw() % 20, draw() % 3 ? std::string(draw() % 30 + 1, 'x') : std::string()});
    }
    state->write(delta);
    if (zxid % 5 == 0) state.emplace(dir.path, 1 << 30);
    CHECK_NOTHROW(all_chunks(*state, 100));  // the last one is given only if the sum is right
  }
}

TEST_CASE("a checkpoint stops for good at the first failed sync, and the former one is there after a restart") {
  scratch dir;
  tree::database db;
  grow(db, 1, 20);
  {
    lmdb_state state(dir.path, 1 << 30);
    state.write(db.take_delta());
    grow(db, 21, 40);
    reset_faults();
    faults().fail_sync = 0;
    auto delta = db.take_delta();
    CHECK_THROWS_AS(state.write(delta), storage_error);
    CHECK_THROWS_AS(state.write(delta), storage_error);
    CHECK_THROWS_AS(state.load(), storage_error);
    reset_faults();
  }
  lmdb_state state(dir.path, 1 << 30);
  CHECK(state.zxid() == make_zxid(1, 20));
  CHECK(state.load()->zxid() == make_zxid(1, 20));
}

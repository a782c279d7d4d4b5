#include <capnp/message.h>
#include <capnp/serialize.h>

#include "disk_faults.hpp"
#include "fixture.hpp"
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

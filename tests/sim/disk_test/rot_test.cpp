// Bytes that change on the disk: refused, or harmless, but never a log that is shorter or other than was acknowledged.
#include "fixture.hpp"

using namespace troupe;
using namespace troupe::sim;

namespace {

// A disk on which the first steps were done by a node that was killed.
void run_and_kill(disk& d, const persistence::storage_settings& settings, std::size_t steps) {
  auto s = open_storage(d, settings);
  for (std::size_t i = 0; i < steps; ++i) script()[i].run(*s.log, *s.state);
  d.process_crash();
}

}  // namespace

TEST_CASE("rot anywhere is refused or harmless, whatever it hits") {
  std::map<std::string, int> refused, harmless;
  for (auto journal_bytes : {8192u, 65536u})
    for (std::size_t steps = 1; steps <= script().size(); ++steps)
      for (int place = 0; place < 6; ++place)
        for (int kind = 0; kind < (static_cast<rot_place>(place) == rot_place::checkpoint ? 5 : 3); ++kind) {
          seeded_disk x(steps * 100 + static_cast<std::uint64_t>(place * 10 + kind));
          auto settings = node_with(journal_bytes);
          run_and_kill(x.d, settings, steps);
          auto hit = x.d.rot(static_cast<rot_place>(place), static_cast<rot_kind>(kind));
          if (hit.empty()) continue;
          CAPTURE(steps);
          CAPTURE(hit);
          std::string differs;
          auto text = refusal([&] {
            auto s = open_storage(x.d, settings);
            differs = difference(s, states()[steps]);
          });
          REQUIRE(differs == "");
          auto file = hit.substr(0, hit.find_first_of(",:"));
          ++(text.empty() ? harmless : refused)[file];
          if (!text.empty()) REQUIRE(has(text, "move the data directory away"));
        }
  for (std::string file : {"journal", "log/data.mdb", "state/data.mdb", "high-water", "identity"}) {
    CAPTURE(file);
    CHECK(refused[file] > 0);
  }
  for (std::string file : {"journal", "log/data.mdb", "high-water", "identity"}) {
    CAPTURE(file);
    CHECK(harmless[file] > 0);
  }
}

TEST_CASE("a rotten last block is taken for a torn one only if a power cut lost the high-water mark too") {
  auto settings = node_with(65536);
  std::size_t shorter = 0, refused = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    seeded_disk x(seed);
    auto writes = 1 + seed % 9;
    {
      auto s = open_storage(x.d, settings);
      establish(*s.log, 1);
      for (std::uint32_t i = 1; i <= writes; ++i) write(*s.log, {records(1, 2 * i - 1, 2 * i)});
    }
    // The stores were closed in order, so that LMDB has it all: write once more without.
    zxid_t before = make_zxid(1, static_cast<std::uint32_t>(2 * writes)), last = 0;
    auto s = open_storage(x.d, settings);
    for (std::uint32_t i = 1; i <= writes; ++i) {
      before = s.log->state().last;
      write(*s.log, {records(1, counter_of(before) + 1, counter_of(before) + 2)});
    }
    last = s.log->state().last;
    x.d.power_cut(unsynced::lose);
    x.d.rot(rot_place::journal, seed % 2 ? rot_kind::flip_bit : rot_kind::zero_sector);
    zxid_t found = 0;
    auto text = refusal([&] {
      auto again = open_storage(x.d, settings);
      found = again.log->state().last;
      for (auto& r : again.log->read(0, SIZE_MAX).records)
        REQUIRE(r.payload.view() == payload_of(r.zxid, r.payload.size()));
    });
    if (!text.empty()) {
      ++refused;
      continue;
    }
    REQUIRE((found == last || found == before));
    shorter += found == before;
  }
  CHECK(shorter > 3);
  CHECK(refused > 30);
}

TEST_CASE("a log whose newest commit is lost is refused, or has it all from its journal") {
  std::size_t refused = 0, repaired = 0;
  for (auto journal_bytes : {8192u, 65536u})
    for (std::size_t steps = 1; steps <= script().size(); ++steps) {
      CAPTURE(steps);
      CAPTURE(script()[steps - 1].name);
      seeded_disk x(steps);
      auto settings = node_with(journal_bytes);
      run_and_kill(x.d, settings, steps);
      if (x.d.lose_newest_log_commit().empty()) continue;
      CHECK(x.d.lose_newest_log_commit() == "");
      std::string differs;
      auto text = refusal([&] {
        auto s = open_storage(x.d, settings);
        // A truncation may come back: nothing was acknowledged that builds on it (high_water.hpp).
        differs = difference(s, states()[script()[steps - 1].name == "truncate" ? steps - 1 : steps]);
      });
      CHECK(differs == "");
      ++(text.empty() ? repaired : refused);
    }
  CHECK(refused > 20);
  CHECK(repaired > 3);
}

TEST_CASE("a lost commit is not bridged by a block of the next epoch, which follows on any record") {
  seeded_disk x(1);
  auto settings = node_with(65536);
  auto s = open_storage(x.d, settings);
  establish(*s.log, 1);
  write(*s.log, {records(1, 1, 3)});
  s.log->read(0, SIZE_MAX);  // now nothing waits in the journal
  // As a learner is synchronised: past the journal.
  write(*s.log, {zab::set_accepted_epoch{2}});
  write(*s.log, {records(1, 4, 6), zab::set_current_epoch{2}});
  write(*s.log, {records(2, 1, 2)});
  x.d.power_cut(unsynced::lose);  // the high-water mark too
  REQUIRE(x.d.lose_newest_log_commit() != "");
  CHECK(has(refusal([&] { open_storage(x.d, settings); }), "journal, byte 0: the block of sequence "));
}

TEST_CASE("a record that is missing from LMDB is refused, the last one too") {
  std::size_t refused = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    auto steps = 1 + seed % script().size();
    seeded_disk x(seed);
    run_and_kill(x.d, node_with(8192), steps);
    auto hit = x.d.rot(rot_place::log_record, rot_kind::lose_row);
    CAPTURE(hit);
    std::string differs;
    auto text = refusal([&] {
      auto s = open_storage(x.d, node_with(8192));
      differs = difference(s, states()[steps]);
    });
    CHECK(differs == "");
    refused += !text.empty();
  }
  CHECK(refused > 100);
}

TEST_CASE("a checkpoint of which a row is lost, or is as it was before the newest commit, is refused") {
  std::map<rot_kind, int> hits;
  for (auto kind : {rot_kind::lose_row, rot_kind::old_row})
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
      CAPTURE(seed);
      seeded_disk x(seed);
      run_and_kill(x.d, small_storage(1), 1 + seed % script().size());
      auto hit = x.d.rot(rot_place::checkpoint, kind);
      if (hit.empty()) continue;
      CAPTURE(hit);
      ++hits[kind];
      CHECK(has(refusal([&] { open_storage(x.d, small_storage(1)); }), "move the data directory away"));
    }
  CHECK(hits[rot_kind::lose_row] > 100);
  CHECK(hits[rot_kind::old_row] > 100);
}

TEST_CASE("a checkpoint store that went one commit back is refused unless the log reaches back to what it has") {
  std::size_t refused = 0, older = 0;
  for (std::size_t steps = 1; steps <= script().size(); ++steps) {
    CAPTURE(steps);
    seeded_disk x(steps);
    run_and_kill(x.d, small_storage(1), steps);
    if (x.d.lose_newest_checkpoint_commit().empty()) continue;
    auto text = refusal([&] {
      auto s = open_storage(x.d, small_storage(1));
      CHECK(s.state->zxid() < states()[steps].state.zxid());
      CHECK(s.state->zxid() >= s.log->state().base);
      CHECK(s.log->state().last == states()[steps].log.state().last);
      ++older;
    });
    refused += !text.empty();
  }
  CHECK(refused > 5);
  CHECK(older > 3);
}

TEST_CASE("an old backup and an empty disk open as what they are") {
  seeded_disk x(1);
  run_and_kill(x.d, small_storage(1), 10);
  auto old = x.d.backup();
  {
    auto s = open_storage(x.d, small_storage(1));
    CHECK_THROWS_AS(x.d.wipe(), std::logic_error);
    CHECK_THROWS_AS(x.d.restore(old), std::logic_error);
    for (std::size_t i = 10; i < 20; ++i) script()[i].run(*s.log, *s.state);
  }
  x.d.restore(old);
  {
    auto s = open_storage(x.d, small_storage(1));
    CHECK(difference(s, states()[10]) == "");
  }
  x.d.wipe();
  auto s = open_storage(x.d, small_storage(1));
  CHECK(difference(s, states()[0]) == "");
}

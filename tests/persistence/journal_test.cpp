// What a crash leaves of a log with a journal, and what of that is refused.
#include <algorithm>

#include "disk_faults.hpp"
#include "fixture.hpp"

using namespace troupe;
using namespace troupe::persistence;

namespace {

constexpr std::size_t sector = 512;

/// The files as a crash would leave them at this moment: what the kernel has, while the log is in use.
struct image {
  std::string data, journal, high_water;
  explicit image(const std::filesystem::path& directory)
      : data(slurp(directory / "data.mdb")),
        journal(slurp(directory / "journal")),
        high_water(slurp(directory / "high-water")) {}
  void restore(const std::filesystem::path& directory) const {
    for (auto [name, bytes] : {std::pair{"data.mdb", &data}, {"journal", &journal}, {"high-water", &high_water}})
      std::ofstream(directory / name, std::ios::binary | std::ios::trunc) << *bytes;
  }
};

std::uint32_t counter(const log_store& log) { return counter_of(log.state().last); }

// Opens what a crash left, reads all of it, goes on writing, opens it once more. Returns the counter of its last
// record.
std::uint32_t recovered(const image& left) {
  scratch dir;
  left.restore(dir.path);
  std::uint32_t last = 0;
  for (int round = 0; round < 2; ++round) {
    journaled_log log(small_journal(dir.path));
    if (round == 0) last = counter(log);
    REQUIRE(counter(log) == last + static_cast<std::uint32_t>(round));
    auto found = log.read(0, 100 << 20);
    REQUIRE(found.at_end);
    REQUIRE(found.records.size() == counter(log));
    for (auto& r : found.records) REQUIRE(r.payload.view() == payload_of(r.zxid, r.payload.size()));
    if (round == 0) write(log, {records(1, last + 1, last + 1)});
  }
  return last;
}

std::string refused(const image& left) {
  scratch dir;
  left.restore(dir.path);
  return refusal([&] { journaled_log log(small_journal(dir.path)); });
}

image image_with_journal(const image& other, std::string journal) {
  auto out = other;
  out.journal = std::move(journal);
  return out;
}

struct span_of_change {
  std::size_t from, to;
};
span_of_change change(const std::string& before, const std::string& after) {
  REQUIRE(before.size() == after.size());
  auto from =
      static_cast<std::size_t>(std::mismatch(before.begin(), before.end(), after.begin()).first - before.begin());
  auto to =
      static_cast<std::size_t>(before.rend() - std::mismatch(before.rbegin(), before.rend(), after.rbegin()).first);
  return {from / journal::alignment * journal::alignment,
          (to + journal::alignment - 1) / journal::alignment * journal::alignment};
}

}  // namespace

TEST_CASE("a write of records is one write and one sync of the journal, and a write beside it to the mark") {
  scratch dir;
  journaled_log log(small_journal(dir.path));
  establish(log, 1);
  auto ops = records(1, 1, 100);
  reset_faults();
  write(log, {ops});
  CHECK(faults().syncs == 1);
  CHECK(faults().writes == 2);
}

TEST_CASE("a crash at any moment leaves everything that was acknowledged, and each record once") {
  scratch dir;
  journaled_log log(small_journal(dir.path, 5 * journal::alignment));
  establish(log, 1);
  std::uint32_t next = 1;
  for (std::uint32_t i = 0; i < 30; ++i) {
    auto count = 1 + i * 7 % 11;
    write(log, {records(1, next, next + count - 1, 600)});
    next += count;
    CHECK(recovered(image(dir.path)) == next - 1);
    if (i % 10 == 5) write(log, {zab::set_accepted_epoch{2 + i}});
    if (i % 10 == 9) write(log, {});
    CHECK(recovered(image(dir.path)) == next - 1);
  }
}

TEST_CASE("a block that a crash tore leaves the log as it was before it, or with all of it") {
  scratch dir;
  journaled_log log(small_journal(dir.path));
  establish(log, 1);
  std::uint32_t next = 1;
  for (auto count : {3u, 1u, 9u, 2u}) {  // behind each other; the last two after a flush, over old blocks
    image before(dir.path);
    write(log, {records(1, next, next + count - 1, 900)});
    image after(dir.path);
    CAPTURE(next);
    auto block = change(before.journal, after.journal);
    for (auto at = block.from; at <= block.to; at += sector) {
      auto torn = before.journal;
      torn.replace(block.from, at - block.from, after.journal, block.from, at - block.from);
      auto whole = torn == after.journal;
      CHECK(recovered(image_with_journal(before, torn)) == (whole ? next + count - 1 : next - 1));
      if (at == block.to) break;
      // One sector of the block is missing: as it was before, or zeros, or one bit wrong.
      auto hole = after.journal;
      hole.replace(at, sector, before.journal, at, sector);
      if (hole != after.journal) CHECK(recovered(image_with_journal(before, hole)) == next - 1);
      auto used = hole != after.journal;
      hole = after.journal, hole.replace(at, sector, sector, '\0');
      if (hole != after.journal) CHECK(recovered(image_with_journal(before, hole)) == next - 1);
      hole = after.journal, hole[at + 5] = static_cast<char>(hole[at + 5] ^ 16);
      auto found = recovered(image_with_journal(before, hole));
      CHECK((found == next - 1 || (!used && found == next + count - 1)));
      // Acknowledged, so that it is no torn block.
      if (used) CHECK(has(refused(image_with_journal(after, hole)), "lost"));
    }
    next += count;
    if (count == 1) write(log, {});
  }
}

TEST_CASE("a block that rotted in front of whole ones is refused with its place") {
  scratch dir;
  journaled_log log(small_journal(dir.path));
  establish(log, 1);
  for (std::uint32_t i = 1; i <= 4; ++i) write(log, {records(1, i, i)});
  image left(dir.path);
  for (std::size_t block = 0; block < 3; ++block)
    for (std::size_t at : {0u, 5u, 9u, 17u, 30u, 100u}) {  // checksum, length, id, sequence, zxid, payload
      auto bytes = left.journal;
      auto place = block * journal::alignment + at;
      bytes[place] = static_cast<char>(bytes[place] ^ 1);
      auto spoilt = image_with_journal(left, bytes);
      spoilt.high_water.assign(image(dir.path).high_water);
      auto text = refused(spoilt);
      CHECK(has(text, "journal, byte " + std::to_string(block * journal::alignment)));
      CHECK(has(text, "damaged"));
      CHECK(has(text, "move the data directory away"));
    }
}

TEST_CASE("a last block that rotted is told from the high-water mark, with its place") {
  scratch dir;
  journaled_log log(small_journal(dir.path));
  establish(log, 1);
  write(log, {records(1, 1, 5)});
  write(log, {records(1, 6, 8)});
  image left(dir.path);
  left.journal[journal::alignment + 100] ^= 1;
  auto text = refused(left);
  CHECK(has(text, "lost 3 transactions"));
  CHECK(has(text, "journal, byte 4096"));
}

TEST_CASE("blocks that LMDB has already are not replayed, whether new ones stand in front of them or not") {
  scratch dir;
  journaled_log log(small_journal(dir.path));
  establish(log, 1);
  for (std::uint32_t i = 1; i <= 5; ++i) write(log, {records(1, i, i)});
  write(log, {});
  CHECK(recovered(image(dir.path)) == 5);
  write(log, {records(1, 6, 6)});
  CHECK(recovered(image(dir.path)) == 6);
  write(log, {zab::truncate_after{make_zxid(1, 2)}});
  CHECK(recovered(image(dir.path)) == 2);
}

TEST_CASE("an LMDB file that went back is repaired from the journal where it can be, and else refused") {
  scratch dir;
  journaled_log log(small_journal(dir.path));
  establish(log, 1);
  for (std::uint32_t i = 1; i <= 3; ++i) write(log, {records(1, i, i)});
  image before(dir.path);
  write(log, {});
  image flushed(dir.path);
  auto meta_pages = before.data.substr(0, 8192);
  flushed.data.replace(0, 8192, meta_pages);
  CHECK(recovered(flushed) == 3);
  write(log, {records(1, 4, 4)});
  image later(dir.path);
  later.data.replace(0, 8192, meta_pages);
  CHECK(has(refused(later), "journal, byte 0: the block of sequence 2 is damaged"));
}

TEST_CASE("a journal that is missing, cut off or another log's is refused") {
  scratch dir, other;
  journaled_log log(small_journal(dir.path)), theirs(small_journal(other.path));
  for (auto l : {&log, &theirs}) establish(*l, 1), write(*l, {records(1, 1, 4)});
  image left(dir.path);
  CHECK(has(refused(image_with_journal(left, image(other.path).journal)), "lost 4 transactions"));
  CHECK(has(refused(image_with_journal(left, left.journal.substr(0, 8192))), "has 8192 bytes instead of 65536"));
  scratch without;
  left.restore(without.path);
  std::filesystem::remove(without.path / "journal");
  CHECK(has(refusal([&] { journaled_log l(small_journal(without.path)); }), "journal: missing"));
}

TEST_CASE("a payload that holds the bytes of a block is not taken for one") {
  scratch dir, other;
  journaled_log theirs(small_journal(other.path));
  establish(theirs, 1);
  write(theirs, {records(1, 1, 1)});
  write(theirs, {records(1, 2, 2)});
  write(theirs, {records(1, 3, 3)});
  auto forged = slurp(other.path / "journal").substr(2 * journal::alignment, journal::alignment);
  // Its copies of the block, whose sequence is the one that comes next, stand where blocks do.
  std::string payload(journal::alignment - journal::header_bytes - journal::record_header_bytes, 'x');
  for (int i = 0; i < 3; ++i) payload += forged;
  journaled_log log(small_journal(dir.path));
  establish(log, 1);
  write(log, {zab::append_records{{{make_zxid(1, 1), shared_bytes::copy_of(payload)}}}});
  write(log, {});
  write(log, {zab::append_records{{{make_zxid(1, 2), shared_bytes::copy_of("short")}}}});
  image left(dir.path);
  REQUIRE(left.journal.substr(journal::alignment, journal::alignment) == forged);
  scratch copy;
  left.restore(copy.path);
  journaled_log again(small_journal(copy.path));
  CHECK(again.state().last == make_zxid(1, 2));
}

TEST_CASE("a directory from before there was a journal gets one, and another size is taken over") {
  scratch dir;
  {
    lmdb_log log(small_log(dir.path));
    establish(log, 1);
    write(log, {records(1, 1, 3)});
  }
  std::uint32_t next = 4;
  for (std::size_t bytes : {8192u, 65536u, 4096u, 5000u}) {
    std::optional<image> left;
    {
      journaled_log log(small_journal(dir.path, bytes));
      CHECK(counter(log) == next - 1);
      write(log, {records(1, next, next)});
      ++next;
      left.emplace(dir.path);
    }
    left->restore(dir.path);  // so that the next one finds a block to replay
    CHECK(slurp(dir.path / "journal").size() == journal::file_bytes(bytes));
  }
}

TEST_CASE("a journal whose creation was interrupted is created anew") {
  int interrupted = 0;
  for (int n = 0; n < 12; ++n) {
    CAPTURE(n);
    scratch dir;
    {
      journaled_log log(small_journal(dir.path));
      establish(log, 1);
      write(log, {records(1, 1, 3)});
    }
    reset_faults();
    faults().fail_write = n;
    try {
      journaled_log log(small_journal(dir.path, 3 << 20));
    } catch (const storage_error&) {
      ++interrupted;
    }
    reset_faults();
    journaled_log log(small_journal(dir.path, 3 << 20));
    CHECK(counter(log) == 3);
    CHECK(std::filesystem::file_size(dir.path / "journal") == 3 << 20);
  }
  CHECK(interrupted >= 5);  // one MiB at a time, and LMDB before and after
}

TEST_CASE("records that do not follow are refused before they reach the journal") {
  for (auto bad : {make_zxid(1, 5), make_zxid(1, 3), make_zxid(1, 1), make_zxid(2, 2), make_zxid(0, 4)}) {
    scratch dir;
    journaled_log log(small_journal(dir.path));
    establish(log, 1);
    write(log, {records(1, 1, 3)});
    auto journal_before = slurp(dir.path / "journal");
    CHECK_THROWS_AS(write(log, {zab::append_records{{{bad, shared_bytes::copy_of("x")}}}}), std::logic_error);
    CHECK(slurp(dir.path / "journal") == journal_before);
    CHECK_THROWS_AS(write(log, {records(1, 4, 4)}), storage_error);  // it stays refused
    CHECK(recovered(image(dir.path)) == 3);
  }
}

TEST_CASE("a log with a journal stops for good at the first failed sync or write, and keeps what it acknowledged") {
  for (std::size_t journal_bytes : {8192u, 65536u})
    for (bool sync : {true, false})
      for (int n = 0; n < 24; ++n) {
        CAPTURE(journal_bytes);
        CAPTURE(sync);
        CAPTURE(n);
        scratch dir;
        std::uint32_t acknowledged = 0;
        {
          journaled_log log(small_journal(dir.path, journal_bytes));
          establish(log, 1);
          reset_faults();
          (sync ? faults().fail_sync : faults().fail_write) = n;
          bool failed = false;
          for (std::uint32_t i = 1; i <= 30; ++i) try {
              write(log, {records(1, i, i)});
              CHECK(!failed);
              acknowledged = i;
            } catch (const storage_error& e) {
              failed = true;
            }
          CHECK(failed);
          CHECK_THROWS_AS(log.read(0, 1), storage_error);
          CHECK_THROWS_AS(log.trim(make_zxid(1, 1)), storage_error);
          reset_faults();
        }
        journaled_log log(small_journal(dir.path, journal_bytes));
        CHECK(counter(log) >= acknowledged);
        CHECK(log.read(0, 1 << 20).records.size() == counter(log));
      }
}

TEST_CASE("a write that is larger than the journal or than what may wait goes to LMDB behind what waits") {
  for (std::size_t flush_bytes : {std::size_t{5000}, std::size_t{10} << 20}) {
    scratch dir;
    journaled_log log(small_journal(dir.path, 16384, flush_bytes));
    establish(log, 1);
    write(log, {records(1, 1, 2)});
    CHECK(log.trim_pending());
    write(log, {records(1, 3, 42, 1000)});
    CHECK(!log.trim_pending());
    write(log, {records(1, 43, 43)});
    CHECK(recovered(image(dir.path)) == 43);
  }
}

TEST_CASE("what waits counts at once: end, install marker, trim") {
  scratch dir;
  journaled_log log(small_journal(dir.path));
  establish(log, 1);
  write(log, {zab::begin_install{make_zxid(1, 9)}});
  CHECK(log.unfinished_install() == make_zxid(1, 9));
  write(log, {records(1, 1, 9)});
  CHECK(log.unfinished_install() == 0);
  CHECK(log.state().last == make_zxid(1, 9));
  log.trim(make_zxid(1, 7));
  CHECK(log.state().base == make_zxid(1, 7));
  CHECK(log.read(make_zxid(1, 7), 1000).records.size() == 2);
  CHECK_THROWS_AS(log.trim(make_zxid(1, 10)), std::logic_error);
}

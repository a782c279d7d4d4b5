#include "disk_faults.hpp"
#include "fixture.hpp"
#include "persistence/memory_store.hpp"

using namespace troupe;
using namespace troupe::persistence;

namespace {

void check_records(const log_records& found, epoch_t epoch, std::uint32_t from, std::uint32_t to,
                   std::size_t size = 100) {
  REQUIRE(found.size() == to - from + 1);
  for (auto i = from; i <= to; ++i) {
    auto& r = found[i - from];
    CHECK(r.zxid == make_zxid(epoch, i));
    CHECK(r.payload.view() == payload_of(r.zxid, size));
    CHECK(r.payload.aligned());
  }
}

// What every log_store promises.
void check_contract(log_store& log) {
  CHECK(log.state().last == 0);
  CHECK(log.read(0, 1000).at_end);
  CHECK(log.read(0, 1000).position == 0);
  establish(log, 1);
  write(log, {records(1, 1, 10), records(1, 11, 20)});
  CHECK(log.state().last == make_zxid(1, 20));
  check_records(log.read(0, 1 << 20).records, 1, 1, 20);

  auto some = log.read(make_zxid(1, 5), 1);
  CHECK(some.position == make_zxid(1, 5));
  CHECK(!some.at_end);
  check_records(some.records, 1, 6, 6);

  write(log, {zab::set_accepted_epoch{3}, zab::set_current_epoch{3}, records(3, 1, 5)});
  auto between = log.read(make_zxid(2, 7), 1 << 20);
  CHECK(between.position == make_zxid(1, 20));
  check_records(between.records, 3, 1, 5);
  auto beyond = log.read(make_zxid(9, 9), 1 << 20);
  CHECK(beyond.position == make_zxid(3, 5));
  CHECK(beyond.records.empty());
  CHECK(beyond.at_end);

  write(log, {zab::truncate_after{make_zxid(2, 1)}});
  CHECK(log.state().last == make_zxid(1, 20));
  write(log, {zab::truncate_after{make_zxid(1, 15)}, records(1, 16, 17), records(3, 1, 1)});
  CHECK(log.state().last == make_zxid(3, 1));

  constexpr std::size_t much = 1 << 20, one = 100 + 16;
  CHECK(log.last_but(0, much) == make_zxid(3, 1));
  CHECK(log.last_but(1, much) == make_zxid(1, 17));
  CHECK(log.last_but(17, much) == make_zxid(1, 1));
  CHECK(log.last_but(18, much) == 0);
  CHECK(log.last_but(100, 0) == make_zxid(3, 1));
  CHECK(log.last_but(100, one) == make_zxid(1, 17));
  CHECK(log.last_but(100, one + 1) == make_zxid(1, 16));
  CHECK(log.last_but(100, 17 * one) == make_zxid(1, 1));
  CHECK(log.last_but(100, 17 * one + 1) == 0);

  log.trim(make_zxid(1, 8));
  CHECK(log.last_but(9, much) == make_zxid(1, 9));
  CHECK(log.last_but(10, much) == 0);
  CHECK(log.state().base == make_zxid(1, 8));
  CHECK(log.read(make_zxid(1, 7), 1000).position == -1);
  CHECK(log.read(make_zxid(1, 8), 1000).position == make_zxid(1, 8));
  write(log, {});
  check_records(
      log.read(make_zxid(1, 8), 1 << 20).records.size() ? log.read(make_zxid(1, 16), 1).records : log_records{}, 1, 17,
      17);
  log.trim(make_zxid(1, 3));
  CHECK(log.state().base == make_zxid(1, 8));

  write(log, {zab::begin_install{make_zxid(4, 7)}});
  CHECK(log.unfinished_install() == make_zxid(4, 7));
  write(log, {zab::reset_log{make_zxid(4, 7)}});
  CHECK(log.unfinished_install() == 0);
  CHECK(log.state().base == make_zxid(4, 7));
  CHECK(log.state().last == make_zxid(4, 7));
  write(log, {zab::set_accepted_epoch{5}, records(4, 8, 9)});
  check_records(log.read(make_zxid(4, 7), 1000).records, 4, 8, 9);

  write(log, {zab::begin_install{make_zxid(6, 1)}});
  write(log, {records(4, 10, 10)});
  CHECK_MESSAGE(log.unfinished_install() == 0, "records that build on the old state withdraw an install");
}

}  // namespace

TEST_CASE("the log in LMDB keeps what log_store promises") {
  scratch dir;
  lmdb_log log(small_log(dir.path));
  check_contract(log);
}

TEST_CASE("the log with a journal keeps what log_store promises, however small the journal is") {
  for (std::size_t journal_bytes : {4096u, 8192u, 16384u, 1u << 20})
    for (std::size_t flush_bytes : {0u, 600u, 3000u, 1u << 20}) {
      CAPTURE(journal_bytes);
      CAPTURE(flush_bytes);
      scratch dir;
      journaled_log log(small_journal(dir.path, journal_bytes, flush_bytes));
      check_contract(log);
    }
}

TEST_CASE("the log in memory keeps what log_store promises") {
  memory_log log;
  check_contract(log);
}

TEST_CASE("a log that is opened again has its records, epochs, base and install marker") {
  scratch dir;
  {
    lmdb_log log(small_log(dir.path));
    establish(log, 2);
    write(log, {records(2, 1, 500), zab::set_accepted_epoch{4}});
    log.trim(make_zxid(2, 450));
    write(log, {zab::begin_install{77}});
    CHECK(log.trim_pending());
  }
  lmdb_log log(small_log(dir.path));
  CHECK(log.state().accepted_epoch == 4);
  CHECK(log.state().current_epoch == 2);
  CHECK(log.state().base == make_zxid(2, 450));
  CHECK(log.state().last == make_zxid(2, 500));
  CHECK(log.unfinished_install() == 77);
  CHECK_MESSAGE(log.trim_pending(), "what was not erased yet is erased later");
  while (log.trim_pending()) write(log, {});
  check_records(log.read(make_zxid(2, 450), 1 << 20).records, 2, 451, 500);
}

TEST_CASE("a write of a thousand records is one transaction") {
  scratch dir;
  lmdb_log log(small_log(dir.path));
  establish(log, 1);
  auto ops = records(1, 1, 1000);
  reset_faults();
  write(log, {ops});
  CHECK(faults().syncs == 1);
  check_records(log.read(0, 1 << 20).records, 1, 1, 1000);
}

TEST_CASE("records that leave a hole, repeat or go back are an error of ours") {
  for (auto bad : {make_zxid(1, 5), make_zxid(1, 3), make_zxid(1, 1), make_zxid(2, 2), make_zxid(0, 4)}) {
    scratch dir;
    lmdb_log log(small_log(dir.path));
    establish(log, 1);
    write(log, {records(1, 1, 3)});
    CHECK_THROWS_AS(write(log, {zab::append_records{{{bad, shared_bytes::copy_of("x")}}}}), std::logic_error);
    CHECK_THROWS_AS(write(log, {records(1, 4, 4)}), storage_error);  // it stays refused
  }
}

TEST_CASE("a transaction that fails in the middle leaves nothing") {
  scratch dir;
  {
    lmdb_log log(small_log(dir.path));
    establish(log, 1);
    CHECK_THROWS_AS(write(log, {records(1, 1, 3), zab::set_accepted_epoch{9}, records(1, 5, 6)}), std::logic_error);
  }
  lmdb_log log(small_log(dir.path));
  CHECK(log.state().last == 0);
  CHECK(log.state().accepted_epoch == 1);
}

TEST_CASE("the counter of an epoch ends before it wraps") {
  CHECK(follows(make_zxid(1, 0xfffffffe), make_zxid(1, 0xffffffff)));
  CHECK(!follows(make_zxid(1, 0xffffffff), make_zxid(1, 0)));
  CHECK(!follows(make_zxid(1, 0xffffffff), make_zxid(2, 0)));
  CHECK(follows(make_zxid(1, 0xffffffff), make_zxid(2, 1)));
}

TEST_CASE("a log outgrows its map without an error") {
  scratch dir;
  auto s = small_log(dir.path);
  s.map_size_bytes = 1 << 20;
  lmdb_log log(s);
  establish(log, 1);
  for (std::uint32_t i = 0; i < 40; ++i) write(log, {records(1, i * 10 + 1, i * 10 + 10, 30000)});
  CHECK(log.size_bytes() > 10u << 20);
  check_records(log.read(make_zxid(1, 390), 1 << 20).records, 1, 391, 400, 30000);
}

TEST_CASE("an empty payload and one of a megabyte come back as they were") {
  scratch dir;
  lmdb_log log(small_log(dir.path));
  establish(log, 1);
  write(log, {zab::append_records{{{make_zxid(1, 1), {}}}}, records(1, 2, 2, 1 << 20)});
  auto found = log.read(0, 10 << 20).records;
  REQUIRE(found.size() == 2);
  CHECK(found[0].payload.empty());
  CHECK(found[1].payload.view() == payload_of(make_zxid(1, 2), 1 << 20));
}

TEST_CASE("what is trimmed can be used again: it is counted as such, and the file does not grow by as much") {
  scratch dir;
  lmdb_log log(small_log(dir.path));
  establish(log, 1);
  constexpr std::size_t value = 100'000, n = 200;
  for (std::uint32_t i = 1; i <= n; ++i) write(log, {records(1, i, i, value)});
  auto full = log.file_bytes();
  CHECK(full > n * value);
  CHECK(log.reusable_bytes() < 10 * value);
  log.trim(make_zxid(1, n - 1));
  while (log.trim_pending()) write(log, {});
  CHECK(log.reusable_bytes() > (n - 10) * value);
  CHECK(log.reusable_bytes() < full);
  for (std::uint32_t i = n + 1; i < 2 * n - 10; ++i) write(log, {records(1, i, i, value)});
  CHECK(log.file_bytes() < full + full / 4);
  CHECK(log.reusable_bytes() < full / 4);
}

TEST_CASE(
    "a log that is left alone is rid of what was trimmed in some idle moments, of large records in more of them") {
  auto idle_moments = [](std::uint32_t n, std::size_t size) {
    scratch dir;
    lmdb_log log(small_log(dir.path));
    establish(log, 1);
    write(log, {records(1, 1, n, size)});
    log.trim(make_zxid(1, n));
    int moments = 0;
    for (; log.trim_pending(); ++moments) write(log, {});
    return moments;
  };
  CHECK(idle_moments(20'000, 100) <= 4);
  CHECK(idle_moments(150, 1 << 20) >= 2);
}

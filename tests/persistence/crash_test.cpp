#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "fixture.hpp"

using namespace troupe;
using namespace troupe::persistence;

namespace {

// Writes until it is killed: batches, trims behind itself, and truncates now and then; reports the end of the log after
// each write.
[[noreturn]] void write_and_report(log_store& log, int pipe_fd) {
  std::uint32_t next = counter_of(log.state().last) + 1;
  if (next == 1) establish(log, 1);
  for (;; ++next) {
    write(log, {records(1, next, next + next % 7)});
    next += next % 7;
    auto last = log.state().last;
    if (::write(pipe_fd, &last, sizeof last) != sizeof last) ::_exit(1);
    if (next > 60 && next % 5 == 0) log.trim(make_zxid(1, next - 50));
  }
}

template <class Open>
void kill_and_check(Open open) {
  zxid_t last_seen = 0;
  for (std::size_t round = 0; round < 8; ++round) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      ::close(ends[0]);
      auto log = open();
      write_and_report(*log, ends[1]);
    }
    ::close(ends[1]);
    zxid_t z;
    for (std::size_t i = 0; i < 20 + round * 13; ++i) {
      REQUIRE(::read(ends[0], &z, sizeof z) == sizeof z);
      last_seen = std::max(last_seen, z);
    }
    ::kill(child, SIGKILL);
    int status;
    ::waitpid(child, &status, 0);
    while (::read(ends[0], &z, sizeof z) == sizeof z) last_seen = std::max(last_seen, z);
    ::close(ends[0]);

    auto log = open();
    CHECK(log->state().last >= last_seen);
    auto found = log->read(log->state().base, 100 << 20);
    CHECK(found.at_end);
    for (auto& r : found.records) REQUIRE(r.payload.view() == payload_of(r.zxid, 100));
  }
}

}  // namespace

TEST_CASE("a log whose process is killed in the middle of writes has everything it acknowledged") {
  scratch dir;
  kill_and_check(
      [&] { return std::make_unique<lmdb_log>(lmdb_log_settings{.directory = dir.path, .map_size_bytes = 1 << 20}); });
}

TEST_CASE("a log with a journal whose process is killed in the middle of writes has everything it acknowledged") {
  for (std::size_t journal_bytes : {4096u, 12288u, 1u << 20})
    for (std::size_t flush_bytes : {2000u, 1u << 20}) {
      CAPTURE(journal_bytes);
      CAPTURE(flush_bytes);
      scratch dir;
      kill_and_check([&] {
        return std::make_unique<journaled_log>(journaled_log_settings{.directory = dir.path,
                                                                      .map_size_bytes = 1 << 20,
                                                                      .journal_bytes = journal_bytes,
                                                                      .flush_bytes = flush_bytes});
      });
    }
}

TEST_CASE("a reader that was killed does not pin old pages for ever") {
  scratch dir;
  { lmdb_env env(dir.path, 1 << 20, {"t"}); }
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  auto child = ::fork();
  if (child == 0) {
    lmdb_env env(dir.path, 1 << 20, {"t"});
    lmdb_txn txn(env, lmdb_txn::mode::read);
    txn.get(0, 1);
    if (::write(ends[1], "x", 1) == 1) ::pause();
    ::_exit(0);
  }
  char c;
  REQUIRE(::read(ends[0], &c, 1) == 1);
  lmdb_env other(dir.path, 1 << 20, {"t"});  // so that the lock file is not set up anew
  ::kill(child, SIGKILL);
  int status;
  ::waitpid(child, &status, 0);
  ::close(ends[0]), ::close(ends[1]);
  other.reopen();
  for (int i = 0; i < 200; ++i) {  // 6 MB through a map of 1 MiB
    lmdb_txn txn(other, lmdb_txn::mode::write);
    txn.put(0, 1, std::string(30000, static_cast<char>(i)));
    txn.commit();
  }
  CHECK(other.used_bytes() < 1 << 20);
}

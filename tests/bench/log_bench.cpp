// Commits and records a second of the log, by batch size.
//
//   log_bench DIRECTORY [SECONDS_EACH = 2] [RECORD_BYTES = 256]
//
// For each way to keep the file: plain (grows as LMDB writes) and extended (zeros ahead); each fresh, and trimmed to
// the last 20,000 records, when freed pages are used again. Then the memory that a log of 300 MB leaves resident.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "persistence/lmdb_log.hpp"

using namespace troupe;
using namespace troupe::persistence;

namespace {

struct generator {
  std::uint32_t next = 1;
  shared_bytes payload;
  zab::persist_op batch(std::size_t n) {
    zab::append_records out;
    for (; n; --n) out.records.push_back({make_zxid(1, next++), payload});
    return out;
  }
};

std::size_t resident_kib(const char* what) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(what)) return std::strtoul(line.c_str() + line.find(':') + 1, nullptr, 10);
  return 0;
}

lmdb_log open_fresh(const std::filesystem::path& dir, std::size_t extend) {
  std::filesystem::remove_all(dir);
  std::filesystem::create_directories(dir);
  return lmdb_log({.directory = dir, .extend_bytes = extend});
}

void establish(lmdb_log& log) {
  zab::persist_op ops[] = {zab::set_accepted_epoch{1}, zab::set_current_epoch{1}};
  log.write(ops);
}

void run(const std::filesystem::path& dir, const char* name, std::size_t extend, bool trim, std::size_t batch,
         double seconds, std::size_t bytes) {
  auto log = open_fresh(dir, extend);
  establish(log);
  generator g{.payload = shared_bytes::copy_of(std::string(bytes, 'x'))};
  using clock = std::chrono::steady_clock;
  if (trim)
    while (g.next < 25000) {
      auto op = g.batch(1000);
      log.write({&op, 1});
    }
  auto start = clock::now();
  std::uint64_t commits = 0;
  double elapsed = 0, worst_ms = 0;
  while (elapsed < seconds) {
    auto op = g.batch(batch);
    auto before = clock::now();
    log.write({&op, 1});
    auto now = clock::now();
    worst_ms = std::max(worst_ms, std::chrono::duration<double, std::milli>(now - before).count());
    if (trim && g.next > 21000 && ++commits % 64 == 0) log.trim(make_zxid(1, g.next - 20000));
    if (!trim) ++commits;
    elapsed = std::chrono::duration<double>(now - start).count();
  }
  std::printf("%-9s %-8s batch %3zu  %7.0f commits/s  %8.0f records/s  slowest %6.1f ms  file %5zu MiB\n", name,
              trim ? "trimmed" : "fresh", batch, commits / elapsed, commits * batch / elapsed, worst_ms,
              log.file_bytes() >> 20);
  std::fflush(stdout);
}

void memory(const std::filesystem::path& dir) {
  auto log = open_fresh(dir, std::size_t{16} << 20);
  establish(log);
  generator g{.payload = shared_bytes::copy_of(std::string(1000, 'x'))};
  std::size_t most = 0;
  while (g.next < 300000) {
    auto op = g.batch(100);
    log.write({&op, 1});
    if (g.next > 22000) log.trim(make_zxid(1, g.next - 20000));
    if (g.next % 1000 == 1) most = std::max(most, resident_kib("VmRSS"));
  }
  std::printf("memory: 300 MB written, 20 MB kept: at most %zu MiB resident (%zu of files), file %zu MiB\n", most >> 10,
              resident_kib("RssFile") >> 10, log.file_bytes() >> 20);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: log_bench DIRECTORY [SECONDS_EACH] [RECORD_BYTES]\n"), 2;
  auto dir = std::filesystem::path(argv[1]) / "log-bench";
  auto seconds = argc > 2 ? std::atof(argv[2]) : 2.0;
  auto bytes = argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 256ul;
  memory(dir);
  for (bool trim : {false, true})
    for (auto batch : {1u, 8u, 64u, 512u})
      for (auto extend : {std::size_t{0}, std::size_t{16} << 20})
        run(dir, extend ? "extended" : "plain", extend, trim, batch, seconds, bytes);
  std::filesystem::remove_all(dir);
}

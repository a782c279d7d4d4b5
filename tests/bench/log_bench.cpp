// Commits and records a second of the log, by batch size.
//
//   log_bench DIRECTORY [SECONDS_EACH = 2] [RECORD_BYTES = 256]
//
// LMDB alone, and with a journal in front of it; each fresh, and trimmed to the last 20,000 records, when freed pages
// are used again. Then the memory that a log of 300 MB leaves resident. Several at once, each with a directory of its
// own on the same disk, measure what nodes that share a disk have.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "persistence/journaled_log.hpp"

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

std::unique_ptr<log_store> open_fresh(const std::filesystem::path& dir, bool journaled) {
  std::filesystem::remove_all(dir);
  std::filesystem::create_directories(dir);
  if (journaled) return std::make_unique<journaled_log>(journaled_log_settings{.directory = dir});
  return std::make_unique<lmdb_log>(lmdb_log_settings{.directory = dir});
}

void establish(log_store& log) {
  zab::persist_op ops[] = {zab::set_accepted_epoch{1}, zab::set_current_epoch{1}};
  log.write(ops);
}

void run(const std::filesystem::path& dir, bool journaled, bool trim, std::size_t batch, double seconds,
         std::size_t bytes) {
  auto log = open_fresh(dir, journaled);
  establish(*log);
  generator g{.payload = shared_bytes::copy_of(std::string(bytes, 'x'))};
  using clock = std::chrono::steady_clock;
  if (trim)
    while (g.next < 25000) {
      auto op = g.batch(1000);
      log->write({&op, 1});
    }
  auto start = clock::now();
  std::uint64_t commits = 0;
  double elapsed = 0;
  std::vector<double> ms;
  while (elapsed < seconds) {
    auto op = g.batch(batch);
    auto before = clock::now();
    log->write({&op, 1});
    auto now = clock::now();
    ms.push_back(std::chrono::duration<double, std::milli>(now - before).count());
    if (trim && g.next > 21000 && ++commits % 64 == 0) log->trim(make_zxid(1, g.next - 20000));
    elapsed = std::chrono::duration<double>(now - start).count();
  }
  std::sort(ms.begin(), ms.end());
  std::printf("%-7s %-7s batch %3zu %7.0f commits/s %8.0f records/s, ms: p50 %5.2f p99 %5.2f slowest %5.1f, %4zu MiB\n",
              journaled ? "journal" : "LMDB", trim ? "trimmed" : "fresh", batch, double(ms.size()) / elapsed,
              double(ms.size() * batch) / elapsed, ms[ms.size() / 2], ms[ms.size() * 99 / 100], ms.back(),
              log->size_bytes() >> 20);
  std::fflush(stdout);
}

void memory(const std::filesystem::path& dir) {
  auto log = open_fresh(dir, true);
  establish(*log);
  generator g{.payload = shared_bytes::copy_of(std::string(1000, 'x'))};
  std::size_t most = 0;
  while (g.next < 300000) {
    auto op = g.batch(100);
    log->write({&op, 1});
    if (g.next > 22000) log->trim(make_zxid(1, g.next - 20000));
    if (g.next % 1000 == 1) most = std::max(most, resident_kib("VmRSS"));
  }
  std::printf("memory: 300 MB written, 20 MB kept: at most %zu MiB resident (%zu of files), files %zu MiB\n",
              most >> 10, resident_kib("RssFile") >> 10, log->size_bytes() >> 20);
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
      for (bool journaled : {false, true}) run(dir, journaled, trim, batch, seconds, bytes);
  std::filesystem::remove_all(dir);
}

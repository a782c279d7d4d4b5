// What a checkpoint costs on disk: state_bench DIRECTORY [ROWS = 100000] [CHANGED = 10000]
//
// A whole checkpoint of that many znodes, then twenty writes that each change so many of them, scattered, then all of it
// read in chunks. CPU time is this thread's, so that other load on the machine counts little; the syncs are in the
// elapsed time.

#include <capnp/message.h>
#include <capnp/serialize.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <vector>

#include "persistence/lmdb_state.hpp"

using namespace troupe;

namespace {

struct taken {
  double cpu_ms, elapsed_ms;
};

double cpu_ms() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
}

template <class F>
taken measured(F&& f) {
  auto cpu = cpu_ms();
  auto start = std::chrono::steady_clock::now();
  f();
  return {cpu_ms() - cpu, std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count()};
}

void report(const char* what, std::vector<taken> runs) {
  auto median = [&](double taken::*of) {
    std::sort(runs.begin(), runs.end(), [&](auto& a, auto& b) { return a.*of < b.*of; });
    return runs[runs.size() / 2].*of;
  };
  std::printf("%-24s %8.1f ms of CPU, %8.1f ms elapsed (median of %zu)\n", what, median(&taken::cpu_ms),
              median(&taken::elapsed_ms), runs.size());
}

std::string row(std::size_t i, std::size_t version) {
  capnp::MallocMessageBuilder message;
  auto n = message.initRoot<wire::StateNode>();
  n.setName("n" + std::to_string(i));
  n.setVersion(static_cast<std::int32_t>(version));
  auto data = std::string(100, static_cast<char>('a' + version % 26));
  n.setData({reinterpret_cast<const kj::byte*>(data.data()), data.size()});
  auto words = capnp::messageToFlatArray(message);
  auto bytes = words.asChars();
  return {bytes.begin(), bytes.size()};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: state_bench DIRECTORY [ROWS] [CHANGED]\n"), 2;
  std::filesystem::path dir = argv[1];
  std::size_t rows = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 100000;
  std::size_t changed = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 10000;
  std::filesystem::remove_all(dir);
  std::filesystem::create_directories(dir);
  persistence::lmdb_state state(dir, std::size_t{1} << 36);
  tree::state_delta delta{.zxid = 1, .entries = {}};
  for (std::size_t i = 1; i <= rows; ++i) delta.entries.push_back({tree::table::nodes, i, row(i, 0)});
  report("whole", {measured([&] { state.write(delta); })});
  std::vector<taken> runs;
  for (std::size_t version = 1; version <= 20; ++version) {
    delta = {.zxid = static_cast<zxid_t>(1 + version), .entries = {}};
    for (std::size_t i = 0; i < changed; ++i) {
      auto key = (i * 7368787 + version * 104729) % rows + 1;
      delta.entries.push_back({tree::table::nodes, key, row(key, version)});
    }
    runs.push_back(measured([&] { state.write(delta); }));
  }
  report("changes", runs);
  runs.clear();
  // Every row once, as a load reads them, without the building of the tree.
  for (int i = 0; i < 5; ++i)
    runs.push_back(measured([&] {
      for (std::uint32_t index = 0; !state.read_chunk(index, std::size_t{1} << 20).last;) ++index;
    }));
  report("given away in chunks", runs);
  std::filesystem::remove_all(dir);
}

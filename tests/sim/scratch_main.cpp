#include <chrono>
#include <cstdio>
#include <cstdlib>
#include "tests/sim/simulation.hpp"
int main(int argc, char** argv) {
  using namespace troupe::sim;
  stage_system sys;
  stage st(sys.system);
  auto from = std::strtoull(argv[1], nullptr, 10), n = std::strtoull(argv[2], nullptr, 10);
  bool tr = argc > 3;
  auto t0 = std::chrono::steady_clock::now();
  std::map<std::string, std::uint64_t> counts;
  std::uint64_t steps = 0, bad = 0;
  std::int64_t ms = 0;
  for (auto s = from; s < from + n; ++s) {
    auto o = random_options(s);
    o.trace = tr;
    auto r = run(st, o, keep::nothing);
    steps += r.steps, ms += r.virtual_ms;
    for (auto& [k, v] : r.counts) counts[k] += v;
    if (!r.good) {
      ++bad;
      std::printf("seed %llu: %s\n", (unsigned long long)s, r.what.substr(0, 1500).c_str());
    }
    if (n == 1) std::printf("hash %llx steps %llu\n", (unsigned long long)r.trace_hash, (unsigned long long)r.steps);
  }
  double sec = std::chrono::duration<double>(std::chrono::steady_clock::now() - t0).count();
  std::printf("%llu seeds, %llu bad, %.2f s, %.1f ms/seed, %llu steps/seed, %.1f virtual s/seed\n",
              (unsigned long long)n, (unsigned long long)bad, sec, sec * 1000 / n, (unsigned long long)(steps / n),
              ms / 1000.0 / n);
  for (auto& [k, v] : counts) std::printf("  %-40s %llu\n", k.c_str(), (unsigned long long)v);
}

#include "tests/bugs/bank.hpp"

#include <chrono>

#include "tests/sim/simulation.hpp"

namespace troupe::bugs {

namespace {

/// A planted bug is on for as long as this lives.
struct planting {
  explicit planting(planted_bug b) { active_planted_bug = b; }
  ~planting() { active_planted_bug = planted_bug::none; }
};

}  // namespace

finding look_for(sim::stage& stage, const search& s) {
  planting on(s.bug);
  finding out;
  auto start = std::chrono::steady_clock::now();
  for (auto seed = s.from; seed < s.from + s.limit && !out.found(); ++seed) {
    if (s.skip.contains(seed)) continue;
    auto o = sim::random_options(seed);
    o.trace = s.trace;
    o.disabled_checks.insert(s.disabled.begin(), s.disabled.end());
    auto r = sim::run(stage, o);
    ++out.seeds;
    if (!r.good) out.seed = seed, out.check = r.check, out.what = r.what;
  }
  out.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return out;
}

}  // namespace troupe::bugs

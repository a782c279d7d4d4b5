/// `troupe simulate`: ensembles on virtual time, with faults drawn from seeds.

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <stdexcept>

#include "tests/history/check.hpp"
#include "tests/sim/campaign.hpp"
#include "tests/sim/checks.hpp"
#include "tests/sim/fault_kinds.hpp"
#include "tools/commands.hpp"
#include "tools/ensemble_directory.hpp"

namespace troupe::tools {

namespace {

constexpr std::size_t failures_explained = 3;

void list_checks() {
  std::cout << "Invariants, after every step:\n";
  for (auto& c : sim::checks()) std::cout << "  " << c.name << "\n      " << c.sentence << "\n";
  std::cout << "Rules of what clients saw, at the end:\n";
  for (auto& r : history::rules()) std::cout << "  " << r.name << "\n      " << r.sentence << "\n";
  std::cout << "Kinds of faults:\n ";
  for (auto& k : sim::all_fault_kinds()) std::cout << " " << k;
  std::cout << "\n";
}

void require_known(const simulate_options& o) {
  auto& kinds = sim::all_fault_kinds();
  for (auto& k : o.without)
    if (std::find(kinds.begin(), kinds.end(), k) == kinds.end())
      throw usage_error("--without: '" + k + "' is no kind of fault (`troupe simulate --list` names them)");
  for (auto& d : o.disable) {
    bool known = std::any_of(sim::checks().begin(), sim::checks().end(), [&](auto& c) { return d == c.name; }) ||
                 std::any_of(history::rules().begin(), history::rules().end(), [&](auto& r) { return d == r.name; });
    if (!known) throw usage_error("--disable: '" + d + "' is no check (`troupe simulate --list` names them)");
  }
}

}  // namespace

int simulate_command(const simulate_options& o) {
  if (o.list) return list_checks(), 0;
  require_known(o);
  sim::campaign c;
  if (!sim::parse_seeds(o.seeds, c.first, c.last))
    throw usage_error("seeds are a number, or two as in 1..1000, the first not above the second; not '" + o.seeds +
                      "'");
  if (o.jobs < 1 || o.jobs > 1024) throw usage_error("--jobs is from 1 to 1024");
  if (!std::isfinite(o.minutes) || o.minutes < 0) throw usage_error("--minutes is 0 (no limit) or more");
  c.jobs = c.first == c.last ? 0 : o.jobs;  // one seed: here, for a debugger
  c.minutes = o.minutes;
  c.without = o.without;
  c.disabled.insert(o.disable.begin(), o.disable.end());
  c.twice = o.twice, c.trace = o.trace;
  if (c.first != c.last && !c.trace) c.progress = isatty(STDERR_FILENO) ? sim::progress::bar : sim::progress::lines;
  auto r = sim::run(c);
  sim::print(std::cout, c, r);
  for (std::size_t i = 0; i < std::min(r.findings.size(), failures_explained); ++i)
    sim::explain(std::cout, c, r.findings[i]);
  for (auto i = failures_explained; i < r.findings.size(); ++i)
    std::cout << "seed " << r.findings[i].seed << " broke " << r.findings[i].check << "\n";
  if (r.seeds == 0) throw std::runtime_error("--minutes was over before the first seed: nothing was run");
  return r.findings.empty() ? 0 : 1;
}

}  // namespace troupe::tools

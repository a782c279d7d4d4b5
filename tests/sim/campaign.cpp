#include "tests/sim/campaign.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <ostream>
#include <utility>

#include "tests/sim/fault_kinds.hpp"
#include "tests/sim/workers.hpp"

namespace troupe::sim {

namespace {

using clock = std::chrono::steady_clock;

options options_of(const campaign& c, std::uint64_t seed) {
  auto o = random_options(seed);
  for (auto& kind : c.without) switch_off(o, kind);
  o.disabled_checks = c.disabled;
  o.trace = c.trace;
  return o;
}

/// One seed. The report is of one.
report run_seed(stage& st, const campaign& c, std::uint64_t seed, const one_run& run_one) {
  auto o = options_of(c, seed);
  auto result = run_one(st, o);
  report r;
  r.trace_hash = (result.trace_hash ^ seed) * 0x9e3779b97f4a7c15ull;
  r.seeds = 1, r.steps = result.steps, r.virtual_ms = result.virtual_ms, r.counts = result.counts;
  if (c.twice && result.good && run_one(st, o).trace_hash != result.trace_hash)
    result.good = false, result.check = same_trace_check, result.what = "same_trace: run twice, it went two ways";
  if (!result.good) r.findings.push_back({seed, result.check, result.what});
  return r;
}

void add(report& to, const report& r) {
  to.trace_hash += r.trace_hash;  // in whatever order they end
  to.seeds += r.seeds, to.steps += r.steps, to.virtual_ms += r.virtual_ms;
  for (auto& [what, n] : r.counts) to.counts[what] += n;
  to.findings.insert(to.findings.end(), r.findings.begin(), r.findings.end());
}

/// How far it is, on stderr: for a terminal a bar that is written over, else a line a minute.
class progress_line {
 public:
  progress_line(const campaign& c, clock::time_point start) : c_(c), start_(start), shown_(start) {}

  void show(const report& r) {
    auto now = clock::now();
    if (c_.progress == progress::none || now - shown_ < interval()) return;
    shown_ = now;
    auto all = c_.last - c_.first + 1;
    char numbers[160];
    std::snprintf(numbers, sizeof numbers, "%llu of %llu seeds, %.1f/s, %zu failed",
                  static_cast<unsigned long long>(r.seeds), static_cast<unsigned long long>(all),
                  static_cast<double>(r.seeds) / std::chrono::duration<double>(now - start_).count(),
                  r.findings.size());
    if (c_.progress == progress::lines) {
      std::fprintf(stderr, "%s\n", numbers);
      return;
    }
    constexpr std::uint64_t width = 30;
    std::string bar(width, ' ');
    std::fill_n(bar.begin(), std::min(width, r.seeds * width / all), '#');
    std::fprintf(stderr, "\r[%s] %s ", bar.c_str(), numbers);
    open_ = true;
  }

  /// At once, since the end of a campaign may be hours away.
  void tell(const finding& f) {
    if (c_.progress == progress::none) return;
    end();
    std::fprintf(stderr, "seed %llu broke %s\n", static_cast<unsigned long long>(f.seed),
                 f.what.substr(0, f.what.find('\n')).c_str());
  }

  void end() {
    if (std::exchange(open_, false)) std::fprintf(stderr, "\n");
  }

 private:
  clock::duration interval() const {
    return c_.progress == progress::bar ? clock::duration(std::chrono::milliseconds(400)) : std::chrono::minutes(1);
  }

  const campaign& c_;
  clock::time_point start_, shown_;
  bool open_ = false;  ///< the bar is on the terminal's last line
};

/// Leaves out one kind of fault after the other, as long as the same check still fails, in no more steps.
std::vector<std::string> shrink(stage& st, const campaign& c, const finding& f) {
  auto without = c.without;
  auto steps = run(st, options_of(c, f.seed)).steps;
  for (auto& kind : fault_kinds(options_of(c, f.seed))) {
    auto attempt = c;
    attempt.without = without, attempt.trace = false;
    attempt.without.push_back(kind);
    auto result = run(st, options_of(attempt, f.seed));
    if (result.good || result.check != f.check || result.steps > steps) continue;
    without.push_back(kind);
    steps = result.steps;
  }
  return without;
}

void replay(std::ostream& out, const campaign& c, const std::vector<std::string>& without, const finding& f) {
  out << "replay: troupe simulate --seed " << f.seed;
  for (auto& kind : without) out << " --without " << kind;
  for (auto& check : c.disabled) out << " --disable " << check;
  out << (f.check == same_trace_check ? " --twice\n" : " --trace\n");
}

}  // namespace

report run(const campaign& c, const one_run& run_one) {
  auto start = clock::now();
  auto until = clock::time_point::max();
  if (c.minutes > 0)
    until = start + std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(c.minutes * 60));
  report r;
  progress_line line(c, start);
  auto tell = [&](const report& one) {
    add(r, one);
    for (auto& f : one.findings) line.tell(f);
    line.show(r);
  };
  auto make = [&]() -> seed_runner {
    auto system = std::make_shared<stage_system>();
    auto st = std::make_shared<stage>(system->system);
    return [&c, &run_one, system, st](std::uint64_t seed) { return run_seed(*st, c, seed, run_one); };
  };
  if (c.jobs == 0) {
    auto run_here = make();
    for (auto seed = c.first; seed <= c.last && clock::now() < until; ++seed) tell(run_here(seed));
  } else {
    run_on_processes({c.first, c.last, c.jobs, until, c.patience}, make, tell, [&] { line.show(r); });
  }
  line.end();
  r.seconds = std::chrono::duration<double>(clock::now() - start).count();
  std::sort(r.findings.begin(), r.findings.end(), [](auto& a, auto& b) { return a.seed < b.seed; });
  return r;
}

void print(std::ostream& out, const campaign& c, const report& r) {
  char line[256];
  std::snprintf(line, sizeof line,
                "%llu seeds (%llu..) in %.1f s: %.1f seeds/s, %.1f virtual hours, %.1f million steps; %zu failed\n",
                static_cast<unsigned long long>(r.seeds), static_cast<unsigned long long>(c.first), r.seconds,
                static_cast<double>(r.seeds) / r.seconds, static_cast<double>(r.virtual_ms) / 3.6e6,
                static_cast<double>(r.steps) / 1e6, r.findings.size());
  out << line;
  std::snprintf(line, sizeof line, "trace hash %016llx\n", static_cast<unsigned long long>(r.trace_hash));
  out << line;
  for (auto& [what, n] : r.counts) {
    std::snprintf(line, sizeof line, "  %-44s %12llu\n", what.c_str(), static_cast<unsigned long long>(n));
    out << line;
  }
}

void explain(std::ostream& out, const campaign& c, const finding& f) {
  constexpr std::size_t lines_shown = 80;
  out << "seed " << f.seed << " broke " << f.what << "\n";
  if (f.check == process_check) {  // it would end this process as well
    replay(out, c, c.without, f);
    return;
  }
  stage_system system;
  stage st(system.system);
  auto few = c;
  few.without = f.check == same_trace_check ? c.without : shrink(st, c, f);
  few.trace = false;
  auto again = run(st, options_of(few, f.seed), keep::trace);
  if (!again.good && again.what != f.what) out << "with fewer kinds of faults: " << again.what << "\n";
  auto& t = again.trace;
  out << "the last of " << again.steps << " steps:\n";
  for (auto i = t.size() > lines_shown ? t.size() - lines_shown : 0; i < t.size(); ++i) out << "  " << t[i] << "\n";
  replay(out, c, few.without, f);
}

bool parse_seeds(const std::string& text, std::uint64_t& first, std::uint64_t& last) {
  auto number = [](const std::string& s, std::uint64_t& v) {
    if (s.empty() || s.size() > 18 || s.find_first_not_of("0123456789") != std::string::npos) return false;
    v = std::stoull(s);
    return true;
  };
  auto dots = text.find("..");
  if (dots == std::string::npos) return number(text, first) && (last = first, true);
  return number(text.substr(0, dots), first) && number(text.substr(dots + 2), last) && first <= last;
}

}  // namespace troupe::sim

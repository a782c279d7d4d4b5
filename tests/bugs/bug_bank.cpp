/// Looks for every planted bug with the simulator, and says in how many seeds it was found.
///
///   bug_bank [--bug NAME]... [--from SEED] [--limit SEEDS] [--matrix] [--check] [--skip-bad] [--clean]
///     [--trace]
///
/// --check demands that each is found within its own limit, and that the same seeds pass without it. --matrix looks for
/// each again with the check that found it switched off. --skip-bad leaves out seeds that fail without any bug;
/// --clean runs the seeds without a bug, and says which fail. --trace tells each step on stderr.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/bugs/bank.hpp"

using namespace troupe;

namespace {

struct arguments {
  std::vector<planted_bug_info> bugs;
  std::uint64_t limit = 1000;
  std::uint64_t from = 1;
  bool matrix = false, check = false, skip_bad = false, clean = false, trace = false;
};

planted_bug_info named(std::string_view name) {
  for (auto& b : planted_bugs)
    if (b.name == name) return b;
  throw std::invalid_argument("no planted bug has the name " + std::string(name));
}

arguments read(int argc, char** argv) {
  arguments a;
  for (int i = 1; i < argc; ++i) {
    std::string_view option = argv[i];
    auto value = [&] {
      if (++i == argc) throw std::invalid_argument(std::string(option) + " wants a value");
      return argv[i];
    };
    if (option == "--bug")
      a.bugs.push_back(named(value()));
    else if (option == "--limit")
      a.limit = std::strtoull(value(), nullptr, 10);
    else if (option == "--from")
      a.from = std::strtoull(value(), nullptr, 10);
    else if (option == "--trace")
      a.trace = true;
    else if (option == "--clean")
      a.clean = true;
    else if (option == "--matrix")
      a.matrix = true;
    else if (option == "--check")
      a.check = true;
    else if (option == "--skip-bad")
      a.skip_bad = true;
    else
      throw std::invalid_argument("unknown option " + std::string(option));
  }
  if (a.bugs.empty()) a.bugs.assign(std::begin(planted_bugs), std::end(planted_bugs));
  return a;
}

std::string text(std::string_view s) { return std::string(s); }

/// The name by which a check is switched off: rules of the history have a prefix only in messages.
std::string switch_of(const std::string& check) { return check.substr(check.find('/') + 1); }

std::string first_line(const std::string& s) { return s.substr(0, std::min(s.find('\n'), std::size_t{150})); }

void print(const planted_bug_info& b, const bugs::finding& f) {
  if (f.found())
    std::printf("| %s | `%s` | %llu | %.1f | %s |\n", text(b.name).c_str(), f.check.c_str(),
                static_cast<unsigned long long>(f.seed), f.seconds, first_line(f.what).c_str());
  else
    std::printf("| %s | not found | %llu | %.1f | |\n", text(b.name).c_str(), static_cast<unsigned long long>(f.seeds),
                f.seconds);
  std::fflush(stdout);
}

/// Every check that the bug meets, one after the other, each switched off before the next search. That goes on where
/// the former one ended, over `more` seeds: what passed with a check passes without it.
void print_matrix(sim::stage& stage, bugs::search s, const planted_bug_info& b, std::uint64_t more) {
  std::printf("| %s |", text(b.name).c_str());
  for (int n = 0; n < 3; ++n) {
    auto f = bugs::look_for(stage, s);
    if (!f.found()) {
      std::printf(" nobody in %llu |", static_cast<unsigned long long>(f.seeds));
      break;
    }
    std::printf(" `%s` %llu |", f.check.c_str(), static_cast<unsigned long long>(f.seed));
    std::fflush(stdout);
    s.disabled.insert(switch_of(f.check));
    s.from = f.seed, s.limit = more;
  }
  std::printf("\n");
  std::fflush(stdout);
}

std::set<std::uint64_t> bad_seeds(sim::stage& stage, std::uint64_t limit) {
  std::set<std::uint64_t> bad;
  for (std::uint64_t from = 1; from <= limit;) {
    bugs::search s;
    s.from = from, s.limit = limit + 1 - from;
    auto f = bugs::look_for(stage, s);
    if (!f.found()) break;
    bad.insert(f.seed);
    from = f.seed + 1;
  }
  return bad;
}

int run_clean(sim::stage& stage, const arguments& a) {
  bugs::search s;
  s.trace = a.trace;
  int failed = 0;
  for (s.from = a.from; s.from < a.from + a.limit;) {
    s.limit = a.from + a.limit - s.from;
    auto f = bugs::look_for(stage, s);
    if (!f.found()) break;
    std::printf("seed %llu: %s\n", static_cast<unsigned long long>(f.seed), f.what.c_str());
    std::fflush(stdout);
    ++failed, s.from = f.seed + 1;
  }
  std::printf("%d of %llu seeds fail without any bug\n", failed, static_cast<unsigned long long>(a.limit));
  return failed ? 1 : 0;
}

int look(const arguments& a) {
  sim::stage_system system;
  sim::stage stage(system.system);
  if (a.clean) return run_clean(stage, a);
  bugs::search s;
  s.from = a.from, s.trace = a.trace;
  if (a.skip_bad) {
    s.skip = bad_seeds(stage, a.limit);
    std::printf("%zu of %llu seeds fail without any bug\n\n", s.skip.size(), static_cast<unsigned long long>(a.limit));
  }
  std::printf(a.matrix ? "| bug | first, and the next ones when those before are switched off ||| \n|--|--|--|--|\n"
                       : "| bug | found by | in seed | seconds | |\n|--|--|--|--|--|\n");
  int missed = 0;
  std::uint64_t most = 0;
  for (auto& b : a.bugs) {
    s.bug = b.bug, s.from = a.from;
    s.limit = a.check ? bugs::limit_of(b.bug) : a.limit;
    if (a.matrix) {
      s.limit = std::max(a.limit, bugs::limit_of(b.bug)), s.from = a.from;
      print_matrix(stage, s, b, a.limit);
      continue;
    }
    auto f = bugs::look_for(stage, s);
    print(b, f);
    if (!f.found()) ++missed;
    most = std::max(most, f.seeds);
  }
  if (!a.check) return 0;
  bugs::search clean;
  clean.limit = most;
  auto f = bugs::look_for(stage, clean);
  if (f.found())
    std::printf("without any bug, seed %llu fails: %s\n", static_cast<unsigned long long>(f.seed), f.what.c_str());
  else
    std::printf("%d bugs were missed; without any bug, seeds 1..%llu pass\n", missed,
                static_cast<unsigned long long>(most));
  return missed || f.found() ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return look(read(argc, argv));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bug_bank: %s\n", e.what());
    return 2;
  }
}

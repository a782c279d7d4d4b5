#include "tests/sim/campaign.hpp"

#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "tests/sim/fault_kinds.hpp"

namespace troupe::sim {

namespace {

using clock = std::chrono::steady_clock;

/// What the processes share.
struct shared {
  std::atomic<std::uint64_t> next;
  std::atomic<std::uint64_t> done, found;
  std::atomic<bool> stop;
};

options options_of(const campaign& c, std::uint64_t seed) {
  auto o = random_options(seed);
  for (auto& kind : c.without) switch_off(o, kind);
  o.disabled_checks = c.disabled;
  o.trace = c.trace;
  return o;
}

void add(report& r, const outcome& o) {
  ++r.seeds;
  r.steps += o.steps, r.virtual_ms += o.virtual_ms;
  for (auto& [what, n] : o.counts) r.counts[what] += n;
}

report work(const campaign& c, shared& s, clock::time_point until) {
  stage_system system;
  stage st(system.system);
  report r;
  while (!s.stop && (c.minutes == 0 || clock::now() < until)) {
    auto seed = s.next++;
    if (seed > c.last) break;
    auto o = options_of(c, seed);
    auto result = run(st, o);
    add(r, result);
    if (c.twice && result.good) {
      auto again = run(st, o);
      if (again.trace_hash != result.trace_hash)
        result.good = false, result.check = "same_trace", result.what = "same_trace: run twice, it went two ways";
    }
    ++s.done;
    if (result.good) continue;
    r.findings.push_back({seed, result.check, result.what});
    ++s.found;
    if (c.stop_at_first) s.stop = true;
  }
  return r;
}

std::string pack(const report& r) {
  nlohmann::json j{{"seeds", r.seeds}, {"steps", r.steps}, {"virtual_ms", r.virtual_ms}, {"counts", r.counts}};
  for (auto& f : r.findings) j["findings"].push_back({{"seed", f.seed}, {"check", f.check}, {"what", f.what}});
  return j.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void unpack(const std::string& text, report& into) {
  auto j = nlohmann::json::parse(text);
  into.seeds += j["seeds"].get<std::uint64_t>(), into.steps += j["steps"].get<std::uint64_t>();
  into.virtual_ms += j["virtual_ms"].get<std::int64_t>();
  for (auto& [what, n] : j["counts"].items()) into.counts[what] += n.get<std::uint64_t>();
  for (auto& f : j.value("findings", nlohmann::json::array()))
    into.findings.push_back({f["seed"], f["check"], f["what"]});
}

void show_progress(const campaign& c, const shared& s, clock::time_point start) {
  auto seconds = std::chrono::duration<double>(clock::now() - start).count();
  auto done = s.done.load(), all = c.last - c.first + 1;
  constexpr int width = 30;
  auto filled = static_cast<int>(done * width / all);
  std::fprintf(stderr, "\r[%.*s%*s] %llu of %llu seeds, %.1f/s, %llu failed ", filled, "##############################",
               width - filled, "", static_cast<unsigned long long>(done), static_cast<unsigned long long>(all),
               static_cast<double>(done) / seconds, static_cast<unsigned long long>(s.found.load()));
}

struct worker {
  pid_t pid;
  int pipe;
  std::string text;
};

worker start_worker(const campaign& c, shared& s, clock::time_point until) {
  int ends[2];
  if (pipe(ends)) throw std::runtime_error("cannot make a pipe");
  std::fflush(nullptr);
  auto parent = getpid();
  auto pid = fork();
  if (pid < 0) throw std::runtime_error("cannot start a process");
  if (pid) {
    close(ends[1]);
    return {pid, ends[0], {}};
  }
  // Whoever ends the campaign by a signal ends its workers.
  if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent) _exit(1);
  close(ends[0]);
  int code = 0;
  try {
    auto text = pack(work(c, s, until));
    for (std::size_t at = 0; at < text.size();) {
      auto n = write(ends[1], text.data() + at, text.size() - at);
      if (n <= 0) _exit(1);
      at += static_cast<std::size_t>(n);
    }
  } catch (const std::exception& e) {
    std::fprintf(stderr, "a worker ends: %s\n", e.what());
    code = 1;
  }
  _exit(code);
}

void collect(const campaign& c, std::vector<worker>& workers, const shared& s, clock::time_point start, report& r) {
  auto open = workers.size();
  std::vector<pollfd> fds;
  for (auto& w : workers) fds.push_back({w.pipe, POLLIN, 0});
  while (open) {
    poll(fds.data(), fds.size(), 500);
    if (c.progress) show_progress(c, s, start);
    for (std::size_t i = 0; i < fds.size(); ++i) {
      if (fds[i].fd < 0 || !fds[i].revents) continue;
      char buffer[65536];
      auto n = read(fds[i].fd, buffer, sizeof buffer);
      if (n > 0) {
        workers[i].text.append(buffer, static_cast<std::size_t>(n));
        continue;
      }
      close(fds[i].fd);
      fds[i].fd = -1, --open;
      int status = 0;
      waitpid(workers[i].pid, &status, 0);
      if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        throw std::runtime_error("a process of the simulation died (status " + std::to_string(status) +
                                 "), at one of the seeds before " + std::to_string(s.next.load()) +
                                 ": run it again with --jobs 1 to see where");
      unpack(workers[i].text, r);
    }
  }
  if (c.progress) std::fprintf(stderr, "\n");
}

/// The fewest kinds of faults with which the same check still fails, found by leaving out one after the other.
std::vector<std::string> shrink(stage& st, const campaign& c, const finding& f) {
  auto without = c.without;
  for (auto& kind : fault_kinds(options_of(c, f.seed))) {
    auto attempt = c;
    attempt.without = without, attempt.trace = false;
    attempt.without.push_back(kind);
    auto result = run(st, options_of(attempt, f.seed));
    if (!result.good && result.check == f.check) without.push_back(kind);
  }
  return without;
}

}  // namespace

report run(const campaign& c) {
  report r;
  auto start = clock::now();
  auto until = start + std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(c.minutes * 60));
  auto* memory = mmap(nullptr, sizeof(shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::runtime_error("no memory to share between processes");
  auto* s = new (memory) shared{};
  s->next = c.first;
  if (c.jobs <= 1) {
    r = work(c, *s, until);
  } else {
    std::vector<worker> workers;
    for (int i = 0; i < c.jobs; ++i) workers.push_back(start_worker(c, *s, until));
    collect(c, workers, *s, start, r);
  }
  munmap(memory, sizeof(shared));
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
  for (auto& [what, n] : r.counts) {
    std::snprintf(line, sizeof line, "  %-44s %12llu\n", what.c_str(), static_cast<unsigned long long>(n));
    out << line;
  }
}

void explain(std::ostream& out, const campaign& c, const finding& f) {
  constexpr std::size_t lines_shown = 80;
  out << "seed " << f.seed << " broke " << f.what << "\n";
  stage_system system;
  stage st(system.system);
  auto few = c;
  few.without = f.check == "same_trace" ? c.without : shrink(st, c, f);
  few.trace = false;
  auto again = run(st, options_of(few, f.seed), keep::trace);
  if (!again.good && again.what != f.what) out << "with fewer kinds of faults: " << again.what << "\n";
  auto& t = again.trace;
  out << "the last of " << again.steps << " steps:\n";
  for (auto i = t.size() > lines_shown ? t.size() - lines_shown : 0; i < t.size(); ++i) out << "  " << t[i] << "\n";
  out << "replay: troupe simulate --seed " << f.seed;
  for (auto& kind : few.without) out << " --without " << kind;
  for (auto& check : c.disabled) out << " --disable " << check;
  out << " --trace\n";
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

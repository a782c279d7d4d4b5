#include "tests/sim/workers.hpp"

#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <deque>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

namespace troupe::sim {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::uint64_t no_seed = UINT64_MAX;

/// One report a line: a report of a process that died in the middle of one is no line.
std::string line_of(const report& r) {
  nlohmann::json j{{"seeds", r.seeds},
                   {"steps", r.steps},
                   {"virtual_ms", r.virtual_ms},
                   {"counts", r.counts},
                   {"trace_hash", r.trace_hash}};
  for (auto& f : r.findings) j["findings"].push_back({{"seed", f.seed}, {"check", f.check}, {"what", f.what}});
  return j.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
}

report report_of(const std::string& line) {
  report r;
  auto j = nlohmann::json::parse(line);
  r.seeds = j["seeds"], r.steps = j["steps"], r.virtual_ms = j["virtual_ms"], r.counts = j["counts"],
  r.trace_hash = j["trace_hash"];
  for (auto& f : j.value("findings", nlohmann::json::array())) r.findings.push_back({f["seed"], f["check"], f["what"]});
  return r;
}

/// What the processes share: memory that fork does not copy.
struct board {
  explicit board(std::size_t jobs) : size(sizeof(std::atomic<std::uint64_t>) * (jobs + 1)) {
    auto* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::runtime_error("no memory to share between processes");
    seeds = new (memory) std::atomic<std::uint64_t>[jobs + 1];
  }
  board(const board&) = delete;
  board& operator=(const board&) = delete;
  ~board() { munmap(seeds, size); }

  std::atomic<std::uint64_t>& next() { return seeds[0]; }
  std::atomic<std::uint64_t>& running(std::size_t job) { return seeds[job + 1]; }

  std::size_t size;
  std::atomic<std::uint64_t>* seeds;
};

void write_all(int fd, const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    auto n = write(fd, text.data() + at, text.size() - at);
    if (n <= 0) _exit(1);
    at += static_cast<std::size_t>(n);
  }
}

[[noreturn]] void work(const division& d, board& b, std::size_t job, int out,
                       const std::function<seed_runner()>& make) {
  try {
    auto run_seed = make();
    while (clock::now() < d.until) {
      auto seed = b.next()++;
      if (seed > d.last) break;
      b.running(job) = seed;
      write_all(out, line_of(run_seed(seed)));
      b.running(job) = no_seed;
    }
    _exit(0);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "a process of the simulation ends: %s\n", e.what());
    _exit(1);
  }
}

class workers {
 public:
  workers(const division& d, const std::function<seed_runner()>& make, const std::function<void(const report&)>& tell)
      : d_(d),
        make_(make),
        tell_(tell),
        board_(static_cast<std::size_t>(d.jobs)),
        all_(static_cast<std::size_t>(d.jobs)) {
    board_.next() = d.first;
    for (std::size_t job = 0; job < all_.size(); ++job) start(job);
  }
  workers(const workers&) = delete;
  workers& operator=(const workers&) = delete;
  ~workers() {
    for (auto& w : all_)
      if (w.pipe >= 0) kill(w.pid, SIGKILL), waitpid(w.pid, nullptr, 0), close(w.pipe);
  }

  void run(const std::function<void()>& idle) {
    std::vector<pollfd> fds;
    while (open_) {
      fds.clear();
      for (auto& w : all_) fds.push_back({w.pipe, POLLIN, 0});
      poll(fds.data(), fds.size(), 500);
      for (std::size_t job = 0; job < fds.size(); ++job)
        if (fds[job].fd >= 0 && fds[job].revents) read_from(job);
      for (std::size_t job = 0; job < all_.size(); ++job) look_after(job);
      idle();
    }
  }

 private:
  struct worker {
    pid_t pid = 0;
    int pipe = -1;
    std::string text;
    std::uint64_t seed = no_seed;  ///< seen running
    clock::time_point looked;
    clock::duration waited{};  ///< for it
    bool ended_by_us = false;
  };

  void start(std::size_t job) {
    int ends[2];
    if (pipe(ends)) throw std::runtime_error(std::string("cannot make a pipe: ") + std::strerror(errno));
    std::fflush(nullptr);
    board_.running(job) = no_seed;
    auto parent = getpid();
    auto pid = fork();
    if (pid < 0) throw std::runtime_error(std::string("cannot start a process: ") + std::strerror(errno));
    if (pid == 0) {
      // Whoever ends the campaign by a signal ends its processes.
      if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent) _exit(1);
      close(ends[0]);
      for (auto& w : all_)
        if (w.pipe >= 0) close(w.pipe);
      work(d_, board_, job, ends[1], make_);
    }
    close(ends[1]);
    all_[job] = {pid, ends[0], {}, no_seed, clock::now(), {}, false};
    ++open_;
  }

  void read_from(std::size_t job) {
    auto& w = all_[job];
    char buffer[65536];
    auto n = read(w.pipe, buffer, sizeof buffer);
    if (n <= 0) return over(job);
    w.text.append(buffer, static_cast<std::size_t>(n));
    for (std::size_t end; (end = w.text.find('\n')) != std::string::npos; w.text.erase(0, end + 1))
      tell_(report_of(w.text.substr(0, end)));
  }

  void over(std::size_t job) {
    auto& w = all_[job];
    close(w.pipe);
    w.pipe = -1, --open_;
    int status = 0;
    waitpid(w.pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
    auto seed = board_.running(job).load();
    if (seed == no_seed) throw std::runtime_error("a process of the simulation ended, and not by a seed: see above");
    report r;
    r.seeds = 1;
    r.findings.push_back({seed, process_check, what_ended(w, status)});
    tell_(r);
    if (board_.next() <= d_.last) start(job);
  }

  std::string what_ended(const worker& w, int status) const {
    std::string text = std::string(process_check) + ": ";
    if (w.ended_by_us) return text + "no end within " + std::to_string(d_.patience.count()) + " s: it hangs";
    if (WIFSIGNALED(status))
      return text + "ended by signal " + std::to_string(WTERMSIG(status)) + " (" + strsignal(WTERMSIG(status)) + ")";
    return text + "ended with status " + std::to_string(WEXITSTATUS(status)) + ", see stderr";
  }

  /// Ends it if it has been with one seed for too long: what it then says is read as of any that died.
  void look_after(std::size_t job) {
    auto& w = all_[job];
    if (w.pipe < 0) return;
    // What passes while this process stands still (a debugger, a laptop that sleeps) counts for nothing.
    auto now = clock::now();
    auto passed = std::min<clock::duration>(now - std::exchange(w.looked, now), std::chrono::seconds(1));
    if (auto seed = board_.running(job).load(); seed != w.seed) {
      w.seed = seed, w.waited = {};
    } else if (seed != no_seed && (w.waited += passed) > d_.patience && !w.ended_by_us) {
      w.ended_by_us = true;
      kill(w.pid, SIGKILL);
    }
  }

  const division& d_;
  const std::function<seed_runner()>& make_;
  const std::function<void(const report&)>& tell_;
  board board_;
  std::vector<worker> all_;
  int open_ = 0;
};

}  // namespace

void run_on_processes(const division& d, const std::function<seed_runner()>& make,
                      const std::function<void(const report&)>& tell, const std::function<void()>& idle) {
  workers(d, make, tell).run(idle);
}

}  // namespace troupe::sim

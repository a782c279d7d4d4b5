/// `troupe up`: makes an ensemble on this machine, or starts what does not run of one, and waits until it serves.

#include <sys/wait.h>

#include <chrono>
#include <iostream>
#include <map>
#include <set>
#include <thread>

#include "tools/commands.hpp"
#include "tools/ensemble_directory.hpp"
#include "tools/probe.hpp"
#include "tools/process.hpp"

namespace troupe::tools {
namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

constexpr auto quorum_patience = 60s;
constexpr auto rest_patience = 3s;    ///< for the nodes that a quorum does not need
constexpr auto dying_patience = 30s;  ///< for the kernel to take a killed node apart
constexpr int probe_timeout_ms = 200;
constexpr int default_base_port = 2181;

void check_agreement(const up_options& options, const ensemble& nodes) {
  const auto in_dir = "but " + options.directory.string() + " holds an ensemble ";
  if (options.nodes && *options.nodes != static_cast<int>(nodes.size())) {
    throw usage_error("--nodes=" + std::to_string(*options.nodes) + ", " + in_dir + "of " +
                      std::to_string(nodes.size()) + ": leave --nodes out, or choose another --dir");
  }
  if (options.base_port && *options.base_port != nodes.front().config.client_port) {
    throw usage_error("--base-port=" + std::to_string(*options.base_port) + ", " + in_dir + "at " +
                      std::to_string(nodes.front().config.client_port) +
                      ": leave --base-port out, or choose another --dir");
  }
  if (!options.settings.empty()) {
    throw usage_error("--set is for a new ensemble, " + in_dir + "already: edit its node-*/node.conf");
  }
}

std::string obstacles_of(const ensemble& nodes, std::int64_t patience_ms) {
  std::string result;
  for (const auto& n : nodes) {
    for (const auto& e : preflight(n.config, patience_ms)) result += (result.empty() ? "" : "\n") + n.name() + ": " + e;
  }
  return result;
}

ensemble make_ensemble(const up_options& options) {
  ensemble_plan plan{options.nodes.value_or(3), options.base_port.value_or(default_base_port), {}};
  for (const auto& s : options.settings) {
    const auto equals = s.find('=');
    if (equals == std::string::npos) throw usage_error("--set=" + s + " is not KEY=VALUE");
    plan.settings.push_back(s.substr(0, equals) + " = " + s.substr(equals + 1));
  }
  auto planned = plan_ensemble(options.directory, plan);
  auto obstacles = obstacles_of(planned, 0);
  while (!obstacles.empty() && options.next_free) {
    ++plan.base_port;
    planned = plan_ensemble(options.directory, plan);  // ends with a usage_error at the last port
    obstacles = obstacles_of(planned, 0);
  }
  if (!obstacles.empty()) throw usage_error(obstacles);
  return create_ensemble(options.directory, plan);
}

class starter {
 public:
  explicit starter(const ensemble& nodes) : nodes_(nodes) {}

  void start_missing() {
    for (const auto& n : nodes_) {
      if (n.state() != process_state::dying) continue;
      const auto deadline = steady::now() + dying_patience;
      while (n.state() == process_state::dying && steady::now() < deadline) std::this_thread::sleep_for(poll_interval);
    }
    ensemble missing;
    for (const auto& n : nodes_) {
      if (n.state() != process_state::running) missing.push_back(n);
    }
    const auto obstacles = obstacles_of(missing, 1000);
    if (!obstacles.empty()) throw usage_error(obstacles);
    for (const auto& n : missing) start(n);
  }

  /// True once a quorum serves; false if it cannot, or did not in time.
  bool wait() {
    const auto deadline = steady::now() + quorum_patience;
    while (steady::now() < deadline) {
      look_around();
      if (serves()) {
        wait_for_rest();
        return true;
      }
      if (!possible()) return false;
      std::this_thread::sleep_for(poll_interval);
    }
    return false;
  }

  void report_failed() const {
    for (const auto& [id, why] : failed_) complain(why);
  }

  void report_all() const {
    for (const auto& n : nodes_) {
      if (serving_.count(n.config.id) != 0) continue;
      std::cerr << n.name() << " does not serve; the end of " << n.log().string() << ":\n" << tail(n.log(), 15);
    }
  }

 private:
  void start(const ensemble_node& n) {
    const pid_t pid = start_node(n.config_file(), n.log());
    write_pid(n.pid_file(), pid);
    children_[n.config.id] = pid;
  }

  /// Who serves, and which of those that we started ended. One that we found running but that was being killed is
  /// started again.
  void look_around() {
    serving_.clear();
    led_ = false;
    for (const auto& n : nodes_) {
      if (const auto report = probe(n.config, probe_timeout_ms)) {
        serving_.insert(n.config.id);
        led_ = led_ || report->mode == "leader" || report->mode == "standalone";
      }
      const auto child = children_.find(n.config.id);
      if (child == children_.end()) {
        if (n.state() == process_state::absent) start(n);
      } else if (int status = 0; failed_.count(n.config.id) == 0 && ::waitpid(child->second, &status, WNOHANG) > 0) {
        failed_[n.config.id] = n.name() + " ended (" + (WIFSIGNALED(status) ? "signal " : "exit code ") +
                               std::to_string(WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status)) +
                               "), see " + n.log().string();
      }
    }
  }

  bool quorum_of(const std::set<node_id>& ids) const {
    return nodes_.front().config.membership().quorum(std::vector<node_id>(ids.begin(), ids.end()));
  }
  bool serves() const { return led_ && quorum_of(serving_); }
  bool possible() const {
    std::set<node_id> alive;
    for (const auto& n : nodes_) {
      if (failed_.count(n.config.id) == 0) alive.insert(n.config.id);
    }
    return quorum_of(alive);
  }

  void wait_for_rest() {
    const auto deadline = steady::now() + rest_patience;
    while (serving_.size() + failed_.size() < nodes_.size() && steady::now() < deadline) {
      std::this_thread::sleep_for(poll_interval);
      look_around();
    }
  }

  const ensemble& nodes_;
  std::map<node_id, pid_t> children_;
  std::map<node_id, std::string> failed_;
  std::set<node_id> serving_;
  bool led_ = false;
};

}  // namespace

int up_command(const up_options& options) {
  namespace fs = std::filesystem;
  const bool existed = holds_ensemble(options.directory);
  ensemble nodes;
  if (existed) {
    nodes = read_ensemble(options.directory);
    check_agreement(options, nodes);
  } else {
    nodes = make_ensemble(options);
  }
  const directory_lock lock(options.directory);
  starter s(nodes);
  s.start_missing();
  const bool good = s.wait();
  s.report_failed();
  if (!good) {
    s.report_all();
    complain("no quorum serves; `troupe down --dir=" + options.directory.string() + "` stops what runs");
    return 1;
  }
  std::cout << connect_string(nodes) << std::endl;
  return 0;
}

}  // namespace troupe::tools

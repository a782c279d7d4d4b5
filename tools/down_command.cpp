/// `troupe down`: stops the nodes of an ensemble directory, gracefully.

#include <signal.h>

#include <chrono>
#include <iostream>
#include <thread>

#include "tools/commands.hpp"
#include "tools/ensemble_directory.hpp"
#include "tools/process.hpp"

namespace troupe::tools {
namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

constexpr auto graceful_patience = 30s;
constexpr auto kill_patience = 30s;

bool all_gone(const ensemble& nodes) {
  for (const auto& n : nodes) {
    if (n.state() != process_state::absent) return false;
  }
  return true;
}

bool wait_until_gone(const ensemble& nodes, steady::duration patience) {
  const auto deadline = steady::now() + patience;
  while (!all_gone(nodes)) {
    if (steady::now() > deadline) return false;
    std::this_thread::sleep_for(poll_interval);
  }
  return true;
}

void tell(const ensemble& nodes, int what) {
  for (const auto& n : nodes) {
    const auto pid = n.pid();  // once: a node that writes its file just now has none, and 0 would be our own group
    if (pid <= 0 || n.state() != process_state::running) continue;
    ::kill(pid, what);
    if (what == SIGTERM) ::kill(pid, SIGCONT);  // a stopped process would not hear it
    if (what == SIGKILL) complain(n.name() + " (process " + std::to_string(pid) + ") did not stop in time: killed");
  }
}

}  // namespace

int down_command(const std::filesystem::path& directory) {
  const ensemble nodes = read_ensemble(directory);
  const directory_lock lock(directory);
  tell(nodes, SIGTERM);
  if (!wait_until_gone(nodes, graceful_patience)) {
    tell(nodes, SIGKILL);
    if (!wait_until_gone(nodes, kill_patience)) {
      complain("some processes do not end even by SIGKILL: a disk or a network file system hangs");
      return 1;
    }
  }
  for (const auto& n : nodes) std::filesystem::remove(n.pid_file());
  return 0;
}

}  // namespace troupe::tools

/// `troupe status`: one line for each node of an ensemble directory.

#include <cinttypes>
#include <cstdio>
#include <vector>

#include "tools/commands.hpp"
#include "tools/ensemble_directory.hpp"
#include "tools/probe.hpp"

namespace troupe::tools {

int status_command(const std::filesystem::path& directory) {
  constexpr int timeout_ms = 1000;
  const ensemble nodes = read_ensemble(directory);
  std::vector<node_id> serving;
  bool led = false;
  std::printf("%-9s %-21s %8s %-12s %6s %12s %9s\n", "node", "client address", "pid", "role", "epoch", "zxid",
              "sessions");
  for (const auto& n : nodes) {
    const auto address = endpoint{n.config.client_address, n.config.client_port}.text();
    const bool runs = n.state() == process_state::running;
    const auto pid = runs ? std::to_string(n.pid()) : "-";
    auto report = runs ? probe(n.config, timeout_ms) : std::nullopt;
    if (!report) {
      std::printf("%-9s %-21s %8s %-12s %6s %12s %9s\n", n.name().c_str(), address.c_str(), pid.c_str(),
                  runs ? "not-serving" : "down", "-", "-", "-");
      continue;
    }
    add_sessions(n.config, timeout_ms, *report);
    serving.push_back(n.config.id);
    led = led || report->mode == "leader" || report->mode == "standalone";
    char zxid[32];
    std::snprintf(zxid, sizeof zxid, "0x%" PRIx64, static_cast<std::uint64_t>(report->zxid));
    std::printf("%-9s %-21s %8s %-12s %6" PRIu32 " %12s %9s\n", n.name().c_str(), address.c_str(), pid.c_str(),
                report->mode.c_str(), report->epoch, zxid,
                report->sessions ? std::to_string(*report->sessions).c_str() : "-");
  }
  return std::fflush(stdout) == 0 && led && nodes.front().config.membership().quorum(serving) ? 0 : 1;
}

}  // namespace troupe::tools

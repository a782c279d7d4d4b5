#include "tests/sim/fault_kinds.hpp"

#include <stdexcept>
#include <utility>

namespace troupe::sim {

namespace {

struct kind {
  const char* name;
  int options::*chance;
};

constexpr kind kinds[] = {
    {"break-link", &options::break_link},
    {"partition", &options::partition},
    {"one-way", &options::one_way},
    {"clog", &options::clog},
    {"cut-client", &options::cut_client},
    {"repeat-vote", &options::repeat_vote},
    {"crash", &options::crash},
    {"crash-all", &options::crash_all},
    {"stop", &options::stop},
    {"rolling-restart", &options::rolling_restart},
    {"pause", &options::pause},
    {"crash-in-write", &options::crash_in_write},
    {"drift", &options::drift_percent},
    {"wall-jump", &options::wall_jump},
    {"freeze-clock", &options::freeze_clock},
    {"stall", &options::stall},
    {"io-error", &options::io_error},
    {"disk-full", &options::disk_full},
    {"rot", &options::rot},
    {"wipe", &options::wipe},
    {"lost-commit", &options::lost_commit},
    {"freeze-leader", &options::freeze_leader},
    {"move-client", &options::move_client},
    {"wipe-behind", &options::wipe_behind},
    {"hide-elected", &options::hide_elected},
    {"fail-truncation", &options::fail_truncation},
    {"crash-in-copy", &options::crash_in_copy},
};

constexpr std::pair<const char*, std::int64_t options::*> delays[] = {
    {"slow-frames", &options::slow_us},
    {"slow-sync", &options::slow_sync_us},
};

}  // namespace

const std::vector<std::string>& all_fault_kinds() {
  static const auto names = [] {
    std::vector<std::string> out;
    for (auto& k : kinds) out.emplace_back(k.name);
    for (auto& d : delays) out.emplace_back(d.first);
    return out;
  }();
  return names;
}

std::vector<std::string> fault_kinds(const options& o) {
  std::vector<std::string> out;
  for (auto& k : kinds)
    if (o.*k.chance) out.emplace_back(k.name);
  for (auto& d : delays)
    if (o.*d.second) out.emplace_back(d.first);
  return out;
}

void switch_off(options& o, const std::string& name) {
  for (auto& k : kinds)
    if (name == k.name) return void(o.*k.chance = 0);
  for (auto& d : delays)
    if (name == d.first) return void(o.*d.second = 0);
  throw std::invalid_argument("'" + name + "' is no kind of fault");
}

}  // namespace troupe::sim

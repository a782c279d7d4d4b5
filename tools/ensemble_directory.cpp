#include "tools/ensemble_directory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <system_error>

namespace troupe::tools {
namespace {

namespace fs = std::filesystem;

fs::path node_directory(const fs::path& directory, int id) { return directory / ("node-" + std::to_string(id)); }

int port_at(int distance, const ensemble_plan& plan, int id) {
  const int above = plan.base_port + distance + plan.nodes;
  return plan.base_port + (above <= 65535 ? distance : -distance) + id - 1;
}

int peer_port(const ensemble_plan& plan, int id) { return port_at(peer_port_distance, plan, id); }
int actor_port(const ensemble_plan& plan, int id) { return port_at(actor_port_distance, plan, id); }

std::string node_conf(const ensemble_plan& plan, int id) {
  std::string members;
  for (int i = 1; i <= plan.nodes; ++i) {
    members +=
        "  {id = " + std::to_string(i) + ", address = \"127.0.0.1:" + std::to_string(peer_port(plan, i)) + "\"},\n";
  }
  std::string text =
      "; Written by `troupe up`, once: yours to edit. `troupe node --print-config` shows every key with its default.\n"
      "[troupe]\n"
      "id = " +
      std::to_string(id) +
      "\n"
      "data-dir = \"data\"\n"
      "client-address = \"127.0.0.1\"\n"
      "client-port = " +
      std::to_string(plan.base_port + id - 1) +
      "\n"
      "actor-port = " +
      std::to_string(actor_port(plan, id)) +
      "\n"
      "members = [\n" +
      members +
      "]\n"
      "pid-file = \"pid\"\n"
      "; All clients of an ensemble on one machine come from one address, so it has no bound of its own.\n"
      "max-client-connections = 0\n";
  for (const auto& setting : plan.settings) text += setting + "\n";
  return text;
}

std::string lines(const std::vector<std::string>& errors) {
  std::string result;
  for (const auto& e : errors) result += (result.empty() ? "" : "\n") + e;
  return result;
}

}  // namespace

ensemble plan_ensemble(const fs::path& directory, const ensemble_plan& plan) {
  if (plan.nodes < 1 || plan.nodes > 255) throw usage_error("--nodes must be from 1 to 255");
  if (plan.base_port < 1 || plan.base_port + plan.nodes - 1 > 65535) {
    throw usage_error("--base-port: client ports " + std::to_string(plan.base_port) + " to " +
                      std::to_string(plan.base_port + plan.nodes - 1) + " are not all within 1 to 65535");
  }
  ensemble result;
  for (int id = 1; id <= plan.nodes; ++id) {
    node_actor_config caf;
    const auto at = node_directory(directory, id);
    auto read = parse_configuration(node_conf(plan, id), (at / "node.conf").string(), at, caf);
    if (!read.errors.empty()) throw usage_error(lines(read.errors));
    result.push_back({at, std::move(read.config)});
  }
  return result;
}

ensemble create_ensemble(const fs::path& directory, const ensemble_plan& plan) {
  for (int id = 1; id <= plan.nodes; ++id) {
    const auto at = node_directory(directory, id);
    fs::create_directories(at);
    std::ofstream out(at / "node.conf.new", std::ios::trunc);
    out << node_conf(plan, id) << std::flush;
    if (!out) throw std::system_error(errno, std::generic_category(), "cannot write " + (at / "node.conf").string());
    fs::rename(at / "node.conf.new", at / "node.conf");
  }
  return read_ensemble(directory);
}

bool holds_ensemble(const fs::path& directory) { return fs::exists(node_directory(directory, 1) / "node.conf"); }

ensemble read_ensemble(const fs::path& directory) {
  if (!holds_ensemble(directory)) {
    throw usage_error(directory.string() + " holds no ensemble (no node-1/node.conf): `troupe up --dir=" +
                      directory.string() + "` makes one");
  }
  ensemble result;
  for (int id = 1; fs::exists(node_directory(directory, id) / "node.conf"); ++id) {
    node_actor_config caf;
    const auto at = node_directory(directory, id);
    auto read = load_configuration(at / "node.conf", caf);
    if (!read.errors.empty()) throw usage_error(lines(read.errors));
    result.push_back({at, std::move(read.config)});
  }
  const std::size_t expected = std::max<std::size_t>(1, result.front().config.members.size());
  if (result.size() < expected) {
    throw usage_error(directory.string() + " is incomplete: " + std::to_string(result.size()) + " of " +
                      std::to_string(expected) + " nodes have a node.conf. Remove it and run `troupe up` again");
  }
  return result;
}

std::string connect_string(const ensemble& nodes) {
  std::string result;
  for (const auto& n : nodes) {
    result += (result.empty() ? "" : ",") + endpoint{n.config.client_address, n.config.client_port}.text();
  }
  return result;
}

directory_lock::directory_lock(const fs::path& directory)
    : fd_(::open((directory / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
  const std::string what = "cannot lock " + (directory / "lock").string();
  if (fd_ < 0) throw std::system_error(errno, std::generic_category(), what);
  while (::flock(fd_, LOCK_EX) != 0) {
    if (errno != EINTR) throw std::system_error(errno, std::generic_category(), what);
  }
}

directory_lock::~directory_lock() { ::close(fd_); }

}  // namespace troupe::tools

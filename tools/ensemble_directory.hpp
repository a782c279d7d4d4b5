#pragma once
/// An ensemble on this machine, as `troupe up` lays it out:
///
///   DIR/lock              held (flock) while up or down works on DIR
///   DIR/node-I/node.conf  written once, by the first `up`; yours to edit afterwards
///   DIR/node-I/data/      the node's data
///   DIR/node-I/log        what the node says; appended
///   DIR/node-I/pid        its process id, written by the node itself too, so that one started by hand is known

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "actors/node/configuration.hpp"
#include "tools/process.hpp"

namespace troupe::tools {

/// The caller asked for something that cannot be: exit code 2. what() may have several lines.
class usage_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct ensemble_node {
  std::filesystem::path directory;
  node_config config;

  std::filesystem::path config_file() const { return directory / "node.conf"; }
  std::filesystem::path log() const { return directory / "log"; }
  std::filesystem::path pid_file() const { return directory / "pid"; }
  pid_t pid() const { return read_pid(pid_file()); }
  process_state state() const { return state_of(pid(), config_file()); }
  std::string name() const { return directory.filename().string(); }
};

using ensemble = std::vector<ensemble_node>;

struct ensemble_plan {
  int nodes = 3;
  int base_port = 2181;               ///< client port of node 1
  std::vector<std::string> settings;  ///< "key = value", put into group troupe of every node
};

/// Peers listen this far above the client ports (below, where there is no room), away from ensembles at nearby ports.
constexpr int peer_port_distance = 500;
/// The same for the ports of clients that are actors.
constexpr int actor_port_distance = 1000;

/// What `plan` would be, without creating anything. Throws usage_error.
ensemble plan_ensemble(const std::filesystem::path& directory, const ensemble_plan&);
/// Writes the node.conf of each; returns what a later `read_ensemble` will.
ensemble create_ensemble(const std::filesystem::path& directory, const ensemble_plan&);

/// True if there is a node-I in it.
bool holds_ensemble(const std::filesystem::path& directory);
/// Reads node-1, node-2, ... Throws usage_error if there are none or if a file is wrong.
ensemble read_ensemble(const std::filesystem::path& directory);

std::string connect_string(const ensemble&);

/// Held while it lives. Waits for another `up` or `down` to end.
class directory_lock {
 public:
  explicit directory_lock(const std::filesystem::path& directory);
  ~directory_lock();
  directory_lock(const directory_lock&) = delete;
  directory_lock& operator=(const directory_lock&) = delete;

 private:
  int fd_;
};

}  // namespace troupe::tools

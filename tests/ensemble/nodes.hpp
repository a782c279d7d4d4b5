#pragma once
/// The processes of the ensemble that with_ensemble.py runs around a program: who leads, kill, start again.

#include <doctest/doctest.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "tests/ensemble/actor_client.hpp"

namespace troupe::ensemble {

/// Ends nothing but them; the ensemble itself is with_ensemble.py's to end.
struct nodes {
  const std::string directory = require("TROUPE_DIRECTORY"), executable = require("TROUPE");
  static std::string require(const char* name) {
    auto* value = std::getenv(name);
    REQUIRE_MESSAGE(value != nullptr, name, " is not set");
    return value;
  }
  /// A shell's words: paths of ours have no blanks.
  std::string said(const std::string& command) const {
    std::string out;
    auto* pipe = ::popen((executable + " " + command + " --dir=" + directory + " 2>&1").c_str(), "r");
    REQUIRE(pipe != nullptr);
    char part[256];
    while (std::fgets(part, sizeof part, pipe)) out += part;
    ::pclose(pipe);
    return out;
  }
  int leader() const {
    auto text = said("status");
    std::size_t line = 0;
    for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
      auto one = text.substr(at, text.find('\n', at) - at);
      if (auto n = one.find("node-"); n == 0 && one.find("leader") != std::string::npos) return one[5] - '0';
      if (++line > 20 || text.find('\n', at) == std::string::npos) break;
    }
    return 0;
  }
  int wait_for_leader() const {
    for (auto end = std::chrono::steady_clock::now() + patience; std::chrono::steady_clock::now() < end;)
      if (auto n = leader()) return n;
    FAIL("no leader: ", said("status"));
    return 0;
  }
  void kill(int node) const {
    std::ifstream file(directory + "/node-" + std::to_string(node) + "/pid");
    pid_t pid = 0;
    file >> pid;
    REQUIRE(pid > 1);
    REQUIRE(::kill(pid, SIGKILL) == 0);
  }
  void start_all() const { said("up"); }
};

}  // namespace troupe::ensemble

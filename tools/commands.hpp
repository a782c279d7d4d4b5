#pragma once
/// The subcommands of `troupe`. Each returns the exit code: 0 done, 1 it did not work out, 2 the request, the
/// configuration or the machine does not allow it. Errors go to stderr, one line each, before the return.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace troupe::tools {

struct node_options {
  std::filesystem::path config_file;  ///< empty: none
  bool print_config = false;
};
int node_command(const node_options&);

struct up_options {
  std::filesystem::path directory;
  std::optional<int> nodes;           ///< default 3; on an existing directory it must agree
  std::optional<int> base_port;       ///< default 2181; on an existing directory it must agree
  bool next_free = false;             ///< a new ensemble takes the next base port whose ports are all free
  std::vector<std::string> settings;  ///< KEY=VALUE for group troupe of a new ensemble's nodes
};
int up_command(const up_options&);

int down_command(const std::filesystem::path& directory);
int status_command(const std::filesystem::path& directory);

struct simulate_options {
  std::string seeds = "1..1000";  ///< "a..b" or "a"
  int jobs = 1;                   ///< processes
  double minutes = 0;             ///< 0: until all seeds are done
  std::vector<std::string> without, disable;
  bool twice = false, trace = false, list = false;
};
/// Exit code 1: a seed failed.
int simulate_command(const simulate_options&);

/// "troupe: <what>" on stderr, for each line of `what`.
void complain(const std::string& what);
std::string complaint(const std::string& what);  ///< only the text of it

}  // namespace troupe::tools

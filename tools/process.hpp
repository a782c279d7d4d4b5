#pragma once
/// Node processes of an ensemble directory: whether one runs, starting one in the background.

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string>

namespace troupe::tools {

/// How often a process is looked at that is waited for.
constexpr std::chrono::milliseconds poll_interval{10};

enum class process_state {
  absent,  ///< no such process, or the id belongs to something else by now
  running,
  dying,  ///< killed, but the kernel still takes it apart: its ports and its lock are not free yet
};

/// What process `pid` is to the node that is configured by `config_file`.
process_state state_of(pid_t pid, const std::filesystem::path& config_file);

/// The id in a pid file; 0 if there is none.
pid_t read_pid(const std::filesystem::path& pid_file);
void write_pid(const std::filesystem::path& pid_file, pid_t pid);

/// Starts `troupe node --config-file=FILE` (this executable) in a session of its own, its output appended to `log`.
/// Throws std::system_error.
pid_t start_node(const std::filesystem::path& config_file, const std::filesystem::path& log);

/// The last lines of a file, for an error message.
std::string tail(const std::filesystem::path& file, std::size_t lines);

}  // namespace troupe::tools

#include "tools/process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <deque>
#include <fstream>
#include <sstream>
#include <system_error>
#include <vector>

namespace troupe::tools {
namespace {

namespace fs = std::filesystem;

std::string slurp(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  if (in && in.peek() != std::ifstream::traits_type::eof()) text << in.rdbuf();
  return text.str();
}

/// The state letter of /proc/PID/stat or /proc/PID/task/TID/stat; 0 if there is none. The name before it may hold
/// anything, so the last parenthesis counts.
char state_letter(const fs::path& stat) {
  const std::string text = slurp(stat);
  const auto at = text.rfind(')');
  return at == std::string::npos || at + 2 >= text.size() ? '\0' : text[at + 2];
}

bool dead(char letter) { return letter == '\0' || letter == 'Z' || letter == 'X'; }

/// A process whose first thread is a zombie still owns its sockets until its last thread is gone.
bool has_live_thread(const fs::path& process) {
  std::error_code gone;
  for (fs::directory_iterator i(process / "task", gone), end; !gone && i != end; i.increment(gone)) {
    if (!dead(state_letter(i->path() / "stat"))) return true;
  }
  return false;
}

std::vector<std::string> arguments_of(const fs::path& process) {
  std::vector<std::string> result;
  std::istringstream text(slurp(process / "cmdline"));
  for (std::string one; std::getline(text, one, '\0');) result.push_back(one);
  return result;
}

bool runs_node(const std::vector<std::string>& arguments, const fs::path& process, const fs::path& config_file) {
  const std::string option = "--config-file";
  if (arguments.size() < 3 || arguments[1] != "node") return false;
  for (std::size_t i = 2; i < arguments.size(); ++i) {
    fs::path given;
    if (arguments[i].starts_with(option + "=")) given = arguments[i].substr(option.size() + 1);
    if (arguments[i] == option && i + 1 < arguments.size()) given = arguments[i + 1];
    if (given.empty()) continue;
    std::error_code failed;
    if (given.is_relative()) given = fs::read_symlink(process / "cwd", failed) / given;
    if (fs::equivalent(given, config_file, failed)) return true;
  }
  return false;
}

/// SIGKILL was sent, and will take effect.
bool kill_pending(const fs::path& process) {
  std::istringstream status(slurp(process / "status"));
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with("SigPnd:") && !line.starts_with("ShdPnd:")) continue;
    if ((std::stoull(line.substr(7), nullptr, 16) >> (SIGKILL - 1) & 1) != 0) return true;
  }
  return false;
}

/// The child's side of start_node: only async-signal-safe calls.
[[noreturn]] void become_node(const char* program, char* const* arguments, int log) {
  ::setsid();
  const int nothing = ::open("/dev/null", O_RDONLY);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::close_range(3, ~0U, 0);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int s : {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(s, SIG_DFL);
  ::execv(program, arguments);
  ::_exit(127);
}

}  // namespace

process_state state_of(pid_t pid, const fs::path& config_file) {
  if (pid <= 0) return process_state::absent;
  const fs::path process = "/proc/" + std::to_string(pid);
  if (dead(state_letter(process / "stat"))) {
    return has_live_thread(process) ? process_state::dying : process_state::absent;
  }
  const auto arguments = arguments_of(process);
  // Without a command line: a process that has lost its memory already, or a kernel thread, which has no program
  // either.
  if (arguments.empty()) return process_state::dying;
  if (!runs_node(arguments, process, config_file)) return process_state::absent;
  return kill_pending(process) ? process_state::dying : process_state::running;
}

pid_t read_pid(const fs::path& pid_file) {
  pid_t pid = 0;
  std::ifstream(pid_file) >> pid;
  return pid > 0 ? pid : 0;
}

void write_pid(const fs::path& pid_file, pid_t pid) {
  std::ofstream out(pid_file, std::ios::trunc);
  out << pid << "\n" << std::flush;
  if (!out) throw std::system_error(errno, std::generic_category(), "cannot write " + pid_file.string());
}

pid_t start_node(const fs::path& config_file, const fs::path& log) {
  const std::string program = fs::read_symlink("/proc/self/exe").string();
  std::string name = "troupe", node = "node", option = "--config-file=" + config_file.string();
  char* const arguments[] = {name.data(), node.data(), option.data(), nullptr};
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (out < 0) throw std::system_error(errno, std::generic_category(), "cannot write " + log.string());
  const pid_t pid = ::fork();
  if (pid == 0) become_node(program.c_str(), arguments, out);
  const int failed = errno;
  ::close(out);
  if (pid < 0) throw std::system_error(failed, std::generic_category(), "cannot start a process");
  return pid;
}

std::string tail(const fs::path& file, std::size_t lines) {
  std::ifstream in(file);
  std::deque<std::string> last;
  for (std::string line; std::getline(in, line);) {
    last.push_back(line);
    if (last.size() > lines) last.pop_front();
  }
  std::string result;
  for (const auto& line : last) result += "  " + line + "\n";
  return result;
}

}  // namespace troupe::tools

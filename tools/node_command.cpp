/// `troupe node`: one node in the foreground.

#include "actors/node/node.hpp"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <spdlog/async.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <unistd.h>

#include <iostream>
#include <memory>

#include "tools/commands.hpp"
#include "tools/crash_message.hpp"
#include "tools/log_sink.hpp"
#include "tools/patient_write.hpp"
#include "tools/process.hpp"

namespace troupe::tools {
namespace {

constexpr std::size_t log_queue_lines = 8192;
/// Descriptors that are not client connections: databases, peers, the I/O thread, some to spare.
constexpr rlim_t other_descriptors = 128;

/// What a busy moment needs is needed again in the next: a megabyte of replies per turn of the loop costs ten times as much
/// if its pages go back to the kernel after each, as glibc does by itself. So much stays, at most; larger blocks go back.
void keep_memory_of_busy_moments() {
  ::mallopt(M_MMAP_THRESHOLD, 8 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 32 << 20);
}

/// From here on SIGTERM and SIGINT wait for the node's own handling, in every thread that is started later.
void hold_signals() {
  sigset_t held;
  sigemptyset(&held);
  sigaddset(&held, SIGTERM);
  sigaddset(&held, SIGINT);
  pthread_sigmask(SIG_BLOCK, &held, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

/// Lines wait in a bounded queue for a thread of their own; the oldest go when it is full.
std::shared_ptr<spdlog::logger> open_log(const std::string& level) {
  spdlog::init_thread_pool(log_queue_lines, 1);
  auto logger =
      std::make_shared<spdlog::async_logger>("troupe", std::make_shared<log_sink>(STDERR_FILENO), spdlog::thread_pool(),
                                             spdlog::async_overflow_policy::overrun_oldest);
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
  logger->set_level(spdlog::level::from_str(level));
  spdlog::set_default_logger(logger);
  return logger;
}

/// As many descriptors as the machine lets us have, and no more connections than those: each port may have half of them.
void fit_connections(node_config& config) {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  ::getrlimit(RLIMIT_NOFILE, &files);
  const std::size_t ports = config.actor_port != 0 ? 2 : 1;
  const std::size_t most =
      (files.rlim_cur > 2 * other_descriptors ? files.rlim_cur - other_descriptors : other_descriptors) / ports;
  if (config.max_connections <= most) return;
  spdlog::info(fmt::format("max-connections is {}, lowered to {} by the limit of open files ({}, see `ulimit -n`)",
                           config.max_connections, most, files.rlim_cur));
  config.max_connections = most;
}

int run(node_config& config, node_actor_config& caf) {
  hold_signals();
  keep_memory_of_busy_moments();
  if (!config.pid_file.empty()) write_pid(config.pid_file, ::getpid());
  const auto log = open_log(config.log_level);  // outlives the thread that writes it, which spdlog::shutdown() joins
  explain_crashes(config.data_dir);
  fit_connections(config);
  int code = 2;
  try {
    code = run_node(config, caf);
  } catch (const std::exception& e) {
    spdlog::shutdown();
    write_patiently(STDERR_FILENO, complaint(e.what()));
    return 2;
  }
  spdlog::shutdown();
  return code;
}

}  // namespace

int node_command(const node_options& options) {
  node_actor_config caf;
  configuration_result loaded;
  if (!options.config_file.empty()) {
    loaded = load_configuration(options.config_file, caf);
  } else if (!options.print_config) {
    complain("node: --config-file=FILE is missing; README.md has an example, `troupe node --print-config` every key");
    return 2;
  }
  for (const auto& e : loaded.errors) complain(e);
  if (!loaded.errors.empty()) return 2;
  if (options.print_config) {
    print_configuration(std::cout, loaded.config, caf);
    return std::cout.flush() ? 0 : 1;
  }
  const auto obstacles = preflight(loaded.config);
  for (const auto& e : obstacles) complain(e);
  return obstacles.empty() ? run(loaded.config, caf) : 2;
}

}  // namespace troupe::tools

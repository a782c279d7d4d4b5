#include "actors/gateway/four_letter_words.hpp"

#include <spdlog/fmt/fmt.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>

namespace troupe::gateway {

namespace {

constexpr std::array<std::string_view, 18> known{"ruok", "srvr", "stat", "mntr", "isro", "conf",
                                                 "cons", "crst", "srst", "envi", "dirs", "wchs",
                                                 "dump", "wchc", "wchp", "gtmk", "stmk", "hash"};

double ms(std::uint64_t us) { return static_cast<double>(us) / 1000.0; }

bool serving(const word_context& w) { return w.stats.role != node_stats::role_is::looking; }

const std::string& mode(const word_context& w) {
  return w.stats.role == node_stats::role_is::leading ? w.opts.leading_mode : w.opts.following_mode;
}

std::uint64_t latency_min(const node_stats& s) { return s.latency_count ? s.latency_min_us / 1000 : 0; }

double latency_avg(const node_stats& s) {
  return s.latency_count ? ms(s.latency_sum_us) / static_cast<double>(s.latency_count) : 0;
}

std::string numbers(const word_context& w) {
  auto& s = w.stats;
  auto out = fmt::format(
      "Latency min/avg/max: {}/{:.4f}/{}\nReceived: {}\nSent: {}\nConnections: {}\nOutstanding: {}\nZxid: {:#x}\nMode: "
      "{}\n"
      "Node count: {}\n",
      latency_min(s), latency_avg(s), s.latency_max_us / 1000, s.packets_received.load(), s.packets_sent.load(),
      s.connections.load(), s.outstanding.load(), s.zxid.load(), mode(w), s.node_count.load());
  if (s.role == node_stats::role_is::leading)
    out += fmt::format("Proposal sizes last/min/max: {}/{}/{}\n", s.proposal_size_last.load(),
                       s.proposal_size_min.load(), s.proposal_size_max.load());
  return out;
}

std::string version_line() { return "Zookeeper version: " + version_text() + "\n"; }

std::string brief(const connection& c) {
  return fmt::format(" /{}:{}[{}](queued={},recved={},sent={}", c.peer.address, c.peer.port, c.session ? 1 : 0,
                     c.outstanding, c.stats.received, c.stats.sent);
}

const char* op_name(std::int32_t op) {  // Request.op2String, shortened as ZooKeeper's statistics have it
  switch (static_cast<zk::op>(op)) {
    case zk::op::create:
      return "CREA";
    case zk::op::create2:
      return "CRE2";
    case zk::op::create_container:
      return "CREC";
    case zk::op::create_ttl:
      return "CRTL";
    case zk::op::del:
      return "DELE";
    case zk::op::exists:
      return "EXIS";
    case zk::op::get_data:
      return "GETD";
    case zk::op::set_data:
      return "SETD";
    case zk::op::get_acl:
      return "GETA";
    case zk::op::set_acl:
      return "SETA";
    case zk::op::get_children:
      return "GETC";
    case zk::op::get_children2:
      return "GETC";
    case zk::op::sync:
      return "SYNC";
    case zk::op::ping:
      return "PING";
    case zk::op::multi:
      return "MULT";
    case zk::op::set_watches:
      return "SETW";
    case zk::op::close_session:
      return "CLOS";
    default:
      return op ? "NA" : "SESS";
  }
}

std::string full(const connection& c) {
  auto& s = c.stats;
  auto out = brief(c);
  if (c.session)
    out += fmt::format(
        ",sid={:#x},lop={},est={},to={},lcxid={:#x},lzxid={:#x},lresp={},llat={},minlat={},avglat={},maxlat={}",
        static_cast<std::uint64_t>(c.session), op_name(s.last_op), c.established_ms, c.timeout_ms,
        static_cast<std::uint32_t>(s.last_xid), s.last_zxid, s.last_response_ms, s.latency_last_us / 1000,
        s.latency_count ? s.latency_min_us / 1000 : 0, s.latency_count ? s.latency_sum_us / s.latency_count / 1000 : 0,
        s.latency_max_us / 1000);
  return out + ")\n";
}

std::string all(const word_context& w, std::string (*line)(const connection&)) {
  std::string out;
  w.each_connection([&](connection& c) {
    if (c.state <= connection::phase::open) out += line(c);
  });
  return out;
}

std::size_t open_descriptors() {
  std::error_code ec;
  std::filesystem::directory_iterator it("/proc/self/fd", ec), end;
  return ec ? 0 : static_cast<std::size_t>(std::distance(it, end));
}

std::string monitor(const word_context& w) {
  auto& s = w.stats;
  std::string out;
  auto line = [&](std::string_view key, const auto& value) { out += fmt::format("zk_{}\t{}\n", key, value); };
  line("version", version_text());
  line("server_state", mode(w));
  line("avg_latency", fmt::format("{:.4f}", latency_avg(s)));
  line("max_latency", s.latency_max_us / 1000);
  line("min_latency", latency_min(s));
  line("packets_received", s.packets_received.load());
  line("packets_sent", s.packets_sent.load());
  line("num_alive_connections", s.connections.load());
  line("outstanding_requests", s.outstanding.load());
  line("znode_count", s.node_count.load());
  line("watch_count", s.watch_count.load());
  line("ephemerals_count", s.ephemerals_count.load());
  line("approximate_data_size", s.data_size.load());
  line("global_sessions", s.sessions.load());
  line("current_epoch", s.epoch.load());
  line("uptime", s.started_ms ? w.now_ms - s.started_ms : 0);
  line("open_file_descriptor_count", open_descriptors());
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  line("max_file_descriptor_count", limit.rlim_cur);
  line("connection_rejected", s.connections_refused.load());
  line("connection_drop_count", s.connections_dropped.load());
  line("bytes_received_count", s.bytes_received.load());
  // Log commits: how long each took, how many there were, what they held.
  const auto commits = s.log_commits.load();
  line("avg_fsynctime", fmt::format("{:.4f}", commits ? static_cast<double>(s.fsync_sum_us) / 1000 / commits : 0.0));
  line("max_fsynctime", s.fsync_max_us / 1000);
  line("cnt_fsynctime", commits);
  line("sum_fsynctime", s.fsync_sum_us / 1000);
  line("log_records", s.log_records.load());
  line("log_base", s.log_base.load());
  line("checkpoint_zxid", s.checkpoint_zxid.load());
  line("checkpoint_count", s.checkpoints.load());
  for (auto& t : s.request_types) {
    auto name = "request_type_" + t.name;
    std::replace_if(
        name.begin(), name.end(), [](unsigned char c) { return !std::isalnum(c); }, '_');
    line(name + "_calls", t.calls.load());
    line(name + "_failures", t.failures.load());
    line(name + "_timeouts", t.timeouts.load());
    line(name + "_sum_microseconds", t.total_us.load());
    line(name + "_max_microseconds", t.max_us.load());
  }
  if (s.role == node_stats::role_is::leading) {
    line("proposal_count", s.proposal_count.load());
    line("learners", s.learners.load());
    line("synced_followers", s.synced_followers.load());
    line("synced_observers", s.synced_observers.load());
    line("pending_syncs", s.pending_syncs.load());
    line("last_proposal_size", s.proposal_size_last.load());
    line("max_proposal_size", s.proposal_size_max.load());
    line("min_proposal_size", s.proposal_size_min.load());
  }
  return out;
}

/// kazoo's server_version() reads the version here.
std::string environment() {
  utsname u{};
  ::uname(&u);
  return fmt::format("Environment:\nzookeeper.version={}\nhost.name={}\nos.name={}\nos.arch={}\nos.version={}\n",
                     version_text(), u.nodename, u.sysname, u.machine, u.release);
}

}  // namespace

std::string version_text() { return "3.9.0-troupe, built on " __DATE__; }

bool is_four_letter_word(std::string_view w) { return std::find(known.begin(), known.end(), w) != known.end(); }

std::string answer(const std::string& word, const word_context& w) {
  auto& allowed = w.opts.words;
  auto refused = word + " is not executed because it is not in the whitelist.\n";
  if (std::none_of(allowed.begin(), allowed.end(), [&](auto& a) { return a == "*" || a == word; })) return refused;
  if (word == "ruok") return "imok";
  if (word == "envi") return environment();
  if (word == "isro") return serving(w) ? "rw" : "null";
  if (word == "conf" && !w.opts.conf.empty()) return w.opts.conf;
  if (!serving(w)) return "This ZooKeeper instance is not currently serving requests\n";
  auto& s = w.stats;
  if (word == "srvr") return version_line() + numbers(w);
  if (word == "stat")
    return version_line() + "Clients:\n" + all(w, [](const connection& c) { return brief(c) + ")\n"; }) + "\n" +
           numbers(w);
  if (word == "cons") return all(w, full) + "\n";
  if (word == "mntr") return monitor(w);
  if (word == "dirs") return fmt::format("datadir_size: {}\nlogdir_size: {}\n", s.state_size.load(), s.log_size.load());
  if (word == "wchs")
    return fmt::format("{} connections watching {} paths\nTotal watches:{}\n", s.watching_connections.load(),
                       s.watched_paths.load(), s.watch_count.load());
  if (word == "srst") return s.reset(), "Server stats reset.\n";
  if (word == "crst") {
    w.each_connection([](connection& c) { c.stats = {}; });
    return "Connection stats reset.\n";
  }
  return refused;
}

}  // namespace troupe::gateway

/// chaos_client --history=FILE --servers=NODE:PORT,... [--seed=N] [--clients=N] [--rate=OPS] [--timeouts=MIN:MAX]
///              [--tick=MS]
/// Runs the workload until a line "finish" comes (or the input ends); then ends the sessions, reads everything from every
/// node and compares. Says "ready", and at the end one JSON object. Exit code: 0 all nodes are equal and nobody broke the
/// protocol, 1 not, 2 usage.

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <sstream>

#include "tests/chaos/final_reader.hpp"
#include "tests/chaos/workload.hpp"

namespace troupe::chaos {
namespace {

// Generous: a slow machine is no failure. Only what never converges is.
constexpr std::int64_t finish_patience_us = 60'000'000, read_patience_us = 120'000'000, pause_us = 300'000;

struct settings {
  workload_settings load;
  std::string file;
  std::int32_t tick_ms = 0;
};

settings read_arguments(int argc, char** argv) {
  settings s;
  for (int i = 1; i < argc; ++i) {
    std::string a = argv[i];
    auto at = a.find('=');
    if (at == std::string::npos) throw std::invalid_argument(a);
    auto key = a.substr(0, at), value = a.substr(at + 1);
    if (key == "--history")
      s.file = value;
    else if (key == "--seed")
      s.load.seed = std::stoull(value);
    else if (key == "--clients")
      s.load.clients = static_cast<unsigned>(std::stoul(value));
    else if (key == "--rate")
      s.load.rate_per_s = static_cast<unsigned>(std::stoul(value));
    else if (key == "--tick")
      s.tick_ms = std::stoi(value);
    else if (key == "--timeouts") {
      s.load.min_timeout_ms = std::stoi(value);
      s.load.max_timeout_ms = std::stoi(value.substr(value.find(':') + 1));
    } else if (key == "--servers") {
      std::istringstream in(value);
      for (std::string one; std::getline(in, one, ',');)
        s.load.servers.push_back({static_cast<node_id>(std::stoi(one)),
                                  static_cast<std::uint16_t>(std::stoi(one.substr(one.find(':') + 1)))});
    } else {
      throw std::invalid_argument(a);
    }
  }
  if (s.file.empty() || s.load.servers.empty() || s.load.rate_per_s == 0)
    throw std::invalid_argument("--history and --servers are needed");
  return s;
}

class run {
 public:
  explicit run(settings s) : settings_(std::move(s)), epoll_(epoll_create1(EPOLL_CLOEXEC)), recorder_(settings_.file) {
    history::settings h;
    h.name = "chaos " + std::to_string(settings_.load.seed);
    h.tick_ms = settings_.tick_ms;
    // No claim about the time of expiries: as with ZooKeeper, what a follower's client asks keeps its session alive only
    // when the follower's next pong brings word of it to the leader, which faults may prevent for as long as they like.
    h.expiry_tolerance_ms = -1;
    recorder_.settings(h);
    epoll_event e{};
    e.events = EPOLLIN, e.data.ptr = nullptr;  // standard input
    epoll_ctl(epoll_, EPOLL_CTL_ADD, 0, &e);
  }

  int go() {
    workload load(epoll_, recorder_, settings_.load);
    std::cout << "ready" << std::endl;
    while (!told_to_finish_) turn(), load.tick(monotonic_us());
    load.finish();
    for (auto end = monotonic_us() + finish_patience_us; !load.finished() && monotonic_us() < end;)
      turn(), load.tick(monotonic_us());
    bool ended = load.finished();
    load.abandon();
    auto unequal = compare(load);
    recorder_.flush();
    report(load.counts(), ended, unequal);
    return unequal.empty() && broken_.empty() && ended ? 0 : 1;
  }

 private:
  void turn() {
    epoll_event events[64];
    int n = epoll_wait(epoll_, events, 64, 2);
    for (int i = 0; i < n; ++i) {
      if (auto* c = static_cast<client_session*>(events[i].data.ptr)) {
        c->on_ready(events[i].events);
        continue;
      }
      char text[64];
      auto got = ::read(0, text, sizeof text);
      if (got <= 0 || std::string_view(text, static_cast<std::size_t>(got)).find("finish") != std::string_view::npos) {
        told_to_finish_ = true;
        epoll_ctl(epoll_, EPOLL_CTL_DEL, 0, nullptr);
      }
    }
  }

  /// Empty: all nodes hold the same. What expires meanwhile makes them differ for a while, so it looks again.
  std::string compare(workload& load) {
    std::vector<std::unique_ptr<final_reader>> readers;
    for (auto& s : settings_.load.servers)
      readers.push_back(std::make_unique<final_reader>(epoll_, recorder_, settings_.load.clients + s.node, s));
    std::string unequal;
    for (auto end = monotonic_us() + read_patience_us; monotonic_us() < end;) {
      for (auto& r : readers) r->begin();
      auto all_done = [&] { return std::all_of(readers.begin(), readers.end(), [](auto& r) { return r->done(); }); };
      while (!all_done() && monotonic_us() < end) {
        turn();
        for (auto& r : readers) r->tick(monotonic_us());
      }
      unequal.clear();
      served_.clear();
      for (auto& r : readers) {
        served_[r->node()] = r->served();
        broken_.insert(broken_.end(), r->broken().begin(), r->broken().end());
        if (!r->done())
          unequal += "node " + std::to_string(r->node()) + " could not be read\n";
        else if (!r->ephemerals().empty())  // every session was closed, or is to expire
          unequal += "node " + std::to_string(r->node()) + " has ephemerals without a session, such as " +
                     r->ephemerals().front() + "\n";
        else if (auto d = differences(readers.front()->tree(), r->tree(), 5); !d.empty())
          unequal +=
              "node " + std::to_string(readers.front()->node()) + " against " + std::to_string(r->node()) + ":\n" + d;
      }
      if (unequal.empty()) break;
      for (auto until = monotonic_us() + pause_us; monotonic_us() < until;) {
        turn();
        for (auto& r : readers) r->tick(monotonic_us());
      }
    }
    broken_.insert(broken_.end(), load.counts().broken.begin(), load.counts().broken.end());
    return unequal;
  }

  static std::string quoted(const std::string& s) {
    std::string out = "\"";
    for (char c : s) {
      if (c == '\n')
        out += "\\n";
      else if (static_cast<unsigned char>(c) < 0x20)
        out += '?';
      else if (c == '"' || c == '\\')
        out += '\\', out += c;
      else
        out += c;
    }
    return out + "\"";
  }

  template <class Map>
  static std::string object(const Map& m) {
    std::string out;
    for (auto& [key, value] : m)
      out += (out.empty() ? "\"" : ", \"") + std::to_string(key) + "\": " + std::to_string(value);
    return "{" + out + "}";
  }

  void report(const workload_counts& c, bool ended, const std::string& unequal) {
    std::cout << "{\"asked\": " << c.asked << ", \"answered\": " << c.answered << ", \"lost\": " << c.lost
              << ", \"writes\": " << c.writes_done << ", \"events\": " << c.events
              << ", \"connections\": " << c.connections << ", \"expired\": " << c.expired
              << ", \"write_gap_ms\": " << c.longest_write_gap_us / 1000
              << ", \"sessions_ended\": " << (ended ? "true" : "false") << ", \"unequal\": " << quoted(unequal)
              << ", \"broken\": [";
    for (std::size_t i = 0; i < broken_.size(); ++i) std::cout << (i ? ", " : "") << quoted(broken_[i]);
    std::cout << "], \"served\": " << object(served_) << ", \"errors\": " << object(c.errors) << "}" << std::endl;
  }

  settings settings_;
  int epoll_;
  recorder recorder_;
  bool told_to_finish_ = false;
  std::vector<std::string> broken_;
  std::map<node_id, zxid_t> served_;  ///< by each node in the last reading
};

}  // namespace
}  // namespace troupe::chaos

int main(int argc, char** argv) try {
  return troupe::chaos::run(troupe::chaos::read_arguments(argc, argv)).go();
} catch (const std::invalid_argument& e) {
  std::cerr << "chaos_client: " << e.what() << "\n";
  return 2;
} catch (const std::exception& e) {
  std::cerr << "chaos_client: " << e.what() << "\n";
  return 1;
}

/// subscription_trial DIRECTORY PORT...: subscribers note everything that they are told of what writers do below /watched,
/// one file each in DIRECTORY, for comparison with the log of a node. Commands, one a line, each answered by `ok`:
///     progress     waits until every subscriber has been told more
///     cut          breaks the connection of every subscriber while changes are told
///     finish       writes an end that all subscribers wait for, then ends
///
/// A line of a file is {"zxid": Z, "state": [[path, data, version], ...]} or {"zxid": Z, "changes": [[type, path, data,
/// version], ...]}, in the order in which it was told.

#include <fstream>
#include <iostream>
#include <random>

#include "tests/recipes/stage.hpp"

namespace troupe::recipes_trial {

namespace {

const std::string top = "/watched";
constexpr int names = 8;

/// Paths and data of this trial need no escaping.
std::string quoted(const std::string& s) { return '"' + s + '"'; }

class subscriber {
 public:
  subscriber(caf::actor_system& system, const std::vector<std::uint16_t>& ports, client::connections& connections,
             const std::string& file, std::string path, client::scope where)
      : out_(file), client_(system, connections, ports) {
    listener_ = system.spawn([this](caf::event_based_actor*) { return listen(); });
    caf::scoped_actor self(system);
    if (!ask<client::subscribed>(self, *client_, client::subscribe{std::move(path), where, 0, true, listener_}))
      throw std::runtime_error("a subscription was refused");
  }
  ~subscriber() { caf::anon_send_exit(listener_, caf::exit_reason::user_shutdown); }
  std::uint64_t told() const { return told_; }
  zxid_t last() const { return last_; }
  void cut() { client_.cut(); }
  void close() { out_.close(); }
  int too_old() const { return too_old_; }

 private:
  caf::behavior listen() {
    return {
        [this](const client::state& s) {
          too_old_ += s.too_old;
          begin(s.zxid, "state");
          for (std::size_t i = 0; i < s.list.size(); ++i)
            out_ << (i ? ", [" : "[") << quoted(s.list[i].path) << ", " << quoted(s.list[i].data) << ", "
                 << s.list[i].version << "]";
          end(s.zxid);
        },
        [this](const client::changes& c) {
          begin(c.zxid, "changes");
          for (std::size_t i = 0; i < c.list.size(); ++i)
            out_ << (i ? ", [" : "[") << static_cast<int>(c.list[i].type) << ", " << quoted(c.list[i].path) << ", "
                 << quoted(c.list[i].data) << ", " << c.list[i].version << "]";
          end(c.zxid);
        },
        [](const client::subscription_ended& e) { std::cout << "FAILED: it ended: " << e.why << std::endl; },
    };
  }
  void begin(zxid_t z, const char* what) { out_ << "{\"zxid\": " << z << ", \"" << what << "\": ["; }
  void end(zxid_t z) {
    out_ << "]}" << std::endl;
    last_ = z, ++told_;
  }

  std::ofstream out_;
  actor_client client_;
  caf::actor listener_;
  std::atomic<std::uint64_t> told_{0};
  std::atomic<zxid_t> last_{0};
  std::atomic<int> too_old_{0};
};

/// Creates, changes and deletes at random, in single operations and in transactions; how it ends does not matter.
void write(caf::actor_system& system, const caf::actor& client, std::uint32_t seed, const std::atomic<bool>& end) {
  caf::scoped_actor self(system);
  std::mt19937 random(seed);
  auto path = [&] {
    auto p = top + "/" + std::to_string(random() % names);
    return random() % 3 ? p : p + "/below";
  };
  for (int n = 0; !end; ++n) {
    auto data = std::to_string(seed) + "-" + std::to_string(n);
    switch (random() % 5) {
      case 0:
        ask<client::done>(self, client, client::remove{path(), -1});
        break;
      case 1:
        ask<client::created>(self, client, client::create{path(), data});
        break;
      case 2:
        ask<client::multi_result>(self, client,
                                  client::multi{{client::create{path(), data}, client::create{path(), data}}});
        break;
      case 3:
        ask<client::multi_result>(self, client,
                                  client::multi{{client::remove{path(), -1}, client::set_data{path(), data, -1}}});
        break;
      default:
        ask<client::changed>(self, client, client::set_data{path(), data, -1});
        break;
    }
    std::this_thread::sleep_for(1ms);
  }
}

void wait_until(const char* what, const std::function<bool()>& condition) {
  for (auto end = std::chrono::steady_clock::now() + 90s; !condition(); std::this_thread::sleep_for(5ms))
    if (std::chrono::steady_clock::now() > end) throw std::runtime_error(std::string("not within 90 s: ") + what);
}

/// Something that every scope is told, behind everything else.
zxid_t write_end(caf::actor_system& system, const caf::actor& client) {
  caf::scoped_actor self(system);
  for (;;) {
    ask<client::done>(self, client, client::remove{top + "/0/below", -1});
    ask<client::done>(self, client, client::remove{top + "/0", -1});
    if (auto last = ask<client::created>(self, client, client::create{top + "/0", "end"})) return last->zxid;
  }
}

int run(const std::string& directory, const std::vector<std::uint16_t>& ports) {
  caf::actor_system_config config;
  caf::actor_system system{config};
  client::connections connections{system};
  client::options options;
  for (auto p : ports) options.nodes.push_back("127.0.0.1:" + std::to_string(p));
  std::vector<caf::actor> writers = {connections.spawn(options), connections.spawn(options)};
  {
    caf::scoped_actor self(system);
    ask<client::created>(self, writers.front(), client::create{top, ""});
  }
  std::vector<std::unique_ptr<subscriber>> subscribers;
  auto add = [&](const char* name, std::string path, client::scope where) {
    subscribers.push_back(
        std::make_unique<subscriber>(system, ports, connections, directory + "/" + name, std::move(path), where));
  };
  add("subtree", top, client::scope::subtree);
  add("children", top, client::scope::children);
  add("node", top + "/0", client::scope::node);

  std::atomic<bool> end{false};
  std::vector<std::thread> threads;
  for (std::uint32_t i = 0; i < writers.size(); ++i)
    threads.emplace_back([&, i] { write(system, writers[i], i + 1, end); });
  std::cout << "ok" << std::endl;

  for (std::string line; std::getline(std::cin, line) && line != "finish";) {
    if (line == "cut") {
      for (auto& s : subscribers) s->cut();
    } else if (line == "progress") {
      for (auto& s : subscribers)
        wait_until("something more is told", [&, before = s->told()] { return s->told() > before + 1; });
    }
    std::cout << "ok" << std::endl;
  }
  end = true;
  for (auto& t : threads) t.join();
  auto last = write_end(system, writers.front());
  for (auto& s : subscribers) wait_until("the end is told", [&] { return s->last() >= last; });
  int too_old = 0;
  for (auto& s : subscribers) s->close(), too_old += s->too_old();
  std::cout << "end " << last << " too_old " << too_old << std::endl;
  subscribers.clear();
  return 0;
}

}  // namespace

}  // namespace troupe::recipes_trial

int main(int argc, char** argv) try {
  if (argc < 3) {
    std::cerr << "usage: subscription_trial DIRECTORY PORT...\n";
    return 2;
  }
  std::vector<std::uint16_t> ports;
  for (int i = 2; i < argc; ++i) ports.push_back(static_cast<std::uint16_t>(std::stoi(argv[i])));
  return troupe::recipes_trial::run(argv[1], ports);
} catch (const std::exception& e) {
  std::cout << "FAILED: " << e.what() << std::endl;
  std::_Exit(1);
}

/// One number in one znode that many clients add 1 to, all of them all the time: by a request type (troupe.counter, one
/// round trip) and by the loop that it replaces (read; write on condition of the version; again if somebody was faster).
/// call_bench [CLIENTS [ROUNDS [SECONDS]]] with TROUPE_CONNECT naming the client ports of the nodes; their actor ports
/// are 1000 above (`troupe up`). The clients are spread over the nodes, each with a session and a connection of its own
/// and one request under way. In the end the number must be what was acknowledged.

#include <capnp/message.h>

#include <algorithm>
#include <atomic>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "schema/flat_message.hpp"
#include "schema/request_types.capnp.h"
#include "troupe/blocking.hpp"
#include "troupe/client.hpp"

namespace c = troupe::client;
namespace wire = troupe::wire;
using steady = std::chrono::steady_clock;

namespace {

const char* const path = "/call-bench";

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what); }

/// What one worker has done in one round.
struct tally {
  std::uint64_t added = 0, tries = 0;
  std::vector<float> us;  ///< from when it began to add 1 until it was told
};

/// A client's user. What it is told to do it does until `stop`, then it says so.
class worker {
 public:
  worker(caf::event_based_actor* self, caf::actor client, const std::atomic<bool>& stop)
      : self_(self), client_(std::move(client)), stop_(stop) {
    capnp::MallocMessageBuilder m;
    auto r = m.initRoot<wire::CounterRequest>();
    r.setPath(path), r.setAdd(1);
    request_ = std::string(wire::flatten(m).view());
  }

  caf::result<caf::atom_value> run(bool by_call, tally* t) {
    done_ = self_->make_response_promise();
    tally_ = t;
    by_call ? call() : loop();
    return done_;
  }

 private:
  bool begin() {
    if (stop_) {
      done_.deliver(caf::atom("done"));
      return false;
    }
    began_ = steady::now();
    return true;
  }
  void end() {
    ++tally_->added;
    tally_->us.push_back(std::chrono::duration<float, std::micro>(steady::now() - began_).count());
  }

  void call() {
    if (!begin()) return;
    ++tally_->tries;
    self_->request(client_, caf::infinite, c::call{.type = "troupe.counter", .request = request_})
        .then([this](const c::reply&) { end(), call(); }, unexpected);
  }

  void loop() {
    if (begin()) attempt();
  }
  void attempt() {
    ++tally_->tries;
    self_->request(client_, caf::infinite, c::get_data{path})
        .then(
            [this](const c::data& d) {
              c::set_data next{path, std::to_string(std::stoll(d.bytes) + 1), d.stat.version};
              self_->request(client_, caf::infinite, std::move(next))
                  .then([this](const c::changed&) { end(), loop(); },
                        [this](const caf::error& e) {
                          if (c::code_of(e) != static_cast<int>(troupe::zk::err::bad_version)) unexpected(e);
                          attempt();
                        });
            },
            unexpected);
  }

  static void unexpected(const caf::error& e) { fail("error " + std::to_string(c::code_of(e)) + " " + c::why_of(e)); }

  caf::event_based_actor* self_;
  caf::actor client_;
  const std::atomic<bool>& stop_;
  std::string request_;
  caf::response_promise done_;
  tally* tally_ = nullptr;
  steady::time_point began_;
};

caf::behavior working(caf::event_based_actor* self, const caf::actor& client, const std::atomic<bool>* stop) {
  auto w = std::make_shared<worker>(self, client, *stop);
  return {[w](bool by_call, std::uintptr_t t) { return w->run(by_call, reinterpret_cast<tally*>(t)); }};
}

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

struct figures {
  std::vector<double> per_second, tries, p50_us, p99_us;
};

}  // namespace

int main(int argc, char** argv) {
  auto number = [&](int at, int otherwise) { return argc > at ? std::atoi(argv[at]) : otherwise; };
  const int clients = number(1, 32), rounds = number(2, 7), seconds = number(3, 2);
  auto* connect = std::getenv("TROUPE_CONNECT");
  if (!connect || clients < 1 || rounds < 1 || seconds < 1)
    return std::fprintf(stderr, "TROUPE_CONNECT names no node, or an argument is no number above 0\n"), 2;
  std::vector<std::string> nodes;
  std::istringstream list(connect);
  for (std::string node; std::getline(list, node, ',');) {
    auto colon = node.rfind(':');
    nodes.push_back(node.substr(0, colon + 1) + std::to_string(std::stoi(node.substr(colon + 1)) + 1000));
  }

  caf::actor_system_config config;
  caf::actor_system system{config};
  c::connections links{system, c::waking::in_place};
  c::blocking_client control({.nodes = nodes});
  control.create(path, "0");
  std::atomic<bool> stop{false};
  std::vector<caf::actor> workers;
  for (int i = 0; i < clients; ++i) {
    auto client = links.spawn({.nodes = {nodes[static_cast<std::size_t>(i) % nodes.size()]}});
    workers.push_back(system.spawn(working, client, &stop));
  }
  caf::scoped_actor self{system};
  std::uint64_t added = 0;
  figures by_loop, by_call;
  for (int r = -1; r < rounds; ++r)  // the first to warm up
    for (auto* f : {&by_loop, &by_call}) {
      std::vector<tally> tallies(workers.size());
      stop = false;
      auto begin = steady::now();
      for (std::size_t i = 0; i < workers.size(); ++i)
        self->send(workers[i], f == &by_call, reinterpret_cast<std::uintptr_t>(&tallies[i]));
      std::this_thread::sleep_for(std::chrono::seconds(seconds));
      stop = true;
      for (std::size_t i = 0; i < workers.size(); ++i) self->receive([](caf::atom_value) {});
      auto took = std::chrono::duration<double>(steady::now() - begin).count();
      std::uint64_t n = 0, tries = 0;
      std::vector<float> us;
      for (auto& t : tallies) n += t.added, tries += t.tries, us.insert(us.end(), t.us.begin(), t.us.end());
      added += n;
      if (r < 0) continue;
      std::sort(us.begin(), us.end());
      f->per_second.push_back(static_cast<double>(n) / took);
      f->tries.push_back(static_cast<double>(tries) / static_cast<double>(n));
      f->p50_us.push_back(us[us.size() / 2]), f->p99_us.push_back(us[us.size() * 99 / 100]);
    }
  control.sync();
  if (auto there = control.get_data(path).bytes; there != std::to_string(added))
    fail("the znode holds " + there + ", but " + std::to_string(added) + " additions were acknowledged");
  control.remove(path);
  for (auto& w : workers) caf::anon_send_exit(w, caf::exit_reason::user_shutdown);

  std::printf("%-40s %10s %10s %10s %10s\n", "1 added to one number", "/s", "tries", "p50 us", "p99 us");
  auto line = [](const char* name, const figures& f) {
    std::printf("%-40s %10.0f %10.1f %10.0f %10.0f\n", name, median(f.per_second), median(f.tries), median(f.p50_us),
                median(f.p99_us));
  };
  line("get_data, set_data with version", by_loop);
  line("troupe.counter", by_call);
  std::printf("%d clients, %zu nodes: %.1f times\n", clients, nodes.size(),
              median(by_call.per_second) / median(by_loop.per_second));
}

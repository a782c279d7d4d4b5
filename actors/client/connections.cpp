#include "actors/client/connections.hpp"

#include <algorithm>
#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <charconv>
#include <condition_variable>
#include <map>
#include <mutex>
#include <random>
#include <stdexcept>
#include <thread>

#include "actors/client/client_actor.hpp"

namespace troupe::client {

namespace {

constexpr std::chrono::milliseconds farewell{1'000};

io::resolve parse(const std::string& node) {
  auto colon = node.rfind(':');
  io::resolve out;
  if (colon != std::string::npos && colon > 0) {
    out.host = node.substr(0, colon);
    if (out.host.front() == '[' && out.host.back() == ']') out.host = out.host.substr(1, out.host.size() - 2);
    auto [end, error] = std::from_chars(node.data() + colon + 1, node.data() + node.size(), out.port);
    if (error == std::errc() && end == node.data() + node.size() && out.port && !out.host.empty()) return out;
  }
  throw std::invalid_argument("'" + node + "' is no node's address: host:port");
}

}  // namespace

struct connections::implementation {
  implementation(caf::actor_system& s, waking w) : system(s), wake(w), loop(s), thread([this] { loop.run(); }) {}

  caf::actor_system& system;
  const waking wake;
  io::io_thread loop;
  std::thread thread;

  std::mutex mutex;  ///< guards what follows
  std::condition_variable changed;
  std::map<std::uint64_t, caf::actor_addr> living;
  std::size_t count = 0;
  std::uint64_t last = 0;

  void left(std::uint64_t number) {
    std::lock_guard lock(mutex);
    living.erase(number), --count;
    changed.notify_all();
  }
  void close_all() {
    std::unique_lock lock(mutex);
    auto none = [&] { return count == 0; };
    for (auto& who : present()) caf::anon_send(who, limited<close>{{}, farewell, 0});
    if (changed.wait_for(lock, 2 * farewell, none)) return;
    for (auto& who : present()) caf::anon_send_exit(who, caf::exit_reason::user_shutdown);
    changed.wait(lock, none);
  }
  std::vector<caf::actor> present() const {
    std::vector<caf::actor> out;
    for (auto& [number, address] : living)
      if (auto who = caf::actor_cast<caf::actor>(address)) out.push_back(std::move(who));
    return out;
  }
};

connections::connections(caf::actor_system& system, waking w) : impl_(std::make_unique<implementation>(system, w)) {}

connections::~connections() {
  impl_->close_all();
  impl_->loop.stop();
  impl_->thread.join();
}

caf::actor connections::spawn(options o) {
  client_actor::settings s;
  if (o.nodes.empty()) throw std::invalid_argument("a client needs the address of a node");
  for (auto& n : o.nodes) s.nodes.push_back(parse(n));
  if (o.session_timeout.count() < 1 || o.session_timeout.count() > INT32_MAX || o.connect_timeout.count() < 1)
    throw std::invalid_argument("a client's timeouts must be above 0");
  if (!o.max_requests || !o.max_bytes) throw std::invalid_argument("a client that may ask nothing is of no use");
  s.what = std::move(o);
  s.seed = std::random_device{}();
  s.wake = impl_->wake;
  std::unique_lock lock(impl_->mutex);
  auto number = ++impl_->last;
  s.on_end = [impl = impl_.get(), number] { impl->left(number); };
  ++impl_->count;
  lock.unlock();
  auto client = impl_->system.spawn<client_actor>(&impl_->loop, std::move(s));
  lock.lock();
  if (impl_->count) impl_->living.emplace(number, client.address());
  return client;
}

}  // namespace troupe::client

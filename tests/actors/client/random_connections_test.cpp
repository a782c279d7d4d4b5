/// The machine against a modelled ensemble of which connections break at any byte: what clients are told is true.

#include <deque>
#include <random>

#include "tests/actors/client/machine_fixture.hpp"

using namespace troupe;
using namespace troupe::testing;
namespace c = troupe::client;

namespace {

/// Nodes that agree at once, and one connection to one of them.
struct model {
  explicit model(std::uint32_t seed) : random(seed) {}
  /// Real ones are larger than 1 too: their epoch stands above 32 bits.
  static constexpr zxid_t before = 1'000;
  zxid_t zxid() const { return before + static_cast<zxid_t>(log.size()); }

  bool one_in(unsigned n) { return random() % n == 0; }

  /// The node carries out what it hears, and its answers wait to be heard.
  void node_hears(const heard& h) {
    switch (h.is) {
      case heard::what::hello:
        seen = h.last_zxid;
        greet(h);
        return;
      case heard::what::keep_alive:
        flush_changes();
        to_client.push_back(alive(zxid()));
        return;
      case heard::what::request:
        break;
    }
    if (h.asks(zk::op::subscribe)) {
      auto s = subscription_of(h);
      subscribed = s.since < 0 ? zxid() : s.since;
      told = subscribed;
      flush_changes();
    } else if (h.asks(zk::op::set_data)) {
      log.push_back(h.path());
      flush_changes();
    }
    to_client.push_back(response(h.call, zxid(), 0, h.body));
  }

  void greet(const heard& h) {
    if (h.session && h.session != session) {
      to_client.push_back(welcome(0));
      return;
    }
    if (!h.session) session = ++last_session;
    to_client.push_back(welcome(session));
  }
  void expire() { session = 0; }

  void flush_changes() {
    if (subscribed < 0) return;
    for (; told < zxid(); ++told)
      to_client.push_back(changed(1, told + 1, log[static_cast<std::size_t>(told - before)].c_str()));
  }
  void disconnect() { to_node.clear(), to_client.clear(), subscribed = -1; }

  std::minstd_rand random;
  std::vector<std::string> log;  ///< writes that were applied: the zxid is the place behind `before`
  std::deque<heard> to_node;
  std::deque<message> to_client;
  std::int64_t session = 0, last_session = 0;
  zxid_t subscribed = -1, told = 0, seen = 0;
};

void run(std::uint32_t seed) {
  CAPTURE(seed);
  model world(seed);
  machine_fixture f([&] {
    auto o = machine_fixture::defaults();
    o.seed = seed;
    return o;
  }());
  std::map<c::ticket, std::string> writes, reads;
  f.subscribe();
  bool quiet = false, dialled_up = false;
  for (int step = 0; step < 6'000 && !(step > 600 && quiet); ++step) {
    bool faults = step < 500;
    if (faults && f.next < 400 && world.one_in(2)) {
      auto path = "/" + std::to_string(f.next);
      if (world.one_in(2))
        writes[f.write(path, world.one_in(4) ? 50 : 100'000)] = path;
      else
        reads[f.read(path, 100'000)] = path;
    }
    if (!f.dialled) dialled_up = false, world.disconnect();
    if (f.dialled && !dialled_up) dialled_up = true, f.m.on_dialled(f.now);
    if (dialled_up)
      for (auto& h : f.listen()) world.to_node.push_back(h);
    // Some of what is under way arrives, in each direction.
    for (auto n = world.random() % 4; n && !world.to_node.empty(); --n)
      world.node_hears(world.to_node.front()), world.to_node.pop_front();
    if (world.one_in(3)) world.flush_changes();
    for (auto n = world.random() % 4; n && f.dialled && !world.to_client.empty(); --n) {
      auto m = world.to_client.front();
      world.to_client.pop_front();
      f.hears(m);
    }
    if (faults && world.one_in(15)) {
      if (f.dialled) f.lose();
      world.disconnect(), dialled_up = false;
    }
    if (faults && world.one_in(100)) world.expire();
    f.pass(10);
    quiet = f.m.connected() && world.subscribed >= 0 && f.m.outstanding() == 0 && world.to_client.empty() &&
            world.to_node.empty();
  }
  REQUIRE(quiet);
  world.flush_changes();
  while (!world.to_client.empty()) f.hears(world.to_client.front()), world.to_client.pop_front();

  std::map<std::string, int> applied;
  for (auto& path : world.log) ++applied[path];
  for (auto& one : writes) {
    auto t = one.first;
    auto& path = one.second;
    auto code = f.code(t);
    auto times = applied.count(path) ? applied[path] : 0;
    CAPTURE(path);
    CAPTURE(code);
    CHECK(times <= 1);
    if (code == 0) CHECK(times == 1);
    if (code == c::code::deadline_passed || code == static_cast<int>(zk::err::session_expired)) CHECK(times == 0);
    if (code == 0) CHECK(world.log[static_cast<std::size_t>(f.answers[t].zxid - model::before) - 1] == path);
  }
  for (auto& [t, path] : reads) CHECK(f.code(t) == 0);
  // Answers of one sender come in order, but for those that a loss or a deadline brings.
  std::optional<c::ticket> last;
  for (auto t : f.order) {
    if (f.answers[t].code) continue;
    if (last) CHECK(*last < t);
    last = t;
  }
  // The subscription tells every write after the first one it tells, once and in order.
  auto first = f.answers[0].zxid;
  zxid_t expected = first;
  for (auto& e : f.events) CHECK(std::get<c::changes>(e).zxid == ++expected);
  CHECK(expected == world.zxid());
}

}  // namespace

TEST_SUITE("client machine") {
  TEST_CASE("whatever connections do, answers and subscriptions tell the truth") {
    for (std::uint32_t seed = 1; seed <= 300; ++seed) run(seed);
  }
}

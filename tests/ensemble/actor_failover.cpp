/// Actor clients while connections break, nodes are killed and sessions expire.

#include <map>
#include <memory>
#include <thread>

#include "tests/ensemble/actor_client.hpp"
#include "tests/ensemble/cut_proxy.hpp"
#include "tests/ensemble/nodes.hpp"

using namespace troupe;
using namespace troupe::ensemble;
namespace c = troupe::client;
using c::session_state;

namespace {

/// A client behind a proxy to one node.
struct behind_proxy : program {
  behind_proxy() : proxy(port_of(actor_ports().front())) {}
  static std::uint16_t port_of(const std::string& node) {
    return static_cast<std::uint16_t>(std::stoi(node.substr(node.rfind(':') + 1)));
  }
  c::options options() const {
    c::options o;
    o.nodes = {"127.0.0.1:" + std::to_string(proxy.port())};
    return o;
  }
  /// Of the session's events, the next.
  c::session_event next_event() {
    c::session_event out;
    self->receive([&](const c::session_event& e) { out = e; },
                  caf::after(patience) >> [] { FAIL("no session event"); });
    return out;
  }
  void watch(const caf::actor& client) {
    self->request(client, patience, c::watch_session{caf::actor_cast<caf::actor>(self)})
        .receive([](const c::session_event&) {}, [](caf::error&) { FAIL("not watched"); });
    while (next_event().state != session_state::connected) {
    }
  }
  cut_proxy proxy;
};

}  // namespace

TEST_CASE("a session is attached again after its connection broke, and keeps its ephemerals") {
  behind_proxy p;
  auto client = p.spawn(p.options());
  p.watch(client);
  auto path = fresh_path("attached");
  auto made = p.ask<c::created>(client, c::create{path, "", c::create_mode::ephemeral});
  for (int i = 0; i < 5; ++i) {
    p.proxy.cut();
    CHECK(p.next_event().state == session_state::disconnected);
    p.proxy.mend();
    auto e = p.next_event();
    CHECK(e.state == session_state::connected);
    CHECK(e.session == made.stat.ephemeral_owner);
    CHECK(p.ask<c::existing>(client, c::exists{path}).stat);
  }
}

TEST_CASE("a session that expires is followed by another one, and its subscriptions go on") {
  behind_proxy p;
  auto o = p.options();
  o.session_timeout = 1ms;  // the nodes' least
  auto client = p.spawn(o);
  auto other = p.spawn();
  p.watch(client);
  auto path = fresh_path("expired");
  p.ask<c::created>(client, c::create{path, "0"});
  p.ask<c::created>(client, c::create{path + "/mine", "", c::create_mode::ephemeral});
  c::blocking_client reader({.nodes = actor_ports()});
  p.self->request(client, patience, c::subscribe{path, c::scope::node, -1, true, caf::actor_cast<caf::actor>(p.self)})
      .receive([](const c::subscribed&) {}, [](caf::error&) { FAIL("not subscribed"); });
  p.proxy.cut();
  CHECK(p.next_event().state == session_state::disconnected);
  p.ask<c::changed>(other, c::set_data{path, "1"});
  p.self->send(client, c::set_data{path, "of the old session"});
  reader.sync();                                                                 // it may speak to another node
  while (reader.exists(path + "/mine").stat) std::this_thread::sleep_for(20ms);  // until the ensemble gives it up
  p.ask<c::changed>(other, c::set_data{path, "2"});
  p.proxy.mend();
  std::vector<std::string> told;
  std::vector<session_state> states;
  std::int32_t refused = 0;
  while (told.size() < 2 || states.size() < 2 || !refused)
    p.self->receive([&](const c::session_event& e) { states.push_back(e.state); },
                    [&](const c::changes& e) { told.push_back(e.list.at(0).data); },
                    [&](caf::error& e) { refused = c::code_of(e); },
                    caf::after(patience) >> [] { FAIL("something is missing"); });
  CHECK(states == std::vector{session_state::expired, session_state::connected});
  CHECK(told == std::vector<std::string>{"1", "2"});
  CHECK(refused == static_cast<int>(zk::err::session_expired));
  CHECK(p.ask<c::data>(client, c::get_data{path}).bytes == "2");
}

TEST_CASE("without a connection there are deadlines, bounds and cancellation") {
  behind_proxy p;
  auto o = p.options();
  o.max_requests = 3;
  auto client = p.spawn(o);
  p.watch(client);
  p.proxy.cut();
  CHECK(p.next_event().state == session_state::disconnected);
  auto path = fresh_path("waiting");
  p.self->send(client, c::limited<c::create>{{path + "-late"}, 50ms});
  p.self->send(client, c::limited<c::create>{{path + "-cancelled"}, 0ms, 7});
  p.self->send(client, c::create{path});
  p.self->send(client, c::create{path + "-too-many"});
  std::vector<std::int32_t> codes;
  auto error = [&](caf::error& e) { codes.push_back(c::code_of(e)); };
  for (int i = 0; i < 2; ++i) p.self->receive(error);
  p.self->send(client, c::cancel{7});
  p.self->receive(error);
  p.self->receive([](const c::cancelled& n) { CHECK(n.requests == 1); });
  CHECK(codes == std::vector{c::code::too_many, c::code::deadline_passed, c::code::cancelled});
  p.proxy.mend();
  p.self->receive([&](const c::created& made) { CHECK(made.path == path); },
                  caf::after(patience) >> [] { FAIL("it never went out"); });
  for (auto* end : {"-late", "-cancelled", "-too-many"})
    CHECK_FALSE(p.ask<c::existing>(client, c::exists{path + end}).stat);
}

TEST_CASE("leaders are killed under writes: nothing acknowledged is lost, every change is told once and in order") {
  nodes ensemble;
  program p;
  auto writer = p.spawn(), watcher = p.spawn();
  auto path = fresh_path("killed");
  p.ask<c::created>(writer, c::create{path, "-1"});
  c::blocking_client reader({.nodes = actor_ports()});
  reader.sync();  // it may speak to another node
  auto feed = reader.subscribe(path, c::scope::node, 0);
  int acknowledged = -1, next = 0;
  std::map<int, zxid_t> zxids;
  auto write = [&] {
    p.self->request(writer, patience, c::set_data{path, std::to_string(next)})
        .receive([&](const c::changed& done) { acknowledged = next, zxids[next] = done.zxid; },
                 [&](caf::error& e) { REQUIRE(c::code_of(e) == c::code::connection_loss); });
    ++next;
  };
  for (int kills = 0; kills < 3; ++kills) {
    for (int i = 0; i < 50; ++i) write();
    ensemble.kill(ensemble.wait_for_leader());
    auto before = acknowledged;
    while (acknowledged == before) write();
    ensemble.start_all();
  }
  for (int i = 0; i < 50; ++i) write();
  auto last = p.ask<c::data>(writer, c::get_data{path});
  CHECK(std::stoi(last.bytes) == acknowledged);
  int told = -2;
  zxid_t at = 0;
  while (told < acknowledged) {
    auto e = feed.next(patience);
    REQUIRE_MESSAGE(e.has_value(), "nothing is told after ", told);
    int value = 0;
    zxid_t zxid = 0;
    if (auto* s = std::get_if<c::state>(&*e)) {
      REQUIRE_MESSAGE(told == -2, "a second state");
      value = std::stoi(s->list.at(0).data), zxid = s->zxid;
    } else {
      auto& changes = std::get<c::changes>(*e);
      REQUIRE(changes.list.size() == 1);
      value = std::stoi(changes.list[0].data), zxid = changes.zxid;
    }
    REQUIRE(value > told);
    REQUIRE(zxid > at);
    for (auto skipped = told + 1; skipped < value; ++skipped)
      REQUIRE_MESSAGE(zxids.count(skipped) == 0, "write ", skipped, " is not told");
    if (zxids.count(value)) REQUIRE(zxids[value] == zxid);
    told = value, at = zxid;
  }
}

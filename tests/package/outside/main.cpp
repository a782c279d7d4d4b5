// Every operation of a client, as a program outside Troupe's tree writes it: outside NODE[,NODE...]
#include <schema/request_types.capnp.h>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <chrono>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <troupe/blocking.hpp>
#include <troupe/client.hpp>
#if __has_include(<troupe/recipes.hpp>)
#include <troupe/recipes.hpp>
#endif

namespace c = troupe::client;
using namespace std::chrono_literals;

namespace {

void require(bool good, const std::string& what) {
  if (!good) throw std::runtime_error(what);
}

void by_calls(const std::vector<std::string>& nodes) {
  c::blocking_client client({.nodes = nodes});
  client.add_auth("digest", "somebody:secret");
  auto feed = client.subscribe("/outside", c::scope::subtree, 0);
  require(client.create("/outside", "1").path == "/outside", "create");
  require(client.get_data("/outside").bytes == "1", "get_data");
  require(client.set_data("/outside", "2").stat.version == 1, "set_data");
  require(client.exists("/outside").stat.has_value(), "exists");
  require(!client.exists("/outside/none").stat, "exists of nothing");
  require(client.set_acl("/outside", {{troupe::zk::perm::all, {"auth", ""}}}).stat.aversion == 1, "set_acl");
  require(client.get_acl("/outside").acl.at(0).who.scheme == "digest", "get_acl");
  require(client.create("/outside/n-", "", c::create_mode::ephemeral_sequential).path == "/outside/n-0000000000",
          "a sequential znode");
  require(client.get_children("/outside").names.size() == 1, "get_children");
  require(client
              .commit({c::check{"/outside", 1}, c::create{"/outside/x", "x"}, c::set_data{"/outside", "3"},
                       c::remove{"/outside/n-0000000000"}})
              .committed,
          "multi");
  client.sync();
  require(client.session().state == c::session_state::connected, "session");
  try {
    client.remove("/outside");
    require(false, "removed with a child");
  } catch (const c::failure& f) {
    require(f.is(troupe::zk::err::not_empty), "the code of a failure");
  }
  auto counted = client.call({.type = "troupe.counter", .request = R"({"path":"/counter","add":"5","create":true})"});
  require(counted.bytes.find("\"5\"") != std::string::npos, "a request type that ships, by JSON: " + counted.bytes);
  require(client.call({.type = "outside.append", .request = "abc"}).bytes == "abc", "a request type of one's own");
  require(client.call({.type = "outside.append", .request = "def"}).bytes == "abcdef", "it changes the tree");
  require(client.get_data("/outside-appended").bytes == "abcdef", "what it changed is there");
  bool ended = false;
  for (int told = 0; !ended;) {
    auto e = feed.next(30s);
    require(e.has_value(), "the subscription tells " + std::to_string(told) + " events only");
    if (auto* changes = std::get_if<c::changes>(&*e)) {
      ++told;
      for (auto& one : changes->list) ended |= one.path == "/outside/x";
    }
  }
  client.remove("/outside/x");
  client.remove("/outside");
}

void by_messages(const std::vector<std::string>& nodes) {
  caf::actor_system_config config;
  caf::actor_system system{config};
  c::connections links{system};
  auto client = links.spawn({.nodes = nodes});
  caf::scoped_actor self{system};
  auto result = caf::actor_cast<caf::actor>(self);
  system.spawn([client, result](caf::event_based_actor* me) {
    me->request(client, 30s, c::create{"/by-messages", "hello"}).then([=](const c::created& made) {
      me->request(client, 30s, c::limited<c::get_data>{{made.path}, 10s}).then([=](const c::data& got) {
        me->request(client, 30s, c::remove{made.path, got.stat.version}).then([=](const c::done&) {
          me->send(result, got.bytes);
        });
      });
    });
  });
  std::string got;
  self->receive([&](std::string& s) { got = s; }, caf::after(60s) >> [] {});
  require(got == "hello", "requests by messages");
#if __has_include(<troupe/recipes.hpp>)
  auto lock = troupe::recipes::spawn_lock(system, client, {.path = "/outside-lock"});
  troupe::zxid_t fencing = 0;
  self->request(lock, 60s, troupe::recipes::acquire{})
      .receive([&](const troupe::recipes::lock_held& h) { fencing = h.fencing; }, [](const caf::error&) {});
  require(fencing > 0, "a lock");
  bool released = false;
  self->request(lock, 60s, troupe::recipes::release{})
      .receive([&](const c::done&) { released = true; }, [](const caf::error&) {});
  require(released, "its release");
#endif
  self->request(client, 60s, c::close{}).receive([](const c::done&) {}, [](const caf::error&) {});
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> nodes;
  std::istringstream list(argc > 1 ? argv[1] : "");
  for (std::string node; std::getline(list, node, ',');) nodes.push_back(node);
  try {
    by_calls(nodes);
    by_messages(nodes);
  } catch (const std::exception& e) {
    std::cerr << "failed: " << e.what() << std::endl;
    return 1;
  }
  std::cout << "every operation works" << std::endl;
}

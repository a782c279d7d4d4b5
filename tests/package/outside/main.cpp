// Every operation of a client, recipes, and request types of one's own, as a program outside Troupe's tree writes it:
// outside NODE[,NODE...]
#include <capnp/message.h>
#include <schema/request_types.capnp.h>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <chrono>
#include <iostream>
#include <schema/flat_message.hpp>
#include <sstream>
#include <stdexcept>
#include <troupe/blocking.hpp>
#include <troupe/client.hpp>
#include <troupe/recipes.hpp>

namespace c = troupe::client;
namespace recipes = troupe::recipes;
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
  try {
    client.ask("nobody", "anything");
    require(false, "an actor that is not there has answered");
  } catch (const c::failure& f) {
    require(f.code() != c::code::connection_loss, "ask of an actor that is not there");
  }
  bool ended = false;
  for (int told = 0; !ended;) {
    auto e = feed.next(30s);
    require(e.has_value(), "the subscription tells " + std::to_string(told) + " events only");
    if (auto* changes = std::get_if<c::changes>(&*e)) {
      ++told;
      for (auto& one : changes->list) ended |= one.path == "/outside/x";
    }
  }
  auto silent = client.subscribe([](const c::event&) {}, "/outside", c::scope::children);
  client.unsubscribe(silent.subscription);
  client.remove("/outside/x");
  client.remove("/outside");
  client.close();
}

template <class Struct, class F>
std::string binary(F fill) {
  capnp::MallocMessageBuilder m;
  fill(m.initRoot<Struct>());
  return std::string(troupe::wire::flatten(m).view());
}

void by_request_types(const std::vector<std::string>& nodes) {
  c::blocking_client client({.nodes = nodes});
  auto text = client.call({.type = "troupe.counter", .request = R"({"path":"/counter","add":"5","create":true})"});
  require(text.bytes.find("\"5\"") != std::string::npos, "a type that ships, by JSON: " + text.bytes);
  auto counted = client.call({.type = "troupe.counter", .request = binary<troupe::wire::CounterRequest>([](auto r) {
                                                          r.setPath("/counter"), r.setAdd(2);
                                                        })});
  troupe::wire::flat_message count(troupe::shared_bytes::copy_of(counted.bytes));
  require(count.get<troupe::wire::CounterReply>().getValue() == 7, "a type that ships, in binary");

  require(client.call({.type = "outside.append", .request = "abc"}).bytes == "abc", "a type of one's own");
  require(client.call({.type = "outside.append", .request = "def"}).bytes == "abcdef", "it changes the tree");
  require(client.get_data("/outside-appended").bytes == "abcdef", "what it changed is there");

  client.create("/ann", "100");
  client.create("/bob", "0");
  auto transfer = [&](int amount) {
    return client.call(
        {.type = "bank.transfer", .request = R"({"from":"/ann","to":"/bob","amount":)" + std::to_string(amount) + "}"});
  };
  auto moved = transfer(30);
  require(moved.bytes == R"({"fromBalance":"70","toBalance":"30"})", "a type with schemas of its own");
  auto bob = client.get_data("/bob");
  require(bob.bytes == "30" && bob.stat.mzxid == moved.zxid, "what it did, at the zxid of its reply");
  try {
    transfer(71);
    require(false, "more money than there is");
  } catch (const c::failure& f) {
    require(f.is(troupe::zk::err::bad_arguments) && f.what() == std::string("/ann has only 70"), f.what());
  }
}

void by_messages(const std::vector<std::string>& nodes) {
  caf::actor_system_config config;
  caf::actor_system system{config};
  c::connections links{system};
  auto client = links.spawn({.nodes = nodes});
  caf::scoped_actor self{system};
  auto session = caf::actor_cast<caf::actor>(self);
  self->request(client, 60s, c::watch_session{session})
      .receive([](const c::session_event&) {},
               [](const caf::error&) { throw std::runtime_error("the session is not watched"); });
  self->request(client, 60s, c::cancel{7})
      .receive([](const c::cancelled& n) { require(n.requests == 0, "cancel"); },
               [](const caf::error&) { throw std::runtime_error("cancel"); });
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
  self->request(client, 60s, c::close{}).receive([](const c::done&) {}, [](const caf::error&) {});
}

/// Asks a recipe and waits.
template <class Reply, class Request>
Reply ask(caf::scoped_actor& self, const caf::actor& recipe, Request r) {
  Reply out;
  self->request(recipe, 60s, std::move(r))
      .receive([&](const Reply& reply) { out = reply; },
               [&](const caf::error& e) {
                 throw std::runtime_error("a recipe answers with error " + std::to_string(c::code_of(e)) + " " +
                                          c::why_of(e));
               });
  return out;
}

void by_recipes(const std::vector<std::string>& nodes) {
  caf::actor_system_config config;
  caf::actor_system system{config};
  c::connections links{system};
  auto client = links.spawn({.nodes = nodes});
  caf::scoped_actor self{system};
  auto me = caf::actor_cast<caf::actor>(self);
  auto first = recipes::spawn_lock(system, client, {.path = "/outside-lock"});
  auto second = recipes::spawn_lock(system, client, {.path = "/outside-lock"});
  auto held = ask<recipes::lock_held>(self, first, recipes::acquire{});
  require(held.fencing > 0, "a lock");
  ask<c::done>(self, first, recipes::release{});
  require(ask<recipes::lock_held>(self, second, recipes::acquire{}).fencing > held.fencing, "the next holder");
  auto counter = recipes::spawn_counter(system, client, {.path = "/outside-counter"});
  ask<recipes::count>(self, counter, recipes::add{2});
  require(ask<recipes::count>(self, counter, recipes::add{3}).value == 5, "a counter");
  auto queue = recipes::spawn_queue(system, client, {.path = "/outside-queue"});
  ask<c::done>(self, queue, recipes::put{"item"});
  require(ask<recipes::queue_item>(self, queue, recipes::take{}).data == "item", "a queue");
  auto cache = recipes::spawn_cache(system, client, {.path = "/outside-counter", .who = me});
  require(ask<recipes::snapshot>(self, cache, recipes::ask_snapshot{}).nodes.size() > 0, "a cache");
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
    by_request_types(nodes);
    by_recipes(nodes);
  } catch (const std::exception& e) {
    std::cerr << "failed: " << e.what() << std::endl;
    return 1;
  }
  std::cout << "every operation, recipes and request types work" << std::endl;
}

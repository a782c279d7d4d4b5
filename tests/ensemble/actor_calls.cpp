/// Request types of one's own, those that ship and those of plug-ins, called by actor clients through real nodes.
/// The nodes have loaded examples/request_type and plugins/faulty.cpp.

#include <arpa/inet.h>
#include <bank.capnp.h>
#include <capnp/message.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "schema/flat_message.hpp"
#include "schema/request_types.capnp.h"
#include "tests/ensemble/actor_client.hpp"
#include "tests/ensemble/nodes.hpp"

using namespace troupe;
using namespace troupe::ensemble;
namespace c = troupe::client;

namespace {

template <class Struct, class F>
std::string binary(F fill) {
  capnp::MallocMessageBuilder m;
  fill(m.initRoot<Struct>());
  return std::string(wire::flatten(m).view());
}

c::call add(const std::string& path, std::int64_t by) {
  return {.type = "troupe.counter",
          .request = binary<wire::CounterRequest>([&](auto r) { r.setPath(path), r.setAdd(by), r.setCreate(true); })};
}

struct counted {
  std::int64_t value, previous;
  bool changed;
};
counted read_counter(std::string_view reply) {
  wire::flat_message m(shared_bytes::copy_of(reply));
  auto r = m.get<wire::CounterReply>();
  return {r.getValue(), r.getPrevious(), r.getChanged()};
}

struct refusal {
  std::int32_t code = 0;
  std::string why;
};
refusal refused(program& p, const caf::actor& client, c::call what) {
  refusal out;
  p.self->request(client, patience, std::move(what))
      .receive([](c::reply& r) { FAIL("replied ", r.bytes); },
               [&](caf::error& e) {
                 out = {c::code_of(e), c::why_of(e)};
               });
  return out;
}

constexpr auto code_of(zk::err e) { return static_cast<std::int32_t>(e); }

/// What node `n` (from 0) says to `mntr`.
std::string metrics(std::size_t n) {
  auto where = actor_ports().at(n);
  sockaddr_in a{};
  a.sin_family = AF_INET, a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  a.sin_port = htons(static_cast<std::uint16_t>(std::stoi(where.substr(where.rfind(':') + 1)) - 1000));
  auto fd = ::socket(AF_INET, SOCK_STREAM, 0);
  REQUIRE(::connect(fd, reinterpret_cast<sockaddr*>(&a), sizeof a) == 0);
  REQUIRE(::send(fd, "mntr", 4, MSG_NOSIGNAL) == 4);
  std::string out;
  char part[4096];
  for (ssize_t k; (k = ::recv(fd, part, sizeof part, 0)) > 0;) out.append(part, static_cast<std::size_t>(k));
  ::close(fd);
  return out;
}

long metric(std::size_t node, const std::string& name) {
  auto all = metrics(node);
  auto at = all.find(name + "\t");
  REQUIRE_MESSAGE(at != all.npos, name, " is not in ", all);
  return std::stol(all.substr(at + name.size() + 1));
}

}  // namespace

TEST_CASE("a shipped type is called through every node, in binary and in JSON, at one zxid") {
  program p;
  auto path = fresh_path("counter");
  std::int64_t expected = 0;
  for (auto& port : actor_ports()) {
    auto client = p.spawn({.nodes = {port}});
    auto reply = p.ask<c::reply>(client, add(path, 5));
    auto got = read_counter(reply.bytes);
    CHECK(got.previous == expected);
    CHECK(got.value == (expected += 5));
    CHECK(got.changed);
    auto znode = p.ask<c::data>(client, c::get_data{path});
    CHECK(znode.bytes == std::to_string(expected));
    CHECK(znode.stat.mzxid == reply.zxid);
  }
  auto client = p.spawn();
  auto text = p.ask<c::reply>(client, c::call{.type = "troupe.counter", .request = R"({"path":")" + path + R"("})"});
  CHECK(text.bytes == R"({"value":"15","previous":"15","changed":false,"version":2})");
}

TEST_CASE("calls that gather are carried out in their order, with other requests between them") {
  program p;
  auto client = p.spawn();
  auto path = fresh_path("pipeline");
  constexpr int many = 2'000;
  for (int i = 0; i < many; ++i) {
    p.self->send(client, add(path, 1));
    if (i % 10 == 9) p.self->send(client, c::get_data{path});
  }
  int calls = 0, reads = 0;
  while (calls < many || reads < many / 10)
    p.self->receive([&](const c::reply& r) { REQUIRE(read_counter(r.bytes).value == ++calls); },
                    [&](const c::data& d) {
                      REQUIRE(calls == 10 * ++reads);
                      REQUIRE(d.bytes == std::to_string(calls));
                    },
                    caf::after(patience) >> [&] { FAIL("no answer after ", calls, " calls"); });
}

TEST_CASE("types of plug-ins are called through every node, and their errors come with their text") {
  program p;
  auto home = fresh_path("bank");
  auto starter = p.spawn();
  p.ask<c::created>(starter, c::create{home + "-ann", "100"});
  p.ask<c::created>(starter, c::create{home + "-bob", "0"});
  auto transfer = [&](const std::string& from, int amount) {
    return c::call{.type = "bank.transfer",
                   .request = R"({"from":")" + home + "-" + from + R"(","to":")" + home + R"(-bob","amount":)" +
                              std::to_string(amount) + "}"};
  };
  int moved = 0;
  for (auto& port : actor_ports()) {
    auto client = p.spawn({.nodes = {port}});
    moved += 10;
    CHECK(p.ask<c::reply>(client, transfer("ann", 10)).bytes ==
          R"({"fromBalance":")" + std::to_string(100 - moved) + R"(","toBalance":")" + std::to_string(moved) + R"("})");
    CHECK(p.ask<c::data>(client, c::get_data{home + "-bob"}).bytes == std::to_string(moved));
    auto poor = refused(p, client, transfer("ann", 1'000));
    CHECK(poor.code == code_of(zk::err::bad_arguments));
    CHECK(poor.why == home + "-ann has only " + std::to_string(100 - moved));
    auto nobody = refused(p, client, transfer("eve", 1));
    CHECK(nobody.code == code_of(zk::err::no_node));
    CHECK(nobody.why == "there is no account " + home + "-eve");
    auto thrown = refused(p, client, {.type = "test.throws", .request = "x"});
    CHECK(thrown.code == code_of(zk::err::system_error));
    CHECK(thrown.why == "the handler failed: as it was meant to");
    auto unreadable = refused(p, client, {.type = "bank.transfer", .request = "nonsense"});
    CHECK(unreadable.code == code_of(zk::err::marshalling_error));
    CHECK(unreadable.why.starts_with("the request cannot be read: "));
  }
  auto last = p.ask<c::reply>(
      starter, c::call{.type = "bank.transfer", .request = binary<bank::TransferRequest>([&](auto r) {
                                                  r.setFrom(home + "-bob"), r.setTo(home + "-ann"), r.setAmount(moved);
                                                })});
  wire::flat_message balances(shared_bytes::copy_of(last.bytes));
  CHECK(balances.get<bank::TransferReply>().getFromBalance() == 0);
  CHECK(balances.get<bank::TransferReply>().getToBalance() == 100);
  std::string bytes("\0\1\xff with zeros and what is no text", 34);
  CHECK(p.ask<c::reply>(starter, c::call{.type = "test.echo", .request = bytes, .version = 1}).bytes == bytes);
  CHECK(p.ask<c::reply>(starter, c::call{.type = "test.echo", .request = bytes}).bytes == "{two}" + bytes);
}

TEST_CASE("an unknown type or version is refused by its name") {
  program p;
  for (auto& port : actor_ports()) {
    auto client = p.spawn({.nodes = {port}});
    auto type = refused(p, client, {.type = "nobody.knows", .request = "{}"});
    CHECK(type.code == code_of(zk::err::unimplemented));
    CHECK(type.why == "this node has no request type 'nobody.knows'");
    auto version = refused(p, client, {.type = "test.echo", .request = "{}", .version = 7});
    CHECK(version.code == code_of(zk::err::unimplemented));
    CHECK(version.why == "this node has no request type 'test.echo' of version 7, but of version 1, 2");
  }
}

TEST_CASE("what an ACL forbids its caller is forbidden to a call, until he says who he is") {
  program p;
  auto owner = p.spawn({.nodes = {}, .auth = {{"digest", "ann:pass"}}}), stranger = p.spawn();
  auto path = fresh_path("private");
  p.ask<c::created>(owner, c::create{path, "1", {}, {{zk::perm::all, {"auth", ""}}}});
  p.ask<c::done>(stranger, c::sync{path});
  auto why = refused(p, stranger, add(path, 1));
  CHECK(why.code == code_of(zk::err::no_auth));
  CHECK(why.why == path + ": the caller has no right to this");
  p.ask<c::done>(stranger, c::add_auth{"digest", "ann:pass"});
  CHECK(read_counter(p.ask<c::reply>(stranger, add(path, 1)).bytes).value == 2);
}

TEST_CASE("a read-only type runs on the follower that the client is connected to") {
  program p;
  auto ports = actor_ports();
  auto leader = static_cast<std::size_t>(nodes().wait_for_leader() - 1);
  auto follower = leader == 0 ? std::size_t{1} : std::size_t{0};
  auto client = p.spawn({.nodes = {ports[follower]}, .auth = {{"digest", "ann:pass"}}});
  auto path = fresh_path("listed");
  for (auto* name : {"", "/b", "/a"}) p.ask<c::created>(client, c::create{path + name, "data"});
  auto listed = metric(follower, "zk_request_type_troupe_list_calls");
  auto elsewhere = metric(leader, "zk_request_type_troupe_list_calls");
  auto reply = p.ask<c::reply>(client, c::call{.type = "troupe.list", .request = binary<wire::ListRequest>([&](auto r) {
                                                                        r.setPath(path), r.setAsText(true);
                                                                      })});
  {
    wire::flat_message m(shared_bytes::copy_of(reply.bytes));
    auto items = m.get<wire::ListReply>().getItems();
    REQUIRE(items.size() == 2);
    CHECK(wire::view(items[0].getName()) == "a");
    CHECK(wire::view(items[1].getName()) == "b");
  }
  CHECK(p.ask<c::reply>(client, c::call{.type = "test.whoami"}).bytes.find("digest:ann:") != std::string::npos);
  CHECK(metric(follower, "zk_request_type_troupe_list_calls") == listed + 1);
  CHECK(metric(leader, "zk_request_type_troupe_list_calls") == elsewhere);
  auto missing = refused(p, client, {.type = "troupe.list", .request = R"({"path":"/none"})"});
  CHECK(missing.code == code_of(zk::err::no_node));
  CHECK(missing.why == "/none: there is no such znode");
}

TEST_CASE("a program that is no actor calls, and gets code and text of what was wrong") {
  c::blocking_client client({.nodes = actor_ports()});
  auto path = fresh_path("blocking");
  CHECK(read_counter(client.call(add(path, 7)).bytes).value == 7);
  CHECK(client.call({.type = "test.echo", .request = "abc", .version = 1}).bytes == "abc");
  try {
    client.call({.type = "test.throws"});
    FAIL("it did not throw");
  } catch (const c::failure& f) {
    CHECK(f.is(zk::err::system_error));
    CHECK(std::string(f.what()) == "the handler failed: as it was meant to");
  }
}

/// Each call replaces the number before it: done again, it finds its own number there, and that is how its caller knows
/// that it was done.
TEST_CASE(
    "a call that is repeatable is answered although leaders are killed, and one that is not says that it may be lost") {
  nodes ensemble;
  c::blocking_client client({.nodes = actor_ports()}), other({.nodes = actor_ports()});
  auto path = fresh_path("repeatable"), counter = fresh_path("not-repeatable");
  client.create(path, "0");
  std::int64_t at = 0, asked = 0, acknowledged = 0, last = 0;
  auto next = [&] {
    auto reply = client.call({.type = "troupe.counter",
                              .request = binary<wire::CounterRequest>([&](auto r) {
                                r.setPath(path);
                                auto cas = r.initCompareAndSet();
                                cas.setExpected(at), cas.setValue(at + 1);
                              }),
                              .repeatable = true});
    auto got = read_counter(reply.bytes);
    ++at;
    REQUIRE(got.value == at);
  };
  auto count = [&] {
    ++asked;
    try {
      auto got = read_counter(other.call(add(counter, 1)).bytes);
      REQUIRE(got.value > last);
      last = got.value, ++acknowledged;
    } catch (const c::failure& f) {
      REQUIRE(f.code() == c::code::connection_loss);
    }
  };
  for (int kills = 0; kills < 2; ++kills) {
    for (int i = 0; i < 20; ++i) next(), count();
    ensemble.kill(ensemble.wait_for_leader());
    for (int i = 0; i < 20; ++i) next(), count();
    ensemble.start_all();
  }
  client.sync();
  CHECK(client.get_data(path).bytes == std::to_string(at));
  auto value = std::stoll(client.get_data(counter).bytes);
  CHECK(acknowledged <= value);
  CHECK(value <= asked);
}

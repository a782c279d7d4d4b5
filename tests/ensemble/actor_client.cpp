/// Every operation of an actor client, against real nodes.

#include "tests/ensemble/actor_client.hpp"

using namespace troupe;
using namespace troupe::ensemble;
namespace c = troupe::client;

TEST_CASE("an actor client creates, reads, changes and removes") {
  program p;
  auto client = p.spawn();
  auto path = fresh_path("operations");
  auto made = p.ask<c::created>(client, c::create{path, "first"});
  CHECK(made.path == path);
  CHECK(made.stat.data_length == 5);
  CHECK(made.zxid == made.stat.czxid);
  auto got = p.ask<c::data>(client, c::get_data{path});
  CHECK(got.bytes == "first");
  CHECK_FALSE(got.null);
  CHECK(got.zxid >= made.zxid);
  auto set = p.ask<c::changed>(client, c::set_data{path, "second", 0});
  CHECK(set.stat.version == 1);
  CHECK(set.zxid == set.stat.mzxid);
  CHECK(p.code<c::changed>(client, c::set_data{path, "third", 0}) == static_cast<int>(zk::err::bad_version));
  auto there = p.ask<c::existing>(client, c::exists{path});
  REQUIRE(there.stat);
  CHECK(there.stat->version == 1);
  CHECK_FALSE(p.ask<c::existing>(client, c::exists{path + "/none"}).stat);
  CHECK(p.code<c::data>(client, c::get_data{path + "/none"}) == static_cast<int>(zk::err::no_node));
  CHECK(p.ask<c::done>(client, c::sync{path}).zxid >= set.zxid);
  CHECK(p.ask<c::done>(client, c::remove{path, 1}).zxid > set.zxid);
  CHECK_FALSE(p.ask<c::existing>(client, c::exists{path}).stat);
  p.ask<c::done>(client, c::close{});
}

TEST_CASE("an actor client lists children, in order") {
  program p;
  auto client = p.spawn();
  auto path = fresh_path("children");
  p.ask<c::created>(client, c::create{path, ""});
  for (auto* name : {"b", "c", "a"}) p.ask<c::created>(client, c::create{path + "/" + name, ""});
  auto got = p.ask<c::children>(client, c::get_children{path});
  CHECK(got.names == std::vector<std::string>{"a", "b", "c"});
  CHECK(got.stat.num_children == 3);
  CHECK(p.code<c::done>(client, c::remove{path}) == static_cast<int>(zk::err::not_empty));
}

TEST_CASE("an actor client creates sequential and ephemeral znodes, which go with its session") {
  program p;
  auto client = p.spawn(), other = p.spawn();
  auto path = fresh_path("modes");
  p.ask<c::created>(client, c::create{path, ""});
  auto first = p.ask<c::created>(client, c::create{path + "/n-", "", c::create_mode::persistent_sequential, {}});
  auto second = p.ask<c::created>(client, c::create{path + "/n-", "", c::create_mode::ephemeral_sequential, {}});
  CHECK(first.path == path + "/n-0000000000");
  CHECK(second.path == path + "/n-0000000001");
  CHECK(second.stat.ephemeral_owner != 0);
  auto mine = p.ask<c::created>(client, c::create{path + "/mine", "", c::create_mode::ephemeral, {}});
  CHECK(mine.stat.ephemeral_owner == second.stat.ephemeral_owner);
  auto closed = p.ask<c::done>(client, c::close{});
  CHECK(closed.zxid > mine.zxid);
  p.self->wait_for(client);
  p.ask<c::done>(other, c::sync{path});
  CHECK(p.ask<c::children>(other, c::get_children{path}).names == std::vector<std::string>{"n-0000000000"});
}

TEST_CASE("a multi is done as a whole or says what failed") {
  program p;
  auto client = p.spawn();
  auto path = fresh_path("multi");
  auto good = p.ask<c::multi_result>(
      client,
      c::multi{{c::create{path, "1"}, c::create{path + "/n-", "", c::create_mode::persistent_sequential, {}},
                c::set_data{path, "2", 0}, c::check{path, 1}, c::create{path + "/x", ""}, c::remove{path + "/x"}}});
  CHECK(good.committed);
  REQUIRE(good.results.size() == 6);
  CHECK(good.results[0].path == path);
  CHECK(good.results[0].stat.czxid == good.zxid);
  CHECK(good.results[1].path == path + "/n-0000000000");
  CHECK(good.results[2].stat.version == 1);
  auto bad = p.ask<c::multi_result>(
      client, c::multi{{c::set_data{path, "3"}, c::check{path, 7}, c::remove{path + "/n-0000000000"}}});
  CHECK_FALSE(bad.committed);
  REQUIRE(bad.results.size() == 3);
  CHECK(bad.results[0].error == zk::err::ok);
  CHECK(bad.results[1].error == zk::err::bad_version);
  CHECK(bad.results[2].error == zk::err::runtime_inconsistency);
  CHECK(p.ask<c::data>(client, c::get_data{path}).bytes == "2");
}

TEST_CASE("ACLs bind actor clients, and digest opens them") {
  program p;
  auto owner = p.spawn(), stranger = p.spawn(), friendly = p.spawn({.nodes = {}, .auth = {{"digest", "bob:secret"}}});
  auto path = fresh_path("acl");
  p.ask<c::done>(owner, c::add_auth{"digest", "bob:secret"});
  p.ask<c::created>(owner, c::create{path, "x", {}, {{zk::perm::all, {"auth", ""}}}});
  p.ask<c::done>(stranger, c::sync{path});  // it may speak to another node
  CHECK(p.code<c::data>(stranger, c::get_data{path}) == static_cast<int>(zk::err::no_auth));
  p.ask<c::done>(friendly, c::sync{path});
  CHECK(p.ask<c::data>(friendly, c::get_data{path}).bytes == "x");
  auto acl = p.ask<c::acl_of>(friendly, c::get_acl{path});
  REQUIRE(acl.acl.size() == 1);
  CHECK(acl.acl[0].who.scheme == "digest");
  p.ask<c::changed>(friendly, c::set_acl{path, {{zk::perm::read, {"world", "anyone"}}}});
  p.ask<c::done>(stranger, c::sync{path});
  CHECK(p.ask<c::data>(stranger, c::get_data{path}).bytes == "x");
  CHECK(p.code<c::done>(stranger, c::add_auth{"nonsense", "x"}) == static_cast<int>(zk::err::auth_failed));
  CHECK(p.ask<c::data>(stranger, c::get_data{path}).bytes == "x");  // on another connection
}

TEST_CASE("requests that gather are answered in their order") {
  program p;
  auto client = p.spawn();
  auto path = fresh_path("pipeline");
  p.ask<c::created>(client, c::create{path, ""});
  constexpr int many = 20'000;
  for (int i = 0; i < many; ++i) {
    if (i % 4 == 3)
      p.self->send(client, c::set_data{path, std::to_string(i)});
    else
      p.self->send(client, c::get_data{path});
  }
  std::string last;
  for (int i = 0; i < many; ++i)
    p.self->receive(
        [&](const c::data& d) {
          REQUIRE(i % 4 != 3);
          REQUIRE(d.bytes == last);
        },
        [&](const c::changed& d) {
          REQUIRE(i % 4 == 3);
          REQUIRE(d.stat.version == (i + 1) / 4);
          last = std::to_string(i);
        },
        caf::after(patience) >> [&] { FAIL("answer ", i, " is missing"); });
}

TEST_CASE("a batch is answered by one message, each request as if it had been sent alone") {
  program p;
  auto client = p.spawn();
  auto path = fresh_path("batch");
  using failed = c::batch_result::failed;
  auto got = p.ask<c::batch_result>(
      client, c::batch{{c::create{path, "1"}, c::create{path, "again"}, c::set_data{path, "2", 0}, c::get_data{path},
                        c::set_data{path, "3", 0}, c::exists{path + "/none"}, c::get_children{path}, c::sync{path},
                        c::multi{{c::set_data{path, "4", 1}, c::check{path, 2}}}, c::get_acl{path},
                        c::call{"no.such.type", ""}, c::remove{path}}});
  REQUIRE(got.results.size() == 12);
  auto code = [&](std::size_t i) { return static_cast<zk::err>(std::get<failed>(got.results.at(i)).code); };
  CHECK(std::get<c::created>(got.results[0]).path == path);
  CHECK(code(1) == zk::err::node_exists);
  CHECK(std::get<c::changed>(got.results[2]).stat.version == 1);
  CHECK(std::get<c::data>(got.results[3]).bytes == "2");
  CHECK(code(4) == zk::err::bad_version);
  CHECK_FALSE(std::get<c::existing>(got.results[5]).stat);
  CHECK(std::get<c::children>(got.results[6]).names.empty());
  CHECK(std::get<c::done>(got.results[7]).zxid > 0);
  CHECK(std::get<c::multi_result>(got.results[8]).committed);
  CHECK(std::get<c::acl_of>(got.results[9]).acl.size() == 1);
  CHECK_FALSE(std::get<failed>(got.results[10]).why.empty());
  CHECK(std::get<c::done>(got.results[11]).zxid > std::get<c::multi_result>(got.results[8]).zxid);
  CHECK(p.ask<c::batch_result>(client, c::batch{}).results.empty());
}

TEST_CASE("large data goes both ways, too large a request is refused without harm") {
  program p;
  auto client = p.spawn();
  auto path = fresh_path("large");
  std::string large(1'000'000, 'x');
  p.ask<c::created>(client, c::create{path, large});
  for (int i = 0; i < 100; ++i) p.self->send(client, c::get_data{path});
  for (int i = 0; i < 100; ++i)
    p.self->receive([&](const c::data& d) { REQUIRE(d.bytes == large); },
                    caf::after(patience) >> [&] { FAIL("answer ", i, " is missing"); });
  CHECK(p.code<c::changed>(client, c::set_data{path, std::string(2'000'000, 'y')}) ==
        static_cast<int>(zk::err::bad_arguments));
  CHECK(p.ask<c::data>(client, c::get_data{path}).stat.version == 0);
}

TEST_CASE("a program that is no actor does all of it by calls") {
  c::blocking_client client({.nodes = actor_ports()});
  auto path = fresh_path("blocking");
  CHECK(client.create(path, "1").path == path);
  CHECK(client.get_data(path).bytes == "1");
  CHECK(client.set_data(path, "2").stat.version == 1);
  CHECK(client.exists(path).stat->version == 1);
  CHECK(client.get_acl(path).acl.size() == 1);
  CHECK(client.set_acl(path, {{zk::perm::all, {"world", "anyone"}}}).stat.aversion == 1);
  CHECK(client.commit({c::check{path, 1}, c::create{path + "/x", ""}}).committed);
  CHECK(client.get_children(path).names == std::vector<std::string>{"x"});
  client.remove(path + "/x");
  client.sync();
  client.add_auth("digest", "a:b");
  CHECK(client.session().state == c::session_state::connected);
  try {
    client.remove(path + "/x");
    FAIL("removed twice");
  } catch (const c::failure& f) {
    CHECK(f.is(zk::err::no_node));
  }
  client.close();
  try {
    client.sync();
    FAIL("still open");
  } catch (const c::failure& f) {
    CHECK(f.code() == c::code::closed);
  }
}

TEST_CASE("an actor inside the node answers whoever asks it by its name, and no other name is told apart") {
  program p;
  auto client = p.spawn();
  auto made = p.ask<c::created>(client, c::create{fresh_path("ask"), ""});
  // The change feed says how far it has come: to what we wrote, sooner or later.
  zxid_t far = 0;
  while (far < made.zxid) far = std::stoll(p.ask<c::reply>(client, c::ask{"audit", "how far?"}).bytes);
  CHECK(p.code<c::reply>(client, c::ask{"nobody", ""}) == static_cast<int>(zk::err::no_node));
}

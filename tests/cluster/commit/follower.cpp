// A follower and its leader.

#include "harness.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

struct follower_fixture {
  ensemble e{3};
  client on_leader{e, 1}, on_follower{e, 2};
  follower_fixture() { on_leader.connect(), on_follower.connect(); }
};

}  // namespace

TEST_CASE_FIXTURE(follower_fixture, "a follower's client writes through the leader and reads its own write") {
  on_follower.send(op::create2, create_body("/a", "x", 1));
  on_follower.send(op::get_data, path_watch("/a"));
  e.commit();
  CHECK(on_follower.take()->error() == err::ok);
  CHECK(on_follower.take()->error() == err::ok);
  CHECK(e.db(1).stat_of(*e.db(1).find("/a")).ephemeral_owner == on_follower.session);
  CHECK(e.db(3).find("/a"));
  CHECK((on_follower.session >> 56) == 2);
}

TEST_CASE_FIXTURE(follower_fixture, "a follower's client is told errors in the order of its requests") {
  auto a = on_follower.send(op::create, create_body("/a"));
  auto b = on_follower.send(op::create, create_body("/a"));
  auto r = on_follower.send(op::exists, path_watch("/a"));
  auto s = on_follower.send(op::sync, body().str("/"));
  e.commit();
  for (auto [xid, code] : {std::pair{a, err::ok}, {b, err::node_exists}, {r, err::ok}, {s, err::ok}}) {
    auto reply = on_follower.take();
    REQUIRE(reply.has_value());
    CHECK(reply->xid() == xid);
    CHECK(reply->error() == code);
  }
}

TEST_CASE_FIXTURE(follower_fixture, "an error waits on the follower until what it depends on is applied there") {
  e.hold(2);
  on_leader.call(op::create, create_body("/a"));
  on_follower.send(op::create, create_body("/a"));
  e.commit();
  CHECK_FALSE(on_follower.take().has_value());
  e.catch_up();
  auto r = on_follower.take();
  REQUIRE(r.has_value());
  CHECK(r->error() == err::node_exists);
  CHECK(r->zxid == e.last_assigned());
}

TEST_CASE_FIXTURE(follower_fixture, "a sync shows on a slow follower what the leader had committed before") {
  e.hold(2);
  on_leader.call(op::create, create_body("/a"));
  on_follower.send(op::sync, body().str("/a"));
  on_follower.send(op::exists, path_watch("/a"));
  e.commit();
  CHECK_FALSE(on_follower.take().has_value());
  e.catch_up();
  CHECK(on_follower.take()->error() == err::ok);
  CHECK(on_follower.take()->error() == err::ok);
}

TEST_CASE_FIXTURE(follower_fixture, "the credentials of a follower's client count at the leader") {
  on_follower.send(op::auth, body().i32(0).str("digest").str("ann:secret"), zk::xid_auth);
  on_follower.take();
  auto acl = zk::acl_list{{zk::perm::all, tree::digest_id("ann:secret")}};
  CHECK(on_follower.call(op::create, create_body("/a", "", 0, acl)).error() == err::ok);
  CHECK(on_follower.call(op::set_data, set_body("/a", "x")).error() == err::ok);
  CHECK(on_leader.call(op::set_data, set_body("/a", "x")).error() == err::no_auth);
}

TEST_CASE_FIXTURE(follower_fixture,
                  "a session moves to the node where its client re-attaches; the former one cuts it off") {
  client moved(e, 3);
  moved.ask_again(on_follower.session);
  e.commit();
  REQUIRE(moved.take_session());
  CHECK(moved.session == on_follower.session);
  CHECK_FALSE(on_follower.ended());  // its node has not heard of it yet
  on_follower.send(op::create, create_body("/late"));
  e.commit();
  CHECK(on_follower.ended());
  CHECK_FALSE(on_follower.take().has_value());
  CHECK_FALSE(e.db().find("/late"));
  CHECK(moved.call(op::create, create_body("/a")).error() == err::ok);
}

TEST_CASE_FIXTURE(follower_fixture, "a multi of a moved session closes the connection, too") {
  client moved(e, 3);
  moved.ask_again(on_follower.session);
  e.commit();
  on_follower.send(op::multi, multi_body({{op::create, create_body("/late")}}));
  e.commit();
  CHECK(on_follower.ended());
  CHECK_FALSE(e.db().find("/late"));
}

TEST_CASE_FIXTURE(follower_fixture, "after a change of leader the first node that speaks for a session owns it") {
  e.role(1, commit::role::looking);
  e.role(1, commit::role::leading);
  CHECK(on_follower.call(op::create, create_body("/a")).error() == err::ok);
  client elsewhere(e, 3);
  elsewhere.ask_again(on_follower.session);
  e.commit();
  REQUIRE(elsewhere.take_session());
  on_follower.send(op::create, create_body("/b"));
  e.commit();
  CHECK(on_follower.ended());
}

TEST_CASE_FIXTURE(follower_fixture,
                  "a session that ends is cut off wherever it is connected, and every tracker hears of it") {
  on_follower.call(op::create, create_body("/e", "", 1));
  e.expire(on_follower.session);
  e.commit();
  CHECK(on_follower.ended());
  CHECK_FALSE(on_leader.ended());
  for (node_id n : {1, 2, 3}) {
    CHECK_FALSE(e.db(n).find("/e"));
    REQUIRE_FALSE(e.sessions[n].empty());
    CHECK(e.sessions[n].back().session == on_follower.session);
    CHECK_FALSE(e.sessions[n].back().open);
  }
}

TEST_CASE_FIXTURE(follower_fixture, "a session that was closed where it moved to is cut off where it came from") {
  client moved(e, 3);
  moved.ask_again(on_follower.session);
  e.commit();
  REQUIRE(moved.take_session());
  CHECK(moved.call(op::close_session).what == seen::kind::last_reply);
  CHECK(on_follower.ended());
  CHECK_FALSE(on_follower.take().has_value());
}

TEST_CASE_FIXTURE(follower_fixture,
                  "a follower that loses its leader closes its connections; late outcomes touch nobody") {
  on_follower.send(op::create, create_body("/a"));
  on_follower.send(op::create, create_body("/a"));
  e.role(2, commit::role::looking);
  CHECK(on_follower.ended());
  e.role(2, commit::role::following);
  client again(e, 2);
  again.ask_again(on_follower.session);
  e.commit();
  REQUIRE(again.take_session());
  CHECK(e.at(2).outstanding() == 0);
  CHECK(e.db(2).find("/a"));
  CHECK_FALSE(again.take().has_value());
}

TEST_CASE("a node that does not lead ignores what is forwarded to it and expiries") {
  ensemble e(2);
  commit::effects fx;
  e.at(2).on_forwarded(1, {{7, 1, 1, op::create, create_body("/a"), nullptr}}, 0, fx);
  e.at(2).on_expired({1}, 0, fx);
  CHECK(fx.proposals.empty());
  CHECK(fx.stream.items.empty());
}

TEST_CASE_FIXTURE(follower_fixture, "a leader hears from a session by what its client asks through a follower") {
  e.at(1).take_touched();
  on_follower.send(op::set_data, set_body("/none", ""));
  auto touched = e.at(1).take_touched();
  CHECK(std::count(touched.begin(), touched.end(), on_follower.session) == 1);
}

TEST_CASE_FIXTURE(follower_fixture, "a leader hears from a session that comes to a follower again") {
  e.at(1).take_touched();
  client again(e, 2);
  again.ask_again(on_follower.session);
  auto touched = e.at(1).take_touched();
  CHECK(std::count(touched.begin(), touched.end(), on_follower.session) == 1);
}

TEST_CASE("a leader answers a forwarded request of a session that does not exist with SESSIONEXPIRED") {
  ensemble e(2);
  commit::effects fx;
  std::vector<commit::forwarded_request> list = {{7, 99, 1, op::create, create_body("/a"), nullptr},
                                                 {8, 0, 1, op::exists, path_watch("/"), nullptr},
                                                 {9, 0, 0, op::create_session, "short", nullptr}};
  e.at(1).on_forwarded(2, list, 0, fx);
  REQUIRE(fx.proposals.size() == 3);
  CHECK(fx.proposals[0].reply.error == err::session_expired);
  CHECK(fx.proposals[0].reply.id == 7);
  CHECK(fx.proposals[0].origin == 2);
  CHECK(fx.proposals[0].txn.empty());
  CHECK(fx.proposals[1].reply.error == err::unimplemented);
  CHECK(fx.proposals[2].reply.error == err::marshalling_error);
}

TEST_CASE("a node that got a checkpoint serves its znodes and sessions") {
  ensemble from, to;
  client c(from);
  c.connect();
  c.call(op::create, create_body("/a", "x"));
  auto copy = std::make_unique<tree::database>();
  auto delta = from.db().take_delta();
  for (auto where : {tree::table::acls, tree::table::nodes, tree::table::sessions})
    for (auto& entry : delta.entries)
      if (entry.where == where) copy->load(entry);
  copy->loaded(delta.zxid);

  commit::effects fx;
  CHECK_THROWS_AS(to.at(1).on_database(std::make_unique<tree::database>(), fx), std::logic_error);
  to.role(1, commit::role::looking);
  to.at(1).on_database(std::move(copy), fx);
  REQUIRE(fx.sessions.size() == 1);
  CHECK(fx.sessions[0].session == c.session);
  to.role(1, commit::role::leading);
  CHECK(to.db().zxid() == delta.zxid);
  CHECK(to.db().find("/a"));
}

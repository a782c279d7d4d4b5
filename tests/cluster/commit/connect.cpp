// The handshake of a connection, and the lives of sessions on one node.

#include "harness.hpp"

using namespace troupe;
using namespace troupe::test;

TEST_CASE("a new session is answered when its transaction is applied, with a password that fits") {
  ensemble e;
  client c(e);
  c.ask_session(10000);
  CHECK_FALSE(c.take().has_value());
  e.commit();
  REQUIRE(c.take_session());
  CHECK(c.timeout_ms == 10000);
  CHECK((c.session >> 56) == 1);
  REQUIRE(e.db().find_session(c.session));
  CHECK(e.db().find_session(c.session)->timeout_ms == 10000);
  REQUIRE(e.sessions[1].size() == 1);
  CHECK(e.sessions[1][0].open);
  CHECK(e.sessions[1][0].session == c.session);
}

TEST_CASE("a session's timeout is clamped to the node's limits") {
  ensemble e;
  client low(e), high(e);
  low.ask_session(1), high.ask_session(1'000'000);
  e.commit();
  REQUIRE(low.take_session());
  REQUIRE(high.take_session());
  CHECK(low.timeout_ms == 4000);
  CHECK(high.timeout_ms == 40000);
  CHECK(low.session != high.session);
}

TEST_CASE("a client that sends no readOnly byte gets none (ZOOKEEPER-4814)") {
  ensemble e;
  client c(e);
  c.frame(body().i32(0).i64(0).i32(10000).i64(0).str(std::string(16, '\0')));
  e.commit();
  CHECK(c.take()->frame.size() == 36);
  client with(e);
  with.ask_session();
  e.commit();
  CHECK(with.take()->frame.size() == 37);
}

TEST_CASE("an ill-formed ConnectRequest closes the connection") {
  for (auto bytes : {std::string(), std::string("ruok"), std::string(43, '\0'), std::string(46, '\0')}) {
    ensemble e;
    client c(e);
    c.frame(bytes);
    CHECK(c.ended());
    CHECK_FALSE(c.take().has_value());
    CHECK(e.in_flight() == 0);
  }
}

TEST_CASE("a client that has seen a later zxid than the node has is closed without a reply") {
  ensemble e;
  client c(e);
  c.ask_session(10000, 0, std::string(16, '\0'), 1);
  CHECK(c.ended());
  CHECK_FALSE(c.take().has_value());
}

TEST_CASE("a node without a leader closes connections at once") {
  ensemble e;
  e.role(1, commit::role::looking);
  client c(e);
  CHECK(c.ended());
}

TEST_CASE("requests pipelined behind the ConnectRequest are answered after it, in order") {
  ensemble e;
  client c(e);
  c.ask_session();
  auto create = c.send(op::create, create_body("/a", "x"));
  auto get = c.send(op::get_data, path_watch("/a"));
  e.commit();
  REQUIRE(c.take_session());
  CHECK(c.take()->xid() == create);
  auto reply = c.take();
  CHECK(reply->xid() == get);
  CHECK(reply->error() == err::ok);
}

TEST_CASE("a connection that re-attaches its session gets it back and the older connection is closed") {
  ensemble e;
  client first(e);
  first.connect();
  client second(e);
  second.ask_again(first.session);
  CHECK(first.ended());
  e.commit();
  REQUIRE(second.take_session());
  CHECK(second.session == first.session);
  CHECK(second.call(op::exists, path_watch("/")).error() == err::ok);
}

TEST_CASE("a wrong password or an unknown session is refused and closed") {
  ensemble e;
  client owner(e);
  owner.connect();
  client thief(e);
  thief.ask_session(10000, owner.session, std::string(16, 'x'));
  CHECK_FALSE(thief.take_session());
  CHECK(thief.timeout_ms == 0);
  CHECK(thief.ended());
  CHECK_FALSE(owner.ended());

  client late(e);
  late.ask_again(12345);
  e.commit();
  CHECK_FALSE(late.take_session());
  CHECK(late.ended());
}

TEST_CASE("a ping is answered at once, with the zxid that is applied, even behind a write") {
  ensemble e;
  client c(e);
  c.connect();
  auto applied = e.db().zxid();
  auto write = c.send(op::create, create_body("/a"));
  c.send(op::ping, "", zk::xid_ping);
  auto pong = c.take();
  REQUIRE(pong.has_value());
  CHECK(pong->xid() == zk::xid_ping);
  CHECK(pong->zxid == applied);
  CHECK(pong->error() == err::ok);
  e.commit();
  CHECK(c.take()->xid() == write);
}

TEST_CASE("closing a session deletes its ephemerals, pending ones too, in one transaction, and ends the connection") {
  ensemble e;
  client c(e);
  c.connect();
  c.call(op::create, create_body("/keep"));
  c.call(op::create, create_body("/keep/e1", "", 1));
  c.call(op::create, create_body("/e2", "", 1));
  c.send(op::create, create_body("/e3", "", 1));
  c.send(op::del, path_version("/e2"));
  c.send(op::close_session);
  CHECK(e.in_flight() == 3);
  auto before = c.mark();
  e.commit();
  CHECK(e.db().ephemeral_count() == 0);
  CHECK(e.db().find("/keep"));
  CHECK_FALSE(e.db().find_session(c.session));
  c.take(), c.take();
  auto bye = c.take();
  CHECK(bye->what == seen::kind::last_reply);
  CHECK(bye->error() == err::ok);
  std::vector<std::string> gone;
  for (auto& i : c.stream(before))
    if (i.what == seen::kind::change && i.zxid == e.last_assigned()) gone.push_back(i.path);
  CHECK(gone == std::vector<std::string>{"/e3", "/keep/e1"});
  CHECK_FALSE(e.sessions[1].back().open);
}

TEST_CASE("requests behind closeSession are ignored") {
  ensemble e;
  client c(e);
  c.connect();
  c.send(op::close_session);
  c.send(op::create, create_body("/a"));
  e.commit();
  CHECK(c.take()->what == seen::kind::last_reply);
  CHECK_FALSE(c.take().has_value());
  CHECK_FALSE(e.db().find("/a"));
}

TEST_CASE("an expired session loses its ephemerals and its connection") {
  ensemble e;
  client c(e), other(e);
  c.connect(), other.connect();
  c.call(op::create, create_body("/e", "", 1));
  e.expire(c.session);
  e.expire(c.session);  // reported twice: one transaction
  CHECK(e.in_flight() == 1);
  c.send(op::create, create_body("/late", "", 1));
  e.commit();
  CHECK(c.ended());
  CHECK_FALSE(e.db().find("/e"));
  CHECK_FALSE(e.db().find("/late"));
  CHECK_FALSE(other.ended());
  client again(e);
  again.ask_again(c.session);
  e.commit();
  CHECK_FALSE(again.take_session());
}

TEST_CASE("a session that is being closed refuses requests with SESSIONEXPIRED") {
  ensemble e;
  client c(e);
  c.connect();
  e.expire(c.session);
  auto xid = c.send(op::create, create_body("/late"));
  CHECK(e.in_flight() == 2);
  e.commit(1);
  CHECK(c.ended());
  CHECK_FALSE(c.take().has_value());
  CHECK(xid > 0);
}

TEST_CASE("a session re-attached after its end was prepared is refused") {
  ensemble e;
  client c(e);
  c.connect();
  e.expire(c.session);
  client again(e);
  again.ask_again(c.session);
  e.commit();
  CHECK_FALSE(again.take_session());
  CHECK(again.ended());
}

TEST_CASE("take_touched names each session that sent something since, once") {
  ensemble e;
  client a(e), b(e);
  a.connect(), b.connect();
  e.at(1).take_touched();
  CHECK(e.at(1).take_touched().empty());
  a.send(op::ping, "", zk::xid_ping), a.send(op::ping, "", zk::xid_ping);
  CHECK(e.at(1).take_touched() == std::vector<session_id>{a.session});
  b.send(op::exists, path_watch("/"));
  CHECK(e.at(1).take_touched() == std::vector<session_id>{b.session});
}

TEST_CASE("a node that loses its leader closes every connection and forgets what was pending") {
  ensemble e;
  client c(e);
  c.connect();
  c.send(op::create, create_body("/a"));
  CHECK(e.at(1).outstanding() == 1);
  e.role(1, commit::role::looking);
  CHECK(c.ended());
  CHECK(e.at(1).outstanding() == 0);
  e.role(1, commit::role::leading);
  client again(e);
  again.ask_again(c.session);
  e.commit();
  REQUIRE(again.take_session());
  CHECK(again.call(op::create, create_body("/a")).error() == err::ok);
}

TEST_CASE("a connection that the gateway lost is dropped, and its writes still happen") {
  ensemble e;
  client c(e);
  c.connect();
  c.send(op::create, create_body("/a"));
  c.lost();
  e.commit();
  CHECK(e.db().find("/a"));
  CHECK(c.stream().back().what == seen::kind::change);
  CHECK(e.at(1).outstanding() == 0);
}

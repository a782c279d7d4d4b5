// The order of replies, and what preparation sees while proposals are pending.

#include "cluster/commit/connection.hpp"
#include "harness.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

struct order_fixture {
  ensemble e;
  client c{e};
  order_fixture() { c.connect(); }
};

}  // namespace

TEST_CASE_FIXTURE(order_fixture, "a read waits for the write before it on its connection, and for no other") {
  client other(e);
  other.connect();
  auto write = c.send(op::create, create_body("/a", "1"));
  auto read = c.send(op::get_data, path_watch("/a"));
  CHECK_FALSE(c.take().has_value());
  other.send(op::exists, path_watch("/a"));
  CHECK(other.take()->error() == err::no_node);
  e.commit();
  CHECK(c.take()->xid() == write);
  auto got = c.take();
  CHECK(got->xid() == read);
  CHECK(got->error() == err::ok);
}

TEST_CASE_FIXTURE(order_fixture, "a read between two writes sees the first and not the second") {
  c.call(op::create, create_body("/a", "0"));
  c.send(op::set_data, set_body("/a", "1"));
  c.send(op::get_data, path_watch("/a"));
  c.send(op::set_data, set_body("/a", "2"));
  c.send(op::get_data, path_watch("/a"));
  CHECK(e.in_flight() == 2);  // the second write did not wait for the read
  e.commit();
  c.take();
  auto first = c.take()->frame.substr(16);
  c.take();
  auto second = c.take()->frame.substr(16);
  CHECK(jute::reader(first).buffer() == "1");
  CHECK(jute::reader(second).buffer() == "2");
}

TEST_CASE_FIXTURE(order_fixture, "replies of a long pipeline leave in the order of its requests") {
  std::vector<std::int32_t> sent;
  for (int i = 0; i < 300; ++i) {
    auto path = "/n" + std::to_string(i % 7);
    switch (i % 5) {
      case 0:
        sent.push_back(c.send(op::create, create_body(path)));
        break;
      case 1:
        sent.push_back(c.send(op::get_data, path_watch(path)));
        break;
      case 2:
        sent.push_back(c.send(op::set_data, set_body(path, "x", i % 3)));
        break;
      case 3:
        sent.push_back(c.send(op::del, path_version(path)));
        break;
      case 4:
        sent.push_back(c.send(op::get_children, path_watch("/")));
        break;
    }
    if (i % 11 == 0) e.commit(3);
  }
  e.commit();
  std::vector<std::int32_t> got;
  zxid_t last = 0;
  while (auto r = c.take()) {
    got.push_back(r->xid());
    CHECK(r->zxid >= last);
    last = r->zxid;
  }
  CHECK(got == sent);
  CHECK(e.at(1).outstanding() == 0);
}

TEST_CASE_FIXTURE(order_fixture, "an error that depends on a pending proposal is told only when that is applied") {
  client other(e);
  other.connect();
  other.send(op::create, create_body("/a"));
  auto xid = c.send(op::create, create_body("/a"));
  // The outcome arrives before the transaction that it depends on.
  CHECK_FALSE(c.take().has_value());
  e.commit(1);
  e.commit(1);
  auto r = c.take();
  REQUIRE(r.has_value());
  CHECK(r->xid() == xid);
  CHECK(r->error() == err::node_exists);
  CHECK(r->zxid == e.last_assigned());
  CHECK(c.call(op::exists, path_watch("/a")).error() == err::ok);
}

// What waits for its confirmation and what was proposed after it settle in the order of the leader's decisions (zab:
// leader::release_overtaken); before that nothing of the pipeline is told, since the refusal stands first.
TEST_CASE("a refusal whose confirmation is late, and the read behind it, show nothing of the write that follows them") {
  for (bool confirmed_first : {false, true})
    for (node_id node : {1, 2}) {
      CAPTURE(confirmed_first);
      CAPTURE(node);
      ensemble e(2);
      client c(e, node);
      c.connect();
      c.call(op::create, create_body("/a", "before"));
      auto created = e.last_assigned();
      std::vector<std::int32_t> sent{c.send(op::del, path_version("/none")), c.send(op::get_data, path_watch("/a")),
                                     c.send(op::set_data, set_body("/a", "after"))};
      REQUIRE(e.in_flight() == 2);
      CHECK_FALSE(c.take().has_value());
      if (confirmed_first) {
        e.commit(1);  // the confirmation comes while the write is pending: it holds nothing up
        CHECK(e.in_flight() == 1);
      } else {
        e.commit();  // the write's commit takes the refusal along
      }
      auto refused = c.take(), read = c.take();
      REQUIRE(refused.has_value());
      REQUIRE(read.has_value());
      e.commit();
      auto written = c.take();
      REQUIRE(written.has_value());
      CHECK(std::vector{refused->xid(), read->xid(), written->xid()} == sent);
      CHECK(refused->error() == err::no_node);
      CHECK(read->error() == err::ok);
      CHECK(read->rest().buffer() == "before");
      CHECK(written->error() == err::ok);
      // The header's zxid: never falling, and of a refusal and a read below that of the write they do not show.
      CHECK(refused->zxid == created);
      CHECK(read->zxid == created);
      CHECK(written->zxid == created + 1);
    }
}

TEST_CASE("an outcome is held until what was pending before it is applied here") {
  ensemble e;
  client c(e);
  c.connect();
  auto xid = c.send(op::create, create_body("/no/where"));
  commit::effects fx;
  // Request ids count up from the boot time; the first was the session's.
  auto id = (static_cast<std::uint64_t>(ensemble::boot_ms + 1) << 20) + 1;
  e.at(1).on_replies({{id, err::no_node, e.db().zxid() + 1, {}}}, fx);
  CHECK(fx.stream.items.empty());
  CHECK(e.at(1).outstanding() == 1);
  client other(e);
  other.ask_session();
  e.commit();
  auto r = c.take();
  REQUIRE(r.has_value());
  CHECK(r->xid() == xid);
  CHECK(r->error() == err::no_node);
  CHECK_FALSE(c.take().has_value());  // told once, though the outcome came twice
}

TEST_CASE_FIXTURE(order_fixture, "preparation sees what is pending: create, delete and create again") {
  c.send(op::create, create_body("/a", "", 1));
  c.send(op::create, create_body("/a"));
  c.send(op::del, path_version("/a", 0));
  c.send(op::del, path_version("/a"));
  c.send(op::set_data, set_body("/a", "x"));
  c.send(op::create, create_body("/a"));
  c.send(op::create, create_body("/a/b"));
  c.send(op::del, path_version("/a"));
  c.send(op::del, path_version("/a/b"));
  c.send(op::del, path_version("/a"));
  e.commit();
  err expected[] = {err::ok, err::node_exists, err::ok,        err::no_node, err::no_node,
                    err::ok, err::ok,          err::not_empty, err::ok,      err::ok};
  for (auto want : expected) CHECK(c.take()->error() == want);
}

TEST_CASE_FIXTURE(order_fixture, "preparation sees pending versions and ACLs") {
  c.call(op::create, create_body("/a"));
  c.send(op::set_data, set_body("/a", "1", 0));
  c.send(op::set_data, set_body("/a", "1", 0));
  c.send(op::set_data, set_body("/a", "1", 1));
  c.send(op::set_acl, body().str("/a").acl({{zk::perm::read, {"world", "anyone"}}}).i32(0));
  c.send(op::set_data, set_body("/a", "1"));
  e.commit();
  err expected[] = {err::ok, err::bad_version, err::ok, err::ok, err::no_auth};
  for (auto want : expected) CHECK(c.take()->error() == want);
}

TEST_CASE_FIXTURE(order_fixture, "an ephemeral that another session made again does not go with the first session") {
  client other(e);
  other.connect();
  c.call(op::create, create_body("/e", "", 1));
  c.send(op::del, path_version("/e"));
  other.send(op::create, create_body("/e", "", 1));
  c.send(op::close_session);
  e.commit();
  CHECK(c.ended());
  REQUIRE(e.db().find("/e"));
  CHECK(e.db().stat_of(*e.db().find("/e")).ephemeral_owner == other.session);
}

TEST_CASE_FIXTURE(order_fixture, "an ephemeral's parent can be deleted behind the close that empties it") {
  client other(e);
  other.connect();
  c.call(op::create, create_body("/p"));
  c.call(op::create, create_body("/p/e", "", 1));
  c.send(op::close_session);
  other.send(op::del, path_version("/p"));
  e.commit();
  CHECK(other.take()->error() == err::ok);
  CHECK_FALSE(e.db().find("/p"));
}

TEST_CASE_FIXTURE(order_fixture, "a change stands in the stream before every reply that shows it") {
  auto from = c.mark();
  c.send(op::create, create_body("/a"));
  c.send(op::get_data, path_watch("/a"));
  e.commit();
  auto s = c.stream(from);
  REQUIRE(s.size() == 3);
  CHECK(s[0].what == seen::kind::change);
  CHECK(s[0].path == "/a");
  CHECK(s[0].event == zk::event::node_created);
  CHECK(s[1].what == seen::kind::reply);
  CHECK(s[2].what == seen::kind::reply);
  CHECK(s[1].zxid == s[0].zxid);
}

TEST_CASE_FIXTURE(order_fixture, "a transaction that this leader did not prepare stops it") {
  ensemble from;
  client d(from);
  d.connect();
  commit::effects fx;
  client asks(from);
  request_batch b;
  b.bytes = body().i32(50).i32(static_cast<int>(op::create)).raw(create_body("/a"));
  b.items.push_back({d.conn(), request_batch::kind::frame, 0, static_cast<std::uint32_t>(b.bytes.size())});
  from.at(1).on_requests(b, from.now_ms, fx);
  REQUIRE(fx.proposals.size() == 1);
  CHECK_THROWS_AS(e.at(1).on_committed({{make_zxid(1, 9), fx.proposals[0].txn}}, fx), std::logic_error);
}

TEST_CASE_FIXTURE(order_fixture, "a connection with more waiting requests than the bound is closed") {
  c.send(op::create, create_body("/a"));
  for (std::size_t i = 1; i < commit::max_waiting_requests; ++i) c.send(op::exists, path_watch("/a"));
  CHECK_FALSE(c.ended());
  c.send(op::exists, path_watch("/a"));
  CHECK(c.ended());
  e.commit();
  CHECK(e.db().find("/a"));
}

TEST_CASE("a connection with more requests behind its ConnectRequest than the bound is closed") {
  ensemble e;
  client c(e);
  c.ask_session();
  for (std::size_t i = 0; i < commit::max_waiting_requests; ++i) c.send(op::exists, path_watch("/a"));
  CHECK_FALSE(c.ended());
  c.send(op::exists, path_watch("/a"));
  CHECK(c.ended());
  e.commit();
}

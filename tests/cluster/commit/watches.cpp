// Watches that reads leave, and setWatches after a reconnect.

#include "harness.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

using kind = seen::kind;

struct watching_fixture {
  ensemble e;
  client c{e};
  watching_fixture() { c.connect(); }
};

}  // namespace

TEST_CASE_FIXTURE(watching_fixture, "a read that succeeds leaves its watch right before its reply") {
  c.call(op::create, create_body("/a"));
  struct {
    op what;
    watch_table table;
  } reads[] = {{op::exists, watch_table::data},
               {op::get_data, watch_table::data},
               {op::get_children, watch_table::child},
               {op::get_children2, watch_table::child}};
  for (auto& r : reads) {
    auto from = c.mark();
    c.call(r.what, path_watch("/a", true));
    auto s = c.stream(from);
    REQUIRE(s.size() == 2);
    CHECK(s[0].what == kind::watch);
    CHECK(s[0].path == "/a");
    CHECK(s[0].table == r.table);
    CHECK(s[1].what == kind::reply);
  }
}

TEST_CASE_FIXTURE(watching_fixture, "a read without the watch flag leaves none") {
  for (auto o : {op::exists, op::get_data, op::get_children, op::get_children2}) {
    auto from = c.mark();
    c.call(o, path_watch("/"));
    CHECK(c.stream(from).size() == 1);
  }
}

TEST_CASE_FIXTURE(watching_fixture, "exists of a missing znode leaves a watch; other reads that fail leave none") {
  auto from = c.mark();
  c.call(op::exists, path_watch("/no", true));
  auto s = c.stream(from);
  REQUIRE(s.size() == 2);
  CHECK(s[0].what == kind::watch);
  CHECK(s[0].table == watch_table::data);
  for (auto o : {op::get_data, op::get_children, op::get_children2}) {
    from = c.mark();
    c.call(o, path_watch("/no", true));
    CHECK(c.stream(from).size() == 1);
  }
}

TEST_CASE_FIXTURE(watching_fixture, "a read that may not READ leaves no watch") {
  c.call(op::create, create_body("/secret", "", 0, {{zk::perm::write, {"world", "anyone"}}}));
  for (auto o : {op::exists, op::get_data, op::get_children, op::get_children2}) {
    auto from = c.mark();
    CHECK(c.call(o, path_watch("/secret", true)).error() == err::no_auth);
    CHECK(c.stream(from).size() == 1);
  }
}

TEST_CASE_FIXTURE(watching_fixture,
                  "setWatches tells what happened since and leaves the other watches, all before its reply") {
  c.call(op::create, create_body("/same"));
  c.call(op::create, create_body("/changed"));
  c.call(op::create, create_body("/parent"));
  auto since = e.db().zxid();
  c.call(op::set_data, set_body("/changed", "x"));
  c.call(op::create, create_body("/parent/child"));
  auto from = c.mark();
  c.send(op::set_watches,
         body()
             .i64(since)
             .paths({"/gone", "/changed", "/same"})
             .paths({"/same", "/missing"})
             .paths({"/gone", "/parent", "/same"}),
         zk::xid_set_watches);
  auto s = c.stream(from);
  struct {
    kind what;
    const char* path;
    zk::event event;
    watch_table table;
  } expected[] = {{kind::event, "/gone", zk::event::node_deleted, {}},
                  {kind::event, "/changed", zk::event::node_data_changed, {}},
                  {kind::watch, "/same", {}, watch_table::data},
                  {kind::event, "/same", zk::event::node_created, {}},
                  {kind::watch, "/missing", {}, watch_table::data},
                  {kind::event, "/gone", zk::event::node_deleted, {}},
                  {kind::event, "/parent", zk::event::node_children_changed, {}},
                  {kind::watch, "/same", {}, watch_table::child}};
  REQUIRE(s.size() == 9);
  for (std::size_t i = 0; i < 8; ++i) {
    CHECK(s[i].what == expected[i].what);
    CHECK(s[i].path == expected[i].path);
    if (s[i].what == kind::event) {
      CHECK(s[i].event == expected[i].event);
      CHECK(s[i].zxid == -1);
      CHECK(s[i].conn == c.conn());
    } else {
      CHECK(s[i].table == expected[i].table);
    }
  }
  CHECK(s[8].what == kind::reply);
  CHECK(s[8].xid() == zk::xid_set_watches);
  CHECK(s[8].error() == err::ok);
  CHECK(s[8].rest().at_end());
}

TEST_CASE_FIXTURE(watching_fixture, "setWatches tells nothing about a znode that the caller may not READ") {
  c.call(op::create, create_body("/secret", "", 0, {{zk::perm::write, {"world", "anyone"}}}));
  auto from = c.mark();
  c.send(op::set_watches, body().i64(0).paths({"/secret"}).paths({"/secret"}).paths({"/secret"}), zk::xid_set_watches);
  CHECK(c.stream(from).size() == 1);
}

TEST_CASE_FIXTURE(watching_fixture, "an ill-formed setWatches leaves nothing behind") {
  auto from = c.mark();
  auto xid = c.send(op::set_watches, body().i64(0).paths({"/a"}).paths({"/b"}).i32(3));
  auto s = c.stream(from);
  REQUIRE(s.size() == 1);
  CHECK(s[0].xid() == xid);
  CHECK(s[0].error() == err::marshalling_error);
}

TEST_CASE_FIXTURE(watching_fixture, "setWatches behind a write of its connection waits for it") {
  auto from = c.mark();
  c.send(op::create, create_body("/a"));
  c.send(op::set_watches, body().i64(0).paths({}).paths({"/a"}).paths({}), zk::xid_set_watches);
  CHECK(c.stream(from).empty());
  e.commit();
  auto s = c.stream(from);
  REQUIRE(s.size() == 4);
  CHECK(s[2].what == kind::event);
  CHECK(s[2].event == zk::event::node_created);
}

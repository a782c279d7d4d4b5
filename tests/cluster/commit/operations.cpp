// Each operation on znodes: its result, and its errors in ZooKeeper's order.

#include <limits>

#include "cluster/commit/preparation.hpp"
#include "harness.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

struct operation_fixture {
  ensemble e;
  client c{e};
  operation_fixture() { c.connect(); }
  err code(op o, std::string_view body) { return c.call(o, body).error(); }
  std::string path_of_reply(const seen& r) {
    auto in = r.rest();
    return std::string(in.ustring());
  }
};

const zk::acl_list read_only = {{zk::perm::read, {"world", "anyone"}}};

}  // namespace

TEST_CASE_FIXTURE(operation_fixture, "create answers the path and create2 the Stat of the new znode too") {
  auto r = c.call(op::create, create_body("/a", "data"));
  CHECK(r.error() == err::ok);
  CHECK(path_of_reply(r) == "/a");
  CHECK(r.zxid == e.last_assigned());
  e.now_ms += 5;
  auto r2 = c.call(op::create2, create_body("/a/b", "xyz"));
  auto in = r2.rest();
  CHECK(in.ustring() == "/a/b");
  auto st = read_stat(in);
  CHECK(in.done());
  CHECK(st.czxid == r2.zxid);
  CHECK(st.mzxid == r2.zxid);
  CHECK(st.pzxid == r2.zxid);
  CHECK(st.ctime == e.now_ms);
  CHECK(st.data_length == 3);
  CHECK(st.ephemeral_owner == 0);
  auto parent = c.call(op::exists, path_watch("/a")).stat();
  CHECK(parent.cversion == 1);
  CHECK(parent.num_children == 1);
  CHECK(parent.pzxid == r2.zxid);
  CHECK(parent.version == 0);
}

TEST_CASE_FIXTURE(operation_fixture, "an ephemeral belongs to its session") {
  c.call(op::create, create_body("/e", "", 1));
  CHECK(c.call(op::exists, path_watch("/e")).stat().ephemeral_owner == c.session);
}

TEST_CASE_FIXTURE(operation_fixture,
                  "sequential znodes are numbered by the creates under their parent, deleted ones included") {
  c.call(op::create, create_body("/q"));
  CHECK(path_of_reply(c.call(op::create, create_body("/q/n-", "", 2))) == "/q/n-0000000000");
  c.call(op::create, create_body("/q/other"));
  c.call(op::del, path_version("/q/other"));
  CHECK(path_of_reply(c.call(op::create, create_body("/q/n-", "", 3))) == "/q/n-0000000002");
  CHECK(path_of_reply(c.call(op::create, create_body("/q/", "", 2))) == "/q/0000000003");
}

TEST_CASE_FIXTURE(operation_fixture, "pending sequential creates get consecutive numbers before any is applied") {
  c.send(op::create, create_body("/q"));
  for (int i = 0; i < 5; ++i) c.send(op::create, create_body("/q/n-", "", 2));
  e.commit();
  c.take();
  for (int i = 0; i < 5; ++i) CHECK(path_of_reply(*c.take()) == "/q/n-000000000" + std::to_string(i));
}

TEST_CASE_FIXTURE(operation_fixture,
                  "create refuses flags, path, ACL, parent, permission, existence, ephemeral parent, in this order") {
  CHECK(code(op::create, create_body("bad", "", 7)) == err::bad_arguments);
  CHECK(code(op::create, create_body("bad", "", -1)) == err::bad_arguments);
  for (int flags : {4, 5, 6}) CHECK(code(op::create, create_body("bad", "", flags)) == err::unimplemented);
  CHECK(code(op::create, create_body("bad", "", 0, {})) == err::bad_arguments);
  CHECK(code(op::create, create_body("/a/", "", 0, {})) == err::bad_arguments);
  CHECK(code(op::create, create_body("/no/a", "", 0, {})) == err::invalid_acl);
  CHECK(code(op::create, create_body("/no/a", "", 0, {{31, {"nobody", "knows"}}})) == err::invalid_acl);
  CHECK(code(op::create, create_body("/no/a")) == err::no_node);
  c.call(op::create, create_body("/ro", "", 0, read_only));
  CHECK(code(op::create, create_body("/ro/a")) == err::no_auth);
  CHECK(code(op::create, create_body("/ro")) == err::node_exists);
  CHECK(code(op::create, create_body("/")) == err::node_exists);
  c.call(op::create, create_body("/e", "", 1));
  CHECK(code(op::create, create_body("/e/child")) == err::no_children_for_ephemerals);
  CHECK(code(op::create_container, create_body("/c", "", 4)) == err::unimplemented);
  CHECK_FALSE(c.ended());
}

TEST_CASE_FIXTURE(operation_fixture,
                  "delete refuses: path, parent, permission, existence, version, children, in this order") {
  c.call(op::create, create_body("/a"));
  c.call(op::create, create_body("/a/b"));
  for (auto path : {"", "a", "/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"})
    CHECK(code(op::del, path_version(path)) == err::bad_arguments);
  CHECK(code(op::del, path_version("/no/child")) == err::no_node);
  CHECK(code(op::del, path_version("/a/")) == err::no_node);
  CHECK(code(op::del, path_version("/a", 1)) == err::bad_version);
  CHECK(code(op::del, path_version("/a", 0)) == err::not_empty);
  c.call(op::create, create_body("/ro", "", 0, {{31 - zk::perm::admin - zk::perm::del, {"world", "anyone"}}}));
  c.call(op::create, create_body("/ro/x"));
  CHECK(code(op::del, path_version("/ro/none")) == err::no_auth);
  CHECK(code(op::del, path_version("/ro/x")) == err::no_auth);
  auto ok = c.call(op::del, path_version("/a/b", 0));
  CHECK(ok.error() == err::ok);
  CHECK(ok.rest().at_end());
  auto st = c.call(op::exists, path_watch("/a")).stat();
  CHECK(st.pzxid == ok.zxid);
  CHECK(st.cversion == 2);
  CHECK(st.num_children == 0);
  CHECK(code(op::exists, path_watch("/a/b")) == err::no_node);
}

TEST_CASE_FIXTURE(operation_fixture, "setData answers the Stat, and refuses: path, existence, permission, version") {
  auto created = c.call(op::create, create_body("/a", "1"));
  e.now_ms += 7;
  auto r = c.call(op::set_data, set_body("/a", "22", 0));
  auto st = r.stat();
  CHECK(st.version == 1);
  CHECK(st.data_length == 2);
  CHECK(st.mzxid == r.zxid);
  CHECK(st.czxid == created.zxid);
  CHECK(st.mtime == e.now_ms);
  CHECK(st.ctime == e.now_ms - 7);
  CHECK(code(op::set_data, set_body("a", "")) == err::bad_arguments);
  CHECK(code(op::set_data, set_body("/no", "")) == err::no_node);
  CHECK(code(op::set_data, set_body("/a", "", 0)) == err::bad_version);
  c.call(op::create, create_body("/ro", "", 0, read_only));
  CHECK(code(op::set_data, set_body("/ro", "", 9)) == err::no_auth);
}

TEST_CASE_FIXTURE(operation_fixture,
                  "setACL answers the Stat, and refuses: path, ACL, existence, permission, version") {
  c.call(op::create, create_body("/a"));
  auto body_of = [](std::string_view path, const zk::acl_list& acl, int version) {
    return std::string(body().str(path).acl(acl).i32(version));
  };
  CHECK(code(op::set_acl, body_of("a", {}, 0)) == err::bad_arguments);
  CHECK(code(op::set_acl, body_of("/no", {}, 0)) == err::invalid_acl);
  CHECK(code(op::set_acl, body_of("/no", read_only, 0)) == err::no_node);
  CHECK(code(op::set_acl, body_of("/a", read_only, 3)) == err::bad_version);
  auto before = c.call(op::exists, path_watch("/a")).stat();
  auto st = c.call(op::set_acl, body_of("/a", read_only, 0)).stat();
  CHECK(st.aversion == 1);
  CHECK(st.version == 0);
  CHECK(st.mzxid == before.mzxid);
  CHECK(code(op::set_acl, body_of("/a", open_acl, 9)) == err::no_auth);
}

TEST_CASE("a version wraps and is never -1 (ZOOKEEPER-4743)") {
  CHECK(commit::next_version(0) == 1);
  CHECK(commit::next_version(std::numeric_limits<std::int32_t>::max()) == std::numeric_limits<std::int32_t>::min());
  CHECK(commit::next_version(-2) == 0);
}

TEST_CASE_FIXTURE(operation_fixture, "reads answer data, children, ACL and Stat") {
  c.call(op::create, create_body("/a", "data"));
  c.call(op::create, create_body("/a/x"));
  auto got = c.call(op::get_data, path_watch("/a"));
  auto in = got.rest();
  CHECK(in.buffer() == "data");
  CHECK(read_stat(in).num_children == 1);
  CHECK(in.done());
  for (auto o : {op::get_children, op::get_children2}) {
    auto list = c.call(o, path_watch("/a")).frame.substr(16);
    jute::reader children(list);
    CHECK(children.i32() == 1);
    CHECK(children.ustring() == "x");
    if (o == op::get_children2) CHECK(read_stat(children).num_children == 1);
    CHECK(children.done());
  }
  auto acl = c.call(op::get_acl, body().str("/a"));
  in = acl.rest();
  CHECK(zk::read_acl(in) == open_acl);
  CHECK(read_stat(in).num_children == 1);
  CHECK(in.done());
}

TEST_CASE_FIXTURE(operation_fixture,
                  "reads refuse a missing znode, a path with NUL in exists, and a body that does not fit") {
  for (auto o : {op::exists, op::get_data, op::get_children, op::get_children2, op::get_acl}) {
    CHECK(code(o, path_watch("/no")) == err::no_node);
    CHECK(code(o, "") == err::marshalling_error);
    CHECK(code(o, body().i32(1000).raw("short")) == err::marshalling_error);
  }
  CHECK(code(op::exists, path_watch(std::string_view("/a\0b", 4))) == err::bad_arguments);
  CHECK(code(op::get_data, path_watch(std::string_view("/a\0b", 4))) == err::no_node);
}

TEST_CASE_FIXTURE(operation_fixture, "null data stay null and empty data empty") {
  c.call(op::create, body().str("/null").i32(-1).acl(open_acl).i32(0));
  c.call(op::create, create_body("/empty", ""));
  bool null = false;
  auto r = c.call(op::get_data, path_watch("/null"));
  auto in = r.rest();
  in.buffer(&null);
  CHECK(null);
  r = c.call(op::get_data, path_watch("/empty"));
  in = r.rest();
  in.buffer(&null);
  CHECK_FALSE(null);
  c.call(op::set_data, body().str("/empty").i32(-1).i32(-1));
  r = c.call(op::get_data, path_watch("/empty"));
  in = r.rest();
  in.buffer(&null);
  CHECK(null);
}

TEST_CASE_FIXTURE(operation_fixture, "writes refuse a body that does not fit with MARSHALLINGERROR") {
  for (auto o : {op::create, op::create2, op::del, op::set_data, op::set_acl, op::multi}) {
    CHECK(code(o, "") == err::marshalling_error);
    CHECK(code(o, body().i32(1000).raw(std::string(4, '\0'))) == err::marshalling_error);
  }
  CHECK(code(op::set_acl, body().str("/a").i32(0x7fffffff)) == err::marshalling_error);
  CHECK_FALSE(c.ended());
}

TEST_CASE_FIXTURE(operation_fixture,
                  "an operation that is not served gets UNIMPLEMENTED in its turn and ends the connection") {
  for (int number : {0, 10, 13, 16, 17, 18, 20, 22, 99, 102, 103, 104, 105, 106, 107, -10, -1, 500}) {
    client d(e);
    d.connect();
    auto write = d.send(op::create, create_body("/seq-", "", 2));
    auto odd = d.send(static_cast<op>(number), path_version("/"));
    d.send(op::create, create_body("/ignored"));
    e.commit();
    CHECK(d.take()->xid() == write);
    auto last = d.take();
    REQUIRE(last.has_value());
    CHECK(last->xid() == odd);
    CHECK(last->error() == err::unimplemented);
    CHECK(last->what == seen::kind::last_reply);
    CHECK_FALSE(d.take().has_value());
  }
}

TEST_CASE_FIXTURE(operation_fixture, "a frame too short for a header closes the connection") {
  c.frame("1234567");
  CHECK(c.ended());
}

TEST_CASE_FIXTURE(operation_fixture, "a leader whose disk is nearly full refuses a create until there is space") {
  e.at(1).on_space(true);
  c.send(op::create, create_body("/a"));
  CHECK(e.confirms == 1);  // a refusal tells of the leader's state, so it is confirmed like a sync
  e.commit();
  CHECK(c.take()->error() == err::system_error);
  e.at(1).on_space(false);
  c.send(op::create, create_body("/a"));
  e.commit();
  CHECK(c.take()->error() == err::ok);
}

TEST_CASE_FIXTURE(operation_fixture, "sync answers its path and asks for a confirmation of leadership") {
  c.send(op::create, create_body("/a"));
  auto xid = c.send(op::sync, body().str("/x"));
  CHECK(e.confirms == 1);
  e.commit();
  c.take();
  auto r = c.take();
  CHECK(r->xid() == xid);
  CHECK(r->error() == err::ok);
  CHECK(path_of_reply(*r) == "/x");
}

TEST_CASE("a session cannot have more ephemerals than the transaction that ends it can delete (ZOOKEEPER-4306)") {
  ensemble e;
  client c(e);
  c.connect();
  c.call(op::create, create_body("/p"));
  auto path = [](int i) { return "/p/" + std::string(500'000, 'x') + std::to_string(100 + i); };
  auto fit = static_cast<int>(commit::max_session_ephemeral_bytes / commit::overlay::ephemeral_cost(path(0), nullptr));
  for (int i = 0; i < fit - 1; ++i) CHECK(c.call(op::create, create_body(path(i), "", 1)).error() == err::ok);
  // Neither a multi that fails nor the end of a leader's term changes the count.
  c.call(op::multi, multi_body({{op::create, create_body(path(fit), "", 1)}, {op::check, path_version("/no")}}));
  CHECK(c.call(op::create, create_body(path(fit), "", 1)).error() == err::ok);
  CHECK(c.call(op::create, create_body(path(fit + 1), "", 1)).error() == err::quota_exceeded);
  CHECK(c.call(op::create, create_body(path(fit + 1))).error() == err::ok);
  e.role(1, commit::role::looking);
  e.role(1, commit::role::leading);
  client again(e);
  again.ask_again(c.session);
  e.commit();
  REQUIRE(again.take_session());
  CHECK(again.call(op::create, create_body(path(fit + 2), "", 1)).error() == err::quota_exceeded);
  CHECK(again.call(op::del, path_version(path(0))).error() == err::ok);
  CHECK(again.call(op::create, create_body(path(fit + 2), "", 1)).error() == err::ok);
  CHECK(again.call(op::create, create_body(path(0), "", 1)).error() == err::quota_exceeded);
  again.call(op::close_session);
  CHECK(e.db().ephemeral_count() == 0);
}

TEST_CASE("a transaction that is too large is refused before it is proposed (ZOOKEEPER-3496)") {
  commit::settings cfg;
  cfg.max_request = 1000;
  ensemble e(1, cfg);
  client c(e);
  c.connect();
  auto limit = static_cast<std::size_t>(cfg.max_request) + commit::transaction_allowance_bytes;
  CHECK(c.call(op::create, create_body("/n-", std::string(limit - 500, 'x'), 2)).error() == err::ok);
  CHECK(c.call(op::create, create_body("/n-", std::string(limit + 1, 'x'), 2)).error() == err::marshalling_error);
  auto r = c.call(op::create, create_body("/n-", "", 2));
  auto in = r.rest();
  CHECK(in.ustring() == "/n-0000000001");  // the refused one left no trace in the counter
}

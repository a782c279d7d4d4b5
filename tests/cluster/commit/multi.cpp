// multi: all or nothing, in one transaction, each operation seeing those before it.

#include "harness.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

struct result {
  std::int32_t type, err;
  std::string path;
  zk::stat st;
};

struct multi_fixture {
  ensemble e;
  client c{e};
  multi_fixture() { c.connect(); }

  std::vector<result> results(const seen& r) {
    CHECK(r.error() == err::ok);
    std::vector<result> out;
    for (auto in = r.rest();;) {
      result one{};
      one.type = in.i32();
      bool done = in.boolean();
      one.err = in.i32();
      REQUIRE(in.ok());
      if (done) {
        CHECK(one.type == -1);
        CHECK(one.err == -1);
        CHECK(in.done());
        return out;
      }
      if (one.type == -1) CHECK(in.i32() == one.err);
      if (one.type == 1 || one.type == 15) one.path = in.ustring();
      if (one.type == 15 || one.type == 5) one.st = read_stat(in);
      out.push_back(one);
    }
  }
  std::vector<result> multi(const std::vector<std::pair<op, std::string>>& ops) {
    return results(c.call(op::multi, multi_body(ops)));
  }
  std::vector<std::int32_t> codes(const std::vector<result>& list) {
    std::vector<std::int32_t> out;
    for (auto& r : list) out.push_back(r.err);
    return out;
  }
};

using list = std::vector<std::int32_t>;

}  // namespace

TEST_CASE_FIXTURE(multi_fixture,
                  "a multi sees its own earlier operations and answers each in its form, all with one zxid") {
  auto r = multi({{op::create, create_body("/a", "1")},
                  {op::create2, create_body("/a/b", "22")},
                  {op::set_data, set_body("/a", "333", 0)},
                  {op::check, path_version("/a", 1)},
                  {op::check, path_version("/a", -1)},
                  {op::del, path_version("/a/b", 0)},
                  {op::del, path_version("/a", 1)},
                  {op::create, create_body("/z")}});
  REQUIRE(r.size() == 8);
  list types;
  for (auto& one : r) types.push_back(one.type);
  CHECK(types == list{1, 15, 5, 13, 13, 2, 2, 1});
  CHECK(r[0].path == "/a");
  CHECK(r[1].path == "/a/b");
  CHECK(r[1].st.czxid == e.last_assigned());
  CHECK(r[2].st.version == 1);
  CHECK(r[2].st.num_children == 1);
  CHECK(r[2].st.mzxid == e.last_assigned());
  CHECK_FALSE(e.db().find("/a"));
  CHECK(e.db().find("/z"));
}

TEST_CASE_FIXTURE(multi_fixture, "sequential creates in one multi get consecutive numbers") {
  auto r = multi({{op::create, create_body("/n-", "", 2)}, {op::create2, create_body("/n-", "", 2)}});
  CHECK(r[0].path == "/n-0000000000");
  CHECK(r[1].path == "/n-0000000001");
}

TEST_CASE_FIXTURE(multi_fixture, "a multi that fails does nothing: 0 before the failing one, its code, then -2") {
  c.call(op::create, create_body("/q"));
  auto r = multi({{op::create, create_body("/q/n-", "", 2)},
                  {op::create, create_body("/q/e", "", 1)},
                  {op::check, path_version("/q", 7)},
                  {op::del, path_version("/q")},
                  {op::create, create_body("/q/n-", "", 2)}});
  CHECK(codes(r) == list{0, 0, -103, -2, -2});
  for (auto& one : r) CHECK(one.type == -1);
  CHECK(e.in_flight() == 0);
  CHECK(c.call(op::exists, path_watch("/q")).stat().cversion == 0);
}

TEST_CASE_FIXTURE(multi_fixture, "a failed multi rolls the pending counters of parents back (ZOOKEEPER-1624)") {
  c.send(op::create, create_body("/q"));
  c.send(op::create, create_body("/q/n-", "", 2));
  c.send(op::multi, multi_body({{op::create, create_body("/q/n-", "", 2)},
                                {op::create, create_body("/q/n-", "", 3)},
                                {op::create, create_body("/q")}}));
  c.send(op::create, create_body("/q/n-", "", 2));
  c.send(op::close_session);
  e.commit();
  c.take(), c.take();
  CHECK(codes(results(*c.take())) == list{0, 0, -110});
  auto after = c.take();
  auto in = after->rest();
  CHECK(in.ustring() == "/q/n-0000000001");
  CHECK(c.take()->error() == err::ok);  // the ephemeral that was rolled back is not in the way of the close
  CHECK(e.db().find("/q/n-0000000001"));
}

TEST_CASE_FIXTURE(multi_fixture, "the end of a session does not delete the ephemerals of a multi that failed") {
  c.send(op::create, create_body("/e1", "", 1));
  c.send(op::multi, multi_body({{op::create, create_body("/e2", "", 1)}, {op::check, path_version("/no")}}));
  c.send(op::close_session);
  e.commit();
  CHECK(c.take()->error() == err::ok);
  CHECK(codes(results(*c.take())) == list{0, -101});
  CHECK(c.take()->what == seen::kind::last_reply);
  CHECK(e.db().ephemeral_count() == 0);
}

TEST_CASE_FIXTURE(multi_fixture, "a check of a missing znode fails the multi, whatever version it asks for") {
  CHECK(codes(multi({{op::check, path_version("/no", -1)}})) == list{-101});
  CHECK(codes(multi({{op::check, path_version("no", -1)}})) == list{-8});
}

TEST_CASE_FIXTURE(multi_fixture, "an empty multi is answered by the terminator alone") {
  CHECK(multi({}).empty());
  CHECK_FALSE(c.ended());
}

TEST_CASE_FIXTURE(multi_fixture, "a multi of checks alone is a transaction and answers each") {
  auto r = multi({{op::check, path_version("/")}, {op::check, path_version("/zookeeper", 0)}});
  CHECK(codes(r) == list{0, 0});
  CHECK(r[0].type == 13);
}

TEST_CASE_FIXTURE(multi_fixture, "containers and TTL znodes fail a multi with UNIMPLEMENTED") {
  auto container = create_body("/c", "", 4);
  CHECK(codes(multi({{op::create, create_body("/a")}, {op::create_container, container}})) == list{0, -6});
  auto ttl = std::string(body().str("/t").str("").acl(open_acl).i32(5).i64(1000));
  CHECK(codes(multi({{op::create_ttl, ttl}, {op::create, create_body("/a")}})) == list{-6, -2});
  CHECK_FALSE(e.db().find("/a"));
}

TEST_CASE_FIXTURE(multi_fixture,
                  "a multi that holds another kind of operation, or ends early, is a marshalling error") {
  CHECK(c.call(op::multi, multi_body({{op::get_data, path_watch("/")}})).error() == err::marshalling_error);
  CHECK(c.call(op::multi, multi_body({{op::set_acl, body().str("/").acl(open_acl).i32(-1)}})).error() ==
        err::marshalling_error);
  auto whole = multi_body({{op::create, create_body("/a")}});
  for (std::size_t n = 0; n < whole.size(); ++n)
    CHECK(c.call(op::multi, whole.substr(0, n)).error() == err::marshalling_error);
  CHECK_FALSE(e.db().find("/a"));
}

TEST_CASE_FIXTURE(multi_fixture,
                  "the changes of a multi stand in the stream in order, before its reply, with its zxid") {
  auto from = c.mark();
  multi({{op::create, create_body("/a")}, {op::set_data, set_body("/a", "x")}, {op::del, path_version("/a")}});
  auto s = c.stream(from);
  REQUIRE(s.size() == 4);
  zk::event order[] = {zk::event::node_created, zk::event::node_data_changed, zk::event::node_deleted};
  for (int i = 0; i < 3; ++i) {
    CHECK(s[i].what == seen::kind::change);
    CHECK(s[i].path == "/a");
    CHECK(s[i].event == order[i]);
    CHECK(s[i].zxid == e.last_assigned());
  }
  CHECK(s[3].what == seen::kind::reply);
}

// Authentication, and who may do what.

#include "cluster/commit/connection.hpp"
#include "harness.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

std::string auth_body(std::string_view scheme, std::string_view data) { return body().i32(0).str(scheme).str(data); }

struct access_fixture {
  ensemble e;
  client c{e};
  access_fixture() { c.connect(); }
  void authenticate(client& who, std::string_view data) {
    who.send(op::auth, auth_body("digest", data), zk::xid_auth);
    auto r = who.take();
    REQUIRE(r.has_value());
    CHECK(r->xid() == zk::xid_auth);
    CHECK(r->error() == err::ok);
    CHECK(r->zxid == 0);
  }
  zk::acl_list acl_of(client& who, std::string_view path) {
    auto r = who.call(op::get_acl, body().str(path));
    REQUIRE(r.error() == err::ok);
    auto in = r.rest();
    return zk::read_acl(in);
  }
};

zk::acl_list only(const zk::id& who, std::int32_t perms = zk::perm::all) { return {{perms, who}}; }

}  // namespace

TEST_CASE("a connection starts with the identity of its address") {
  ensemble e;
  client c(e);
  auto s = c.stream();
  REQUIRE(s.size() == 1);
  CHECK(s[0].what == seen::kind::identity);
  CHECK(s[0].creds == tree::credentials{{"ip", "127.0.0.1"}});
}

TEST_CASE_FIXTURE(access_fixture, "digest auth adds an identity, once, and the stream says so before the reply") {
  auto from = c.mark();
  authenticate(c, "ann:secret");
  auto s = c.stream(from);
  REQUIRE(s.size() == 2);
  CHECK(s[0].what == seen::kind::identity);
  CHECK(s[0].creds == tree::credentials{{"ip", "127.0.0.1"}, tree::digest_id("ann:secret")});
  from = c.mark();
  authenticate(c, "ann:secret");
  CHECK(c.stream(from).size() == 1);
}

TEST_CASE_FIXTURE(access_fixture, "auth of an unknown scheme fails and ends the connection") {
  c.send(op::auth, auth_body("kerberos", "x"), zk::xid_auth);
  auto r = c.take();
  CHECK(r->error() == err::auth_failed);
  CHECK(r->what == seen::kind::last_reply);
  client d(e);
  d.connect();
  d.send(op::auth, "garbage", zk::xid_auth);
  CHECK(d.ended());
}

TEST_CASE_FIXTURE(access_fixture, "a connection cannot add identities beyond the bound") {
  for (std::size_t i = 1; i < commit::max_identities; ++i) authenticate(c, std::to_string(i).append(":p"));
  CHECK_FALSE(c.ended());
  c.send(op::auth, auth_body("digest", "one:more"), zk::xid_auth);
  CHECK(c.ended());
}

TEST_CASE_FIXTURE(access_fixture, "a connection cannot add identities of more bytes than go with each request") {
  authenticate(c, std::string(commit::max_identity_bytes / 2, 'a') + ":p");
  CHECK_FALSE(c.ended());
  c.send(op::auth, auth_body("digest", std::string(commit::max_identity_bytes / 2, 'b') + ":p"), zk::xid_auth);
  CHECK(c.ended());
}

TEST_CASE_FIXTURE(access_fixture, "a znode of a digest identity is closed to others in every way") {
  client other(e);
  other.connect();
  authenticate(c, "ann:secret");
  auto ann = tree::digest_id("ann:secret");
  CHECK(c.call(op::create, create_body("/mine", "x", 0, only(ann))).error() == err::ok);
  CHECK(c.call(op::create, create_body("/mine/child")).error() == err::ok);
  for (auto o : {op::exists, op::get_data, op::get_children, op::get_children2, op::get_acl})
    CHECK(other.call(o, path_watch("/mine")).error() == err::no_auth);
  CHECK(other.call(op::set_data, set_body("/mine", "")).error() == err::no_auth);
  CHECK(other.call(op::create, create_body("/mine/other")).error() == err::no_auth);
  CHECK(other.call(op::del, path_version("/mine/child")).error() == err::no_auth);
  CHECK(other.call(op::set_acl, body().str("/mine").acl(open_acl).i32(-1)).error() == err::no_auth);
  CHECK(other.call(op::set_data, set_body("/mine/child", "no inheritance")).error() == err::ok);
  CHECK(c.call(op::set_data, set_body("/mine", "y")).error() == err::ok);
}

TEST_CASE_FIXTURE(access_fixture, "scheme auth stands for the caller's identities, and is invalid without any") {
  CHECK(c.call(op::create, create_body("/a", "", 0, only({"auth", ""}))).error() == err::invalid_acl);
  authenticate(c, "ann:secret");
  CHECK(c.call(op::create, create_body("/a", "", 0, only({"auth", ""}))).error() == err::ok);
  CHECK(acl_of(c, "/a") == only(tree::digest_id("ann:secret")));
}

TEST_CASE_FIXTURE(access_fixture, "getACL hides the hashes of digests from callers without ADMIN") {
  auto ann = tree::digest_id("ann:secret");
  zk::acl_list acl = {{zk::perm::all, ann}, {zk::perm::read, {"world", "anyone"}}};
  c.call(op::create, create_body("/a", "", 0, acl));
  CHECK(acl_of(c, "/a") == zk::acl_list{{zk::perm::all, {"digest", "ann:x"}}, {zk::perm::read, {"world", "anyone"}}});
  authenticate(c, "ann:secret");
  CHECK(acl_of(c, "/a") == acl);
}

TEST_CASE_FIXTURE(access_fixture, "check in a multi needs READ") {
  c.call(op::create, create_body("/a", "", 0, {{zk::perm::write, {"world", "anyone"}}}));
  auto r = c.call(op::multi, multi_body({{op::check, path_version("/a")}}));
  auto in = r.rest();
  in.i32(), in.boolean();
  CHECK(in.i32() == static_cast<int>(err::no_auth));
}

TEST_CASE_FIXTURE(access_fixture, "a change carries the ACLs of its znode and of the parent, as they are or were") {
  zk::acl_list mine = only({"ip", "127.0.0.1"});
  c.call(op::create, create_body("/p", "", 0, mine));
  auto from = c.mark();
  c.call(op::create, create_body("/p/a"));
  c.call(op::set_data, set_body("/p", ""));
  c.call(op::del, path_version("/p/a"));
  c.call(op::del, path_version("/p"));
  std::vector<seen> changes;
  for (auto& i : c.stream(from))
    if (i.what == seen::kind::change) changes.push_back(i);
  REQUIRE(changes.size() == 4);
  for (int i : {0, 2}) {
    CHECK(changes[i].acl == nullptr);
    REQUIRE(changes[i].parent_acl);
    CHECK(*changes[i].parent_acl == mine);
  }
  for (int i : {1, 3}) {
    REQUIRE(changes[i].acl);
    CHECK(*changes[i].acl == mine);
  }
}

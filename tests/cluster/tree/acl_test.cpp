#include "cluster/tree/acl.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::tree;

namespace {

acl_ref list(zk::acl_list l) { return std::make_shared<const zk::acl_list>(std::move(l)); }
bool ip_match(const std::string& entry, const std::string& peer) {
  const credentials who{{"ip", peer}};
  return allowed(list({{zk::perm::all, {"ip", entry}}}), zk::perm::read, who);
}
bool fixes(const std::string& scheme, const std::string& name) {
  return fix_acl({{zk::perm::all, {scheme, name}}}, {}).has_value();
}

const credentials bob{{"ip", "10.0.0.1"}, {"digest", "bob:hash"}};

}  // namespace

TEST_CASE("a znode without an ACL, or with an empty one, is open to all") {
  CHECK(allowed(nullptr, zk::perm::admin, {}));
  CHECK(allowed(list({}), zk::perm::admin, {}));
}

TEST_CASE("an ACL entry grants its permissions to whom it names and to nobody else") {
  const auto l =
      list({{zk::perm::read | zk::perm::write, {"digest", "bob:hash"}}, {zk::perm::read, {"world", "anyone"}}});
  CHECK(allowed(l, zk::perm::write, bob));
  CHECK_FALSE(allowed(l, zk::perm::create, bob));
  const credentials eve{{"ip", "10.0.0.1"}, {"digest", "bob:other"}};
  CHECK(allowed(l, zk::perm::read, eve));
  CHECK_FALSE(allowed(l, zk::perm::write, eve));
  CHECK(allowed(l, zk::perm::read | zk::perm::admin, eve));  // any of the bits
}

TEST_CASE("a caller with scheme super may do anything") {
  const credentials super{{"super", ""}};
  CHECK(allowed(list({{zk::perm::read, {"digest", "bob:hash"}}}), zk::perm::admin, super));
}

TEST_CASE("an ip entry matches by prefix, in its own family") {
  CHECK(ip_match("10.1.2.3", "10.1.2.3"));
  CHECK_FALSE(ip_match("10.1.2.3", "10.1.2.4"));
  CHECK(ip_match("10.1.2.0/24", "10.1.2.255"));
  CHECK_FALSE(ip_match("10.1.2.0/24", "10.1.3.0"));
  CHECK(ip_match("10.1.2.128/25", "10.1.2.129"));
  CHECK_FALSE(ip_match("10.1.2.128/25", "10.1.2.127"));
  CHECK(ip_match("0.0.0.0/0", "255.1.2.3"));
  CHECK_FALSE(ip_match("0.0.0.0/0", "::1"));
  CHECK(ip_match("2001:db8::/33", "2001:db8:7fff::1"));
  CHECK_FALSE(ip_match("2001:db8::/33", "2001:db8:8000::1"));
  CHECK(ip_match("::1", "0:0:0:0:0:0:0:1"));
  CHECK(ip_match("10.0.0.0/8", "::ffff:10.9.9.9"));
  CHECK(ip_match("fe80::/10", "fe80::1%eth0"));
}

TEST_CASE("an ACL with an ill-formed entry is refused whole") {
  for (auto good : {"1.2.3.4", "1.2.3.4/0", "1.2.3.4/32", "::/128", "::1"}) CHECK_MESSAGE(fixes("ip", good), good);
  for (auto bad :
       {"", "1.2.3", "1.2.3.256", "1.2.3.4.5", "1.2.3.4/33", "1.2.3.4/-1", "1.2.3.4/", "::/129", "host", ":::"})
    CHECK_MESSAGE(!fixes("ip", bad), bad);
  for (auto good : {"user:hash", ":hash", "user:hash:"}) CHECK_MESSAGE(fixes("digest", good), good);
  for (auto bad : {"", "user", "user:", "a:b:c", ":"}) CHECK_MESSAGE(!fixes("digest", bad), bad);
  CHECK(fixes("world", "anyone"));
  CHECK_FALSE(fixes("world", "someone"));
  CHECK_FALSE(fixes("super", ""));
  CHECK_FALSE(fixes("", ""));
  CHECK_FALSE(fix_acl({{31, {"world", "anyone"}}, {31, {"kerberos", "x"}}}, bob));
  CHECK_FALSE(fix_acl({}, bob));
}

TEST_CASE("duplicate ACL entries are removed and the order is kept") {
  const zk::acl a{1, {"world", "anyone"}}, b{1, {"digest", "u:h"}}, c{2, {"world", "anyone"}};
  CHECK(*fix_acl({a, b, a, c, b}, {}) == zk::acl_list{a, b, c});
}

TEST_CASE("scheme auth stands for every authenticated identity of the caller, and is refused when there is none") {
  const credentials who{{"ip", "10.0.0.1"}, {"digest", "a:1"}, {"super", ""}, {"digest", "b:2"}};
  const zk::acl_list expected{{7, {"digest", "a:1"}}, {7, {"digest", "b:2"}}};
  CHECK(*fix_acl({{7, {"auth", "ignored"}}}, who) == expected);
  const credentials nobody{{"ip", "10.0.0.1"}};
  CHECK_FALSE(fix_acl({{7, {"auth", ""}}}, nobody));
}

TEST_CASE("a digest identity is what ZooKeeper's DigestAuthenticationProvider makes of it") {
  CHECK(digest_id("super:test") == zk::id{"digest", "super:D/InIHSb7yEEbrWz8b9l71RjZJU="});
  CHECK(digest_id("user:pass:word").name.substr(0, 5) == "user:");
}

TEST_CASE("the canonical form is empty for world:anyone with all permissions only, and reads back otherwise") {
  CHECK(canonical({{31, {"world", "anyone"}}}).empty());
  for (auto& l : {zk::acl_list{}, zk::acl_list{{30, {"world", "anyone"}}},
                  zk::acl_list{{31, {"ip", "1.2.3.4"}}, {1, {"digest", "a:b"}}}}) {
    const auto form = canonical(l);
    jute::reader r(form);
    CHECK(zk::read_acl(r) == l);
    CHECK(r.done());
  }
}

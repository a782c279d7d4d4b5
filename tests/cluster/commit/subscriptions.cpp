// Subscriptions of actor clients: what the stream holds of them.

#include <algorithm>

#include "cluster/commit/prepare_operation.hpp"
#include "cluster/commit/subscription_limits.hpp"
#include "cluster/commit/subscription_state.hpp"
#include "harness.hpp"
#include "schema/records.capnp.h"
#include "subscription_bodies.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

using kind = seen::kind;
using scope = subscription_scope;

const zk::acl_list secret = {{zk::perm::all & ~zk::perm::read, {"world", "anyone"}}};

struct subscription_fixture {
  ensemble e;
  client c{e};                                    ///< on the ZooKeeper port
  client a{e, ensemble::leader, actor_port_bit};  ///< on the actor port
  subscription_fixture() { c.connect(), a.connect(); }

  std::vector<std::string> paths_of_state(const std::string& path, scope where) {
    auto r = a.call(op::subscribe, subscribe_body(++number, path, where, 0));
    CHECK(r.error() == err::ok);
    std::vector<std::string> out;
    for (auto& part : r.about.state)
      for (auto& i : take_apart(part).list) out.push_back(i.path);
    return out;
  }
  /// The ACLs before, of each change of the last transaction.
  std::vector<std::string> acls_before() {
    wire::flat_message m(e.records.back().payload);
    std::vector<std::string> out;
    for (auto change : m.get<wire::Transaction>().getChanges()) out.emplace_back(wire::view(change.getAclBefore()));
    return out;
  }
  std::int64_t number = 0;
};

}  // namespace

TEST_CASE_FIXTURE(subscription_fixture, "a subscription is answered in place, and its item says where it begins") {
  c.call(op::create, create_body("/a"));
  auto r = a.call(op::subscribe, subscribe_body(7, "/a/b", scope::children, make_zxid(1, 1), false));
  CHECK(r.what == kind::subscribe);
  CHECK(r.error() == err::ok);
  CHECK(r.rest().at_end());
  CHECK(r.zxid == e.db().zxid());
  CHECK(r.about.number == 7);
  CHECK(r.about.path == "/a/b");
  CHECK(r.about.scope == scope::children);
  CHECK(r.about.since == make_zxid(1, 1));
  CHECK_FALSE(r.about.with_data);
  CHECK(r.about.state.empty());
}

TEST_CASE_FIXTURE(subscription_fixture, "a subscription behind a write of its connection waits for it") {
  auto from = a.mark();
  a.send(op::create, create_body("/a"));
  a.send(op::subscribe, subscribe_body(1, "/"));
  CHECK(a.stream(from).empty());
  e.commit();
  auto s = a.stream(from);
  REQUIRE(s.size() == 3);
  CHECK(s[1].what == kind::reply);
  CHECK(s[2].what == kind::subscribe);
  CHECK(s[2].zxid == e.db().zxid());
}

TEST_CASE_FIXTURE(subscription_fixture,
                  "a transaction is in the stream only while somebody is subscribed, before what follows of it") {
  auto transactions = [&](std::size_t from) {
    auto& s = e.streams[ensemble::leader];
    return std::count_if(s.begin() + static_cast<long>(from), s.end(),
                         [](auto& i) { return i.what == kind::transaction; });
  };
  auto from = c.mark();
  c.call(op::create, create_body("/a"));
  CHECK(transactions(from) == 0);
  a.call(op::subscribe, subscribe_body(1, "/"));
  a.call(op::subscribe, subscribe_body(2, "/"));
  from = c.mark();
  auto before = e.db().zxid();
  c.call(op::set_data, set_body("/a", "x"));
  auto& s = e.streams[ensemble::leader];
  REQUIRE(s.size() == from + 3);
  CHECK(s[from].what == kind::transaction);
  CHECK(s[from].transaction.before == before);
  CHECK(s[from].transaction.payload.view() == e.records.back().payload.view());
  CHECK(s[from].zxid == e.db().zxid());
  CHECK(s[from + 1].what == kind::change);
  CHECK(s[from + 2].what == kind::reply);
  SUBCASE("until the last one unsubscribes") {
    a.call(op::unsubscribe, unsubscribe_body(2));
    from = c.mark();
    c.call(op::set_data, set_body("/a", "y"));
    CHECK(transactions(from) == 1);
    CHECK(a.call(op::unsubscribe, unsubscribe_body(1)).what == kind::unsubscribe);
  }
  SUBCASE("until its connection is gone") { a.lost(); }
  SUBCASE("until its session is closed") { a.call(op::close_session); }
  SUBCASE("until the role changes") {
    e.role(1, commit::role::looking);
    e.role(1, commit::role::leading);
    client again(e);
    again.connect();
    from = again.mark();
    again.call(op::set_data, set_body("/a", "z"));
    CHECK(transactions(from) == 0);
    return;
  }
  from = c.mark();
  c.call(op::set_data, set_body("/a", "z"));
  CHECK(transactions(from) == 0);
}

TEST_CASE_FIXTURE(subscription_fixture, "subscriptions are unknown on the ZooKeeper port") {
  for (auto o : {op::subscribe, op::unsubscribe}) {
    client z(e);
    z.connect();
    auto r = z.call(o, subscribe_body(1, "/"));
    CHECK(r.error() == err::unimplemented);
    CHECK(z.ended());
  }
}

TEST_CASE_FIXTURE(subscription_fixture, "what is no Subscribe is MARSHALLINGERROR") {
  auto good = subscribe_body(1, "/path", scope::node, 0);
  for (std::size_t n = 0; n < good.size(); ++n) {
    auto r = a.call(op::subscribe, good.substr(0, n));
    CHECK(r.error() != err::ok);
    CHECK(a.call(op::unsubscribe, good.substr(0, n % 9)).error() == err::marshalling_error);
  }
  CHECK(a.call(op::subscribe, std::string(8, '\xff')).error() == err::marshalling_error);
  CHECK(a.call(op::subscribe, good + "x").error() == err::marshalling_error);
  CHECK(a.call(op::subscribe, good).error() == err::ok);
}

TEST_CASE_FIXTURE(subscription_fixture, "bad arguments of a subscription are told, and leave nothing") {
  c.call(op::create, create_body("/a"));
  auto refused = [&](const std::string& body) { return a.call(op::subscribe, body).error(); };
  CHECK(refused(subscribe_body(0, "/")) == err::bad_arguments);
  CHECK(refused(subscribe_body(-1, "/")) == err::bad_arguments);
  CHECK(refused(subscribe_body(1, "")) == err::bad_arguments);
  CHECK(refused(subscribe_body(1, "a")) == err::bad_arguments);
  CHECK(refused(subscribe_body(1, "/a/")) == err::bad_arguments);
  CHECK(refused(subscribe_body(1, "/", static_cast<scope>(3))) == err::bad_arguments);
  CHECK(refused(subscribe_body(1, "/", scope::node, e.db().zxid() + 1)) == err::bad_arguments);
  CHECK(refused(subscribe_body(1, "/", scope::node, -2)) == err::bad_arguments);
  CHECK(refused(subscribe_body(1, "/", scope::node, e.db().zxid())) == err::ok);
  CHECK(refused(subscribe_body(1, "/no/such/znode")) == err::bad_arguments);  // the number is in use
  CHECK(a.call(op::unsubscribe, unsubscribe_body(2)).error() == err::bad_arguments);
  CHECK(a.call(op::unsubscribe, unsubscribe_body(1)).error() == err::ok);
  CHECK(refused(subscribe_body(1, "/no/such/znode")) == err::ok);
}

TEST_CASE_FIXTURE(subscription_fixture, "a state has what the scope covers, parents before their children") {
  for (auto* p : {"/a", "/a/b", "/a/b/c", "/a/d", "/aa"}) c.call(op::create, create_body(p, p));
  using list = std::vector<std::string>;
  CHECK(paths_of_state("/a", scope::node) == list{"/a"});
  auto children = paths_of_state("/a", scope::children);
  std::sort(children.begin(), children.end());
  CHECK(children == list{"/a/b", "/a/d"});
  auto all = paths_of_state("/a", scope::subtree);
  CHECK(all.front() == "/a");
  CHECK(std::find(all.begin(), all.end(), "/a/b") < std::find(all.begin(), all.end(), "/a/b/c"));
  std::sort(all.begin(), all.end());
  CHECK(all == list{"/a", "/a/b", "/a/b/c", "/a/d"});
  CHECK(paths_of_state("/", scope::children).size() == 3);  // /zookeeper
  CHECK(paths_of_state("/", scope::subtree).size() == 9);
  CHECK(paths_of_state("/no", scope::subtree).empty());
}

TEST_CASE_FIXTURE(subscription_fixture, "a state leaves out what the caller may not READ, and shows what is below it") {
  c.call(op::create, create_body("/a"));
  c.call(op::create, create_body("/a/s", "x", 0, secret));
  c.call(op::create, create_body("/a/s/below", "x"));
  CHECK(paths_of_state("/a", scope::subtree) == std::vector<std::string>{"/a", "/a/s/below"});
  CHECK(paths_of_state("/a", scope::children).empty());
  CHECK(paths_of_state("/a/s", scope::node).empty());
}

TEST_CASE_FIXTURE(subscription_fixture, "a state carries what a znode is, its data only if they are wanted") {
  c.call(op::create, create_body("/a", "one"));
  auto created = e.db().zxid();
  c.call(op::set_data, set_body("/a", "two"));
  for (bool with : {true, false}) {
    auto r = a.call(op::subscribe, subscribe_body(with ? 1 : 2, "/a", scope::node, 0, with));
    REQUIRE(r.about.state.size() == 1);
    auto n = take_apart(r.about.state[0]);
    CHECK(n.subscription == (with ? 1 : 2));
    CHECK(n.zxid == e.db().zxid());
    CHECK((n.is_state && n.first && n.last));
    CHECK_FALSE(n.too_old);
    REQUIRE(n.list.size() == 1);
    CHECK(n.list[0].data == (with ? "two" : ""));
    CHECK(n.list[0].czxid == created);
    CHECK(n.list[0].mzxid == e.db().zxid());
    CHECK(n.list[0].version == 1);
  }
  auto r = a.call(op::subscribe, subscribe_body(3, "/none", scope::subtree, 0));
  REQUIRE(r.about.state.size() == 1);
  auto n = take_apart(r.about.state[0]);
  CHECK((n.is_state && n.first && n.last && n.list.empty()));
}

TEST_CASE_FIXTURE(subscription_fixture, "a large state comes in parts, one that is too large is refused, also later") {
  c.call(op::create, create_body("/a"));
  std::string data(900'000, 'x');
  auto add = [&](int i) { c.call(op::create, create_body("/a/" + std::to_string(i), data)); };
  for (int i = 0; i < 5; ++i) add(i);
  auto r = a.call(op::subscribe, subscribe_body(1, "/a", scope::children, 0));
  CHECK(r.about.state.size() == 5);
  for (std::size_t i = 0; i < r.about.state.size(); ++i) {
    auto n = take_apart(r.about.state[i]);
    CHECK(n.first == (i == 0));
    CHECK(n.last == (i == 4));
    CHECK(n.list.size() == 1);
  }
  for (int i = 5; static_cast<std::size_t>(i) <= commit::max_state_bytes / data.size(); ++i) add(i);
  CHECK(a.call(op::subscribe, subscribe_body(2, "/a", scope::subtree, 0)).error() == err::quota_exceeded);
  CHECK(a.call(op::subscribe, subscribe_body(2, "/a", scope::children, 0)).error() == err::quota_exceeded);
  CHECK(a.call(op::subscribe, subscribe_body(2, "/a", scope::subtree, 0, false)).error() == err::ok);
  auto from = a.mark();
  e.state_wanted(1, a.conn(), 1, r.about.serial);
  auto s = a.stream(from);
  REQUIRE(s.size() == 1);
  CHECK(s[0].about.ended);
  REQUIRE(s[0].about.state.size() == 1);
  CHECK_FALSE(take_apart(s[0].about.state[0]).ended.empty());
  CHECK(a.call(op::unsubscribe, unsubscribe_body(1)).error() == err::bad_arguments);  // it is gone
}

TEST_CASE_FIXTURE(subscription_fixture,
                  "a subscription that begins anew gets the state as it is then, if it is still the same one") {
  auto r = a.call(op::subscribe, subscribe_body(1, "/a", scope::subtree, 1));
  c.call(op::create, create_body("/a"));
  auto from = a.mark();
  e.state_wanted(1, a.conn(), 1, r.about.serial);
  auto s = a.stream(from);
  REQUIRE(s.size() == 1);
  CHECK(s[0].what == kind::state);
  CHECK(s[0].about.serial == r.about.serial);
  REQUIRE(s[0].about.state.size() == 1);
  auto n = take_apart(s[0].about.state[0]);
  CHECK((n.too_old && n.first && n.last));
  CHECK(n.zxid == e.db().zxid());
  CHECK(n.list.size() == 1);
  from = a.mark();
  e.state_wanted(1, a.conn(), 1, r.about.serial + 1);
  e.state_wanted(1, a.conn(), 2, r.about.serial);
  e.state_wanted(1, c.conn(), 1, r.about.serial);
  a.call(op::unsubscribe, unsubscribe_body(1));
  auto second = a.call(op::subscribe, subscribe_body(1, "/a"));
  CHECK(second.about.serial != r.about.serial);
  e.state_wanted(1, a.conn(), 1, r.about.serial);
  a.lost();
  e.state_wanted(1, a.conn(), 1, second.about.serial);
  for (auto& i : a.stream(from)) CHECK(i.what != kind::state);
}

TEST_CASE_FIXTURE(subscription_fixture, "a connection may have so many subscriptions and no more") {
  for (std::size_t i = 1; i <= commit::max_subscriptions_per_connection; ++i)
    REQUIRE(a.call(op::subscribe, subscribe_body(static_cast<std::int64_t>(i), "/")).error() == err::ok);
  CHECK(a.call(op::subscribe, subscribe_body(1'000'000, "/")).error() == err::quota_exceeded);
  a.call(op::unsubscribe, unsubscribe_body(1));
  CHECK(a.call(op::subscribe, subscribe_body(1'000'000, "/")).error() == err::ok);
}

TEST_CASE_FIXTURE(subscription_fixture, "the paths of a connection's subscriptions are bounded") {
  auto path = "/" + std::string(1'000'000, 'x');
  std::int64_t i = 1;
  while (a.call(op::subscribe, subscribe_body(i, path)).error() == err::ok) ++i;
  CHECK(i == 1 + static_cast<std::int64_t>(commit::max_subscription_path_bytes_per_connection / path.size()));
  CHECK(a.call(op::subscribe, subscribe_body(i, path)).error() == err::quota_exceeded);
  a.call(op::unsubscribe, unsubscribe_body(1));
  CHECK(a.call(op::subscribe, subscribe_body(i, path)).error() == err::ok);
}

// ---- who may be told of a change that is over

TEST_CASE_FIXTURE(subscription_fixture,
                  "a transaction says who could READ what it deletes and sets; open to all says nothing") {
  using list = std::vector<std::string>;
  auto closed = tree::canonical(secret);
  c.call(op::create, create_body("/open"));
  c.call(op::create, create_body("/closed", "", 0, secret));
  CHECK(acls_before() == list{""});
  c.call(op::set_data, set_body("/open", "x"));
  CHECK(acls_before() == list{""});
  c.call(op::set_data, set_body("/closed", "x"));
  CHECK(acls_before() == list{closed});
  c.call(op::multi, multi_body({{op::check, path_version("/open")},
                                {op::del, path_version("/closed")},
                                {op::create, create_body("/closed")},
                                {op::set_data, set_body("/closed", "x")},
                                {op::del, path_version("/open")}}));
  CHECK(acls_before() == list{"", closed, "", "", ""});
}

TEST_CASE_FIXTURE(subscription_fixture, "the ACL before is that of everything pending") {
  auto closed = tree::canonical(secret);
  c.send(op::create, create_body("/a"));
  c.send(op::set_acl, body().str("/a").acl(secret).i32(-1));
  c.send(op::set_data, set_body("/a", "x"));
  e.commit();
  CHECK(acls_before() == std::vector<std::string>{closed});
}

TEST_CASE_FIXTURE(subscription_fixture, "the end of a session says who could READ its ephemerals") {
  auto closed = tree::canonical(secret);
  c.call(op::create, create_body("/1", "", 1, secret));
  c.call(op::create, create_body("/2", "", 1));
  c.call(op::close_session);
  CHECK(acls_before() == std::vector<std::string>{closed, "", ""});
}

TEST_CASE_FIXTURE(subscription_fixture,
                  "the ACLs of a session's ephemerals count for what it may have, also those that come later") {
  zk::acl_list large;
  for (int i = 0; i < 15'000; ++i) large.push_back({zk::perm::all, {"digest", "user" + std::to_string(i) + ":hash"}});
  auto own = std::make_shared<const zk::acl_list>(large);
  auto fit = commit::max_session_ephemeral_bytes / commit::overlay::ephemeral_cost("/e/10", own);
  c.call(op::create, create_body("/e"));
  for (std::size_t i = 0; i < fit; ++i)
    REQUIRE(c.call(op::create, create_body("/e/" + std::to_string(10 + i), "", 1, large)).error() == err::ok);
  CHECK(c.call(op::create, create_body("/e/99", "", 1, large)).error() == err::quota_exceeded);
  CHECK(c.call(op::create, create_body("/e/99", "", 1)).error() == err::ok);
  auto narrow = [&](const zk::acl_list& l, const char* path) {
    return c.call(op::set_acl, body().str(path).acl(l).i32(-1)).error();
  };
  CHECK(narrow(large, "/e/99") == err::quota_exceeded);
  // Every entry of the list is "digest"; whoever opened it to all before may close it again.
  CHECK(c.call(op::del, path_version("/e/10")).error() == err::ok);
  CHECK(narrow(large, "/e/99") == err::ok);
  CHECK(c.call(op::create, create_body("/e/98", "", 1, large)).error() == err::quota_exceeded);
}

TEST_CASE_FIXTURE(subscription_fixture, "large ACLs refuse no write that ZooKeeper would take") {
  zk::acl_list large = open_acl;
  for (int i = 0; i < 15'000; ++i) large.push_back({zk::perm::all, {"digest", "user" + std::to_string(i) + ":hash"}});
  c.call(op::create, create_body("/a", "", 0, large));
  c.call(op::create, create_body("/b", "", 0, large));
  CHECK(c.call(op::set_data, set_body("/a", std::string(1'000'000, 'x'))).error() == err::ok);
  auto r = c.call(op::multi, multi_body({{op::del, path_version("/a")}, {op::del, path_version("/b")}}));
  CHECK(r.error() == err::ok);
  CHECK(e.db().find("/a") == nullptr);
}

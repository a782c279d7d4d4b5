// What subscriptions tell, live and from the log.

#include "cluster/watch/subscriptions.hpp"

#include <doctest/doctest.h>

#include "cluster/commit/subscription_state.hpp"
#include "tests/cluster/watch/subscription_rig.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

zxid_t z(std::uint32_t counter) { return make_zxid(1, counter); }

/// The history that resumes go over: transactions 3 to 10 (1 opened the writer's session, 2 that of the client).
void write_history(rig& r) {
  r.create("/a", "1");                                                     // 3
  r.create("/a/b", "2");                                                   // 4
  r.create("/other");                                                      // 5
  r.set("/a", "3");                                                        // 6
  r.create("/a/secret", "s", secret);                                      // 7
  r.set("/a/secret", "t");                                                 // 8
  r.writer.call(op::multi, multi_body({{op::create, create_body("/a/c")},  // 9
                                       {op::set_data, set_body("/a/c", "4")},
                                       {op::check, path_version("/a")},
                                       {op::set_data, set_body("/other", "5")},
                                       {op::del, path_version("/a/secret")},
                                       {op::del, path_version("/a/b")}}));
  r.set("/a/c", "6");  // 10
}

const std::map<zxid_t, std::string> all_of_a = {{z(3), "1@3: created /a=1"},
                                                {z(4), "1@4: created /a/b=2"},
                                                {z(6), "1@6: changed /a=3 v1"},
                                                {z(9), "1@9: created /a/c, changed /a/c=4 v1, deleted /a/b"},
                                                {z(10), "1@10: changed /a/c=6 v2"}};

strings after(const std::map<zxid_t, std::string>& all, zxid_t since) {
  strings out;
  for (auto& [zxid, line] : all)
    if (zxid > since) out.push_back(line);
  return out;
}

}  // namespace

TEST_CASE("each scope tells of what it covers, and of nothing else") {
  rig r;
  actor_client a(r);
  a.send(op::subscribe, subscribe_body(1, "/a", scope::node));
  a.send(op::subscribe, subscribe_body(2, "/a", scope::children));
  a.send(op::subscribe, subscribe_body(3, "/a", scope::subtree));
  a.send(op::subscribe, subscribe_body(4, "/", scope::children));
  a.send(op::subscribe, subscribe_body(5, "/", scope::node));
  a.send(op::subscribe, subscribe_body(6, "/", scope::subtree));
  CHECK(a.told() == strings{"reply 1@2", "reply 2@2", "reply 3@2", "reply 4@2", "reply 5@2", "reply 6@2"});
  auto sorted = [&] {
    auto t = a.told();
    std::sort(t.begin(), t.end());
    return t;
  };
  r.create("/a", "x");
  CHECK(sorted() == strings{"1@3: created /a=x", "3@3: created /a=x", "4@3: created /a=x", "6@3: created /a=x"});
  r.create("/a/b");
  CHECK(sorted() == strings{"2@4: created /a/b", "3@4: created /a/b", "6@4: created /a/b"});
  r.create("/a/b/c");
  CHECK(sorted() == strings{"3@5: created /a/b/c", "6@5: created /a/b/c"});
  r.create("/ab");
  CHECK(sorted() == strings{"4@6: created /ab", "6@6: created /ab"});
  r.set("/", "root");
  CHECK(sorted() == strings{"5@7: changed /=root v1", "6@7: changed /=root v1"});
  r.set("/a/b/c", "y");
  CHECK(sorted() == strings{"3@8: changed /a/b/c=y v1", "6@8: changed /a/b/c=y v1"});
  r.del("/a/b/c");
  CHECK(sorted() == strings{"3@9: deleted /a/b/c", "6@9: deleted /a/b/c"});
}

TEST_CASE("a transaction with several changes is one notification, in its order") {
  rig r;
  actor_client a(r);
  a.send(op::subscribe, subscribe_body(1, "/a"));
  a.told();
  write_history(r);
  CHECK(a.told() == after(all_of_a, 0));
}

TEST_CASE("a notification stands before the reply that shows the change, and before the event of a one-shot watch") {
  rig r;
  actor_client a(r);
  a.send(op::subscribe, subscribe_body(1, "/a", scope::node));
  a.send(op::exists, path_watch("/a", true));
  a.send(op::create, create_body("/a"));
  CHECK(a.told() == strings{"reply 1@2", "reply 2 error -101", "1@3: created /a", "event created /a@3", "reply 3@3"});
}

TEST_CASE("a subscription without data tells of changes without it, another with other numbers shares the frame") {
  rig r;
  actor_client a(r), b(r);
  a.send(op::subscribe, subscribe_body(1, "/a", scope::node, -1, false));
  b.send(op::subscribe, subscribe_body(1, "/a", scope::node));
  b.send(op::subscribe, subscribe_body(2, "/a", scope::node));
  b.send(op::subscribe, subscribe_body(1'000'000'000'000, "/a", scope::node));
  a.told(), b.told();
  r.create("/a", "data");
  CHECK(a.told() == strings{"1@4: created /a"});
  CHECK(b.told() == strings{"1@4: created /a=data", "2@4: created /a=data", "1000000000000@4: created /a=data"});
}

TEST_CASE("what a client may not READ it is not told, live and from the log alike") {
  rig r;
  actor_client a(r), b(r);
  auto only = [](const char* user) { return zk::acl_list{{zk::perm::all, tree::digest_id(user)}}; };
  for (auto* c : {&a, &b}) {
    c->c.send(op::auth, body().i32(0).str("digest").str(c == &a ? "u:p" : "v:p"), zk::xid_auth);
    c->send(op::subscribe, subscribe_body(1, "/"));
    c->told();
  }
  r.writer.send(op::auth, body().i32(0).str("digest").str("u:p"), zk::xid_auth);
  r.writer.take();
  auto start = r.e.db().zxid();
  r.create("/u", "1", only("u:p"));
  r.create("/v", "2", only("v:p"));
  r.set("/u", "3");
  r.writer.call(op::set_acl, body().str("/u").acl(open_acl).i32(-1));
  r.set("/u", "4");
  r.writer.call(op::multi, multi_body({{op::del, path_version("/u")}, {op::del, path_version("/v")}}));
  auto live_a = a.told(), live_b = b.told();
  CHECK(live_a == strings{"1@4: created /u=1", "1@6: changed /u=3 v1", "1@8: changed /u=4 v2", "1@9: deleted /u"});
  CHECK(live_b == strings{"1@5: created /v=2", "1@8: changed /u=4 v2", "1@9: deleted /u, deleted /v"});
  for (auto* c : {&a, &b}) {
    c->send(op::unsubscribe, unsubscribe_body(1));
    c->told();
    c->send(op::subscribe, subscribe_body(1, "/", scope::subtree, start));
    r.settle();
    auto replayed = c->told();
    replayed.pop_back();
    CHECK(replayed == (c == &a ? live_a : live_b));
  }
}

TEST_CASE("the end of a session tells of its ephemerals in one notification") {
  rig r;
  client other(r.e);
  other.connect();
  actor_client a(r);
  a.send(op::subscribe, subscribe_body(1, "/"));
  a.told();
  other.call(op::create, create_body("/1", "", 1));
  other.call(op::create, create_body("/2", "", 1, secret));
  other.call(op::create, create_body("/3", "", 1));
  other.call(op::close_session);
  CHECK(a.told() == strings{"1@4: created /1", "1@6: created /3", "1@7: deleted /1, deleted /3"});
}

TEST_CASE("a subscription that goes on from any point of the history gets exactly the rest, before its reply") {
  for (std::size_t recent : {0, 300, 1'000'000})
    for (std::size_t chunk : {1, 3, 100})
      for (std::uint32_t since = 1; since <= 10; ++since) {
        CAPTURE(recent);
        CAPTURE(chunk);
        CAPTURE(since);
        watch::subscription_limits l;
        l.recent_bytes = recent;
        rig r(l);
        r.chunk_records = chunk;
        actor_client a(r);
        a.send(op::subscribe, subscribe_body(9, "/nothing"));  // what is recent is kept from here on
        write_history(r);
        a.told();
        a.send(op::subscribe, subscribe_body(1, "/a", scope::subtree, z(since)));
        r.settle();
        auto expected = after(all_of_a, z(since));
        expected.push_back("reply 2@10");
        CHECK(a.told() == expected);
        if (recent > 1000 && since > 1) CHECK(r.reads == 0);
        if (recent == 0) CHECK((r.reads == 0) == (since == 10));
        r.set("/a/c", "7");
        CHECK(a.told() == strings{"1@11: changed /a/c=7 v3"});
        CHECK(r.notifier.subscribed().held_connections() == 0);
        CHECK(r.notifier.subscribed().held_bytes() == 0);
      }
}

TEST_CASE("while a subscription catches up, replies, events and other subscriptions wait in their order") {
  watch::subscription_limits l;
  l.recent_bytes = 0;
  rig r(l);
  r.chunk_records = 1;
  actor_client a(r), b(r);
  a.send(op::subscribe, subscribe_body(2, "/b", scope::node));
  a.send(op::exists, path_watch("/b", true));
  a.told();
  auto since = r.create("/a", "1");  // 4
  r.set("/a", "2");                  // 5
  r.set("/a", "3");                  // 6
  a.send(op::subscribe, subscribe_body(1, "/a", scope::node, since));
  a.send(op::create, create_body("/b"));  // 7
  a.send(op::get_data, path_watch("/a"));
  a.send(op::ping, "");
  r.set("/a", "4");  // 8
  r.set("/b", "x");  // 9
  CHECK(a.told().empty());
  b.send(op::get_data, path_watch("/a"));
  CHECK(b.told() == strings{"reply 1@9"});  // others do not wait
  r.settle();
  CHECK(a.told() == strings{"1@5: changed /a=2 v1", "1@6: changed /a=3 v2", "reply 3@6", "2@7: created /b",
                            "event created /b@7", "reply 4@7", "reply 5@7", "reply -2@7", "1@8: changed /a=4 v3",
                            "2@9: changed /b=x v1"});
  r.set("/a", "5");
  CHECK(a.told() == strings{"1@10: changed /a=5 v4"});
}

TEST_CASE("what comes in while the log is read may push what is recent out again: nothing is lost") {
  watch::subscription_limits l;
  l.recent_bytes = 1'000;  // some transactions
  rig r(l);
  r.chunk_records = 2;
  actor_client a(r);
  auto since = r.create("/a", "0");
  for (int i = 1; i <= 20; ++i) r.set("/a", std::to_string(i));
  a.told();
  a.send(op::subscribe, subscribe_body(1, "/a", scope::node, since));
  int i = 20;
  for (; i < 60; ++i) {
    r.set("/a", std::to_string(i + 1));
    if (i % 2) r.step();
  }
  r.settle();
  strings expected;
  for (int k = 1; k <= 60; ++k) {
    expected.push_back("1@" + std::to_string(3 + k) + ": changed /a=" + std::to_string(k) + " v" + std::to_string(k));
    if (k == 20) expected.push_back("reply 1@23");
  }
  CHECK(a.told() == expected);
  CHECK(r.reads > 10);
  CHECK(r.notifier.subscribed().recent_bytes() <= l.recent_bytes);
}

TEST_CASE("subscriptions that are made together read the log once") {
  watch::subscription_limits l;
  l.recent_bytes = 0;
  rig r(l);
  r.chunk_records = 100;
  actor_client a(r);
  auto since = r.create("/a");
  r.set("/a", "1");
  a.told();
  for (int i = 1; i <= 50; ++i) a.c.send(op::subscribe, subscribe_body(i, "/a", scope::node, since));
  r.settle();
  CHECK(a.told().size() == 100);
  CHECK(r.reads <= 2);  // the first alone, since the others come after it
}

TEST_CASE("a subscription from now on tells what follows, one from the beginning the state and what follows") {
  rig r;
  actor_client a(r);
  r.create("/a", "1");
  r.create("/a/b", "2");
  a.told();
  a.send(op::subscribe, subscribe_body(1, "/a", scope::subtree, -1));
  a.send(op::subscribe, subscribe_body(2, "/a", scope::subtree, 0));
  a.send(op::subscribe, subscribe_body(3, "/none", scope::subtree, 0));
  CHECK(a.told() == strings{"reply 1@4", "state 2@4: is /a=1, is /a/b=2", "reply 2@4", "state 3@4:", "reply 3@4"});
  r.set("/a", "3");
  CHECK(a.told() == strings{"1@5: changed /a=3 v1", "2@5: changed /a=3 v1"});
}

TEST_CASE("a log that no longer reaches back gives the state, and says so; those that it suffices for go on") {
  watch::subscription_limits l;
  l.recent_bytes = 0;
  rig r(l);
  actor_client a(r);
  write_history(r);
  r.base = z(6);
  a.told();
  a.c.send(op::subscribe, subscribe_body(1, "/a", scope::subtree, z(5)));
  a.c.send(op::subscribe, subscribe_body(2, "/other", scope::node, z(6)));
  a.c.send(op::subscribe, subscribe_body(3, "/a", scope::children, z(1)));
  a.send(op::get_data, path_watch("/a"));
  r.set("/a/c", "7");  // 11
  CHECK(a.told().empty());
  r.settle();
  auto told = a.told();
  CHECK(told == strings{"too old, state 1@11: is /a=3, is /a/c=7", "reply 1@10", "too old, state 3@11: is /a/c=7",
                        "2@9: changed /other=5 v1", "reply 2@10", "reply 3@10", "reply 4@10"});
  CHECK(r.states == 2);
  r.set("/a/c", "8");
  CHECK(a.told() == strings{"3@12: changed /a/c=8 v4", "1@12: changed /a/c=8 v4"});
}

TEST_CASE("records that went while the log was read begin it anew") {
  watch::subscription_limits l;
  l.recent_bytes = 0;
  rig r(l);
  r.chunk_records = 1;
  actor_client a(r);
  write_history(r);
  a.told();
  a.send(op::subscribe, subscribe_body(1, "/a", scope::subtree, z(2)));
  r.step(), r.step();
  CHECK(a.told() == strings{"1@3: created /a=1", "1@4: created /a/b=2"});
  r.base = z(10);
  r.settle();
  CHECK(a.told() == strings{"too old, state 1@10: is /a=3, is /a/c=6", "reply 1@10"});
}

TEST_CASE("nothing of a subscription follows the reply to its unsubscribe, also in the middle of catching up") {
  watch::subscription_limits l;
  l.recent_bytes = 0;
  for (int steps = 0; steps < 12; ++steps)
    for (bool too_old : {false, true}) {
      CAPTURE(steps);
      CAPTURE(too_old);
      rig r(l);
      r.chunk_records = 1;
      actor_client a(r);
      write_history(r);
      if (too_old) r.base = z(8);
      a.told();
      a.send(op::subscribe, subscribe_body(1, "/a", scope::subtree, z(2)));
      for (int i = 0; i < steps; ++i) r.step();
      a.send(op::unsubscribe, unsubscribe_body(1));
      a.send(op::subscribe, subscribe_body(1, "/a", scope::node));
      r.set("/a", "7");  // 11
      r.settle();
      auto told = a.told();
      auto reply = std::find(told.begin(), told.end(), "reply 2@10");
      REQUIRE(reply != told.end());
      CHECK(strings(reply, told.end()) == strings{"reply 2@10", "reply 3@10", "1@11: changed /a=7 v2"});
      CHECK(std::find(told.begin(), reply, "reply 1@10") != reply);
      CHECK(r.notifier.subscribed().count() == 1);
      CHECK(r.notifier.subscribed().held_bytes() == 0);
    }
}

TEST_CASE("a connection that goes while it catches up is forgotten, and others go on") {
  watch::subscription_limits l;
  l.recent_bytes = 0;
  for (int steps = 0; steps < 12; ++steps)
    for (bool too_old : {false, true}) {
      CAPTURE(steps);
      CAPTURE(too_old);
      rig r(l);
      r.chunk_records = 1;
      actor_client a(r), b(r);
      write_history(r);  // 4 to 11
      if (too_old) r.base = z(8);
      a.told();
      a.send(op::subscribe, subscribe_body(1, "/a", scope::subtree, z(2)));
      b.send(op::subscribe, subscribe_body(1, "/a/c", scope::subtree, too_old ? z(8) : z(2)));
      for (int i = 0; i < steps; ++i) r.step();
      b.told();
      a.c.lost();
      r.settle();
      CHECK(r.notifier.subscribed().count() == 1);
      CHECK(r.notifier.subscribed().held_connections() == 0);
      CHECK(r.notifier.subscribed().held_bytes() == 0);
      b.told();
      r.set("/a/c", "7");
      CHECK(b.told() == strings{"1@12: changed /a/c=7 v3"});
    }
}

TEST_CASE("a role that ends takes the subscriptions with their connections") {
  rig r;
  actor_client a(r);
  a.send(op::subscribe, subscribe_body(1, "/"));
  a.told();
  r.e.role(1, commit::role::looking);
  CHECK(r.closed.contains(a.c.conn()));
  CHECK(r.notifier.subscribed().count() == 0);
  r.e.role(1, commit::role::leading);
}

TEST_CASE("a connection that catches up gets so much at a time, and more when the gateway has passed it on") {
  watch::subscription_limits l;
  l.recent_bytes = 0, l.pace_bytes = 1'000;
  rig r(l);
  r.chunk_records = 2;
  actor_client a(r);
  auto since = r.create("/a");
  for (int i = 0; i < 20; ++i) r.set("/a", std::string(400, 'x'));
  a.told();
  std::size_t got = 0;
  auto took = [&] {
    auto n = a.told().size();
    got += n;
    return n;
  };
  SUBCASE("from the log") {
    a.send(op::subscribe, subscribe_body(1, "/a", scope::node, since));
    for (;;) {
      while (!r.reads_wanted.empty() || r.turn) r.step(r.turn ? 3 : 0);
      CHECK(took() <= 4);
      if (r.drained.empty()) break;
      r.step(2);
    }
    CHECK(got == 21);
    CHECK(r.paced >= 6);
  }
  SUBCASE("a state in parts") {
    r.create("/b");
    std::string data(commit::max_state_bytes / 64, 'x');
    for (int i = 0; i < 4; ++i) r.create("/b/" + std::to_string(i), data);
    a.send(op::subscribe, subscribe_body(1, "/b", scope::children, 0));
    CHECK(took() == 1);
    r.settle();
    CHECK(took() == 4);
    CHECK(r.paced == 4);
  }
  CHECK(r.notifier.subscribed().held_connections() == 0);
}

TEST_CASE("a connection for which too much waits is closed, and it alone") {
  watch::subscription_limits l;
  l.recent_bytes = 0, l.held_bytes_per_connection = 5'000;
  rig r(l);
  actor_client a(r), b(r);
  auto since = r.create("/a", std::string(1'000, 'x'));
  r.set("/a", std::string(1'000, 'y'));
  SUBCASE("replies") {
    a.send(op::subscribe, subscribe_body(1, "/a", scope::node, since));
    for (int i = 0; i < 4; ++i) a.send(op::get_data, path_watch("/a"));
    CHECK_FALSE(r.closed.contains(a.c.conn()));
    a.send(op::get_data, path_watch("/a"));
  }
  SUBCASE("replies to many") {
    r.notifier.~watch_notifier();
    l.held_bytes_per_connection = 1'000'000, l.held_bytes = 5'000;
    new (&r.notifier) watch::watch_notifier({}, l);
    a.send(op::subscribe, subscribe_body(1, "/a", scope::node, since));
    for (int i = 0; i < 5; ++i) a.send(op::get_data, path_watch("/a"));
  }
  SUBCASE("a state") {
    for (int i = 0; i < 5; ++i) r.create("/a/" + std::to_string(i), std::string(1'000, 'x'));
    a.send(op::subscribe, subscribe_body(1, "/a", scope::subtree, 0));
  }
  SUBCASE("events") {
    a.send(op::subscribe, subscribe_body(1, "/a", scope::node, since));
    for (int i = 0; i < 40; ++i) {
      a.send(op::get_data, path_watch("/"));
      a.send(op::exists, path_watch("/x" + std::to_string(i), true));
      if (!r.closed.contains(a.c.conn())) r.create("/x" + std::to_string(i));
    }
  }
  CHECK(r.closed.contains(a.c.conn()));
  CHECK(r.notifier.subscribed().count() == 0);
  CHECK(r.notifier.subscribed().held_bytes() == 0);
  a.send(op::subscribe, subscribe_body(2, "/a"));  // already on its way: nobody listens
  a.c.lost();
  r.settle();
  CHECK_FALSE(r.closed.contains(b.c.conn()));
  b.send(op::subscribe, subscribe_body(1, "/a", scope::node));
  b.told();
  r.set("/a", "z");
  CHECK(b.told().size() == 1);
  CHECK(r.notifier.watch_count() == 0);
}

TEST_CASE("a batch that grows too large lets connections fall behind, and they lose nothing") {
  watch::subscription_limits l;
  l.batch_bytes = 1'500;
  rig r(l);
  std::deque<actor_client> clients;
  for (int i = 0; i < 10; ++i) {
    auto& c = clients.emplace_back(r);
    c.send(op::subscribe, subscribe_body(2 * i + 1, "/a"));
    c.send(op::subscribe, subscribe_body(2 * i + 2, "/a", scope::node));
    c.told();
  }
  r.create("/a", std::string(400, 'x'));
  r.set("/a", "y");
  r.settle();
  CHECK(r.turns > 0);
  for (auto& c : clients) {
    auto told = c.told();
    std::sort(told.begin(), told.end());
    CHECK(told.size() == 4);
    CHECK(std::unique(told.begin(), told.end()) == told.end());
  }
}

TEST_CASE("whoever looks at much lets others have their turn") {
  watch::subscription_limits l;
  l.turn_bytes = 500;
  rig r(l);
  actor_client a(r), b(r);
  b.send(op::subscribe, subscribe_body(1, "/b"));
  auto since = r.create("/a");
  for (int i = 0; i < 100; ++i) r.set("/a", "x");
  a.told();
  a.send(op::subscribe, subscribe_body(1, "/a", scope::node, since));
  CHECK(a.told().size() < 10);
  r.settle();
  CHECK(r.turns >= 10);
  CHECK(r.reads == 0);
  CHECK(r.notifier.subscribed().held_connections() == 0);
}

TEST_CASE("a last reply drops what is held: it would promise what was not told") {
  watch::subscription_limits l;
  l.recent_bytes = 0;
  rig r(l);
  actor_client a(r);
  auto since = r.create("/a");
  r.set("/a", "1");
  a.told();
  a.send(op::subscribe, subscribe_body(1, "/a", scope::node, since));
  a.send(op::get_data, path_watch("/a"));
  a.send(op::close_session, "");
  CHECK(a.told() == strings{"reply 3@5"});
  CHECK(r.closed.contains(a.c.conn()));
  r.settle();
  CHECK(r.notifier.subscribed().held_bytes() == 0);
}

TEST_CASE("paths that begin alike are told apart") {
  rig r;
  actor_client a(r);
  a.send(op::subscribe, subscribe_body(1, "/ab"));
  a.send(op::subscribe, subscribe_body(2, "/ab", scope::children));
  a.send(op::subscribe, subscribe_body(3, "/a/b", scope::subtree));
  for (auto* p : {"/a", "/ab", "/abc", "/ab/c", "/a/b", "/a/bc", "/a/b/c", "/ab/c/d"}) r.create(p);
  auto t = a.told();
  std::sort(t.begin(), t.end());
  CHECK(t == strings{"1@10: created /ab/c/d", "1@4: created /ab", "1@6: created /ab/c", "2@6: created /ab/c",
                     "3@7: created /a/b", "3@9: created /a/b/c", "reply 1@2", "reply 2@2", "reply 3@2"});
}

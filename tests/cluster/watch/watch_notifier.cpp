#include "cluster/watch/watch_notifier.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <stdexcept>

#include "tests/cluster/watch/stream_script.hpp"

using namespace troupe;
using namespace troupe::watch;

namespace {

lines step(watch_notifier& n, script& s) {
  delivery_batch out;
  n.step(std::move(s.batch), out);
  s.batch = {};
  return told(out);
}

}  // namespace

TEST_CASE("a watcher of data is told of a creation, a change, a deletion; once each time") {
  watch_notifier n;
  script s;
  CHECK(step(n, s.data(1, "/a").created(5, "/a").changed(6, "/a")) == lines{"1: created /a @5"});
  CHECK(step(n, s.data(1, "/a").changed(7, "/a").changed(8, "/a")) == lines{"1: changed /a @7"});
  CHECK(step(n, s.data(1, "/a").deleted(9, "/a").created(10, "/a")) == lines{"1: deleted /a @9"});
  CHECK(n.watch_count() == 0);
  CHECK(n.watched_paths() == 0);
  CHECK(n.watching_connections() == 0);
}

TEST_CASE("a watcher of children is told of creations and deletions below, of the deletion of the znode, of no data") {
  watch_notifier n;
  script s;
  CHECK(step(n, s.child(1, "/a").changed(4, "/a").changed(5, "/a/b").created(6, "/a/b")) == lines{"1: children /a @6"});
  CHECK(step(n, s.child(1, "/a").deleted(7, "/a/b")) == lines{"1: children /a @7"});
  CHECK(step(n, s.child(1, "/a").created(8, "/a/b/c").deleted(9, "/a")) == lines{"1: deleted /a @9"});
  CHECK(step(n, s.child(1, "/").created(10, "/x")) == lines{"1: children / @10"});
}

TEST_CASE("a deletion tells of the znode before its parent, and a connection with both watches once") {
  watch_notifier n;
  script s;
  s.data(1, "/a/b").child(1, "/a/b").child(1, "/a").child(2, "/a/b").deleted(3, "/a/b");
  CHECK(step(n, s) == lines{"1: deleted /a/b @3", "2: deleted /a/b @3", "1: children /a @3"});
  CHECK(n.watch_count() == 0);
}

TEST_CASE("two watches of one connection on one path and table are one") {
  watch_notifier n;
  script s;
  s.data(1, "/a").data(1, "/a").child(1, "/a");
  CHECK(step(n, s).empty());
  CHECK(n.watch_count() == 2);
  CHECK(n.watched_paths() == 1);
  CHECK(n.watching_connections() == 1);
  CHECK(step(n, s.changed(1, "/a").changed(2, "/a")) == lines{"1: changed /a @1"});
  CHECK(n.watch_count() == 1);
}

TEST_CASE("an event stands before every later reply, and after every earlier one") {
  watch_notifier n;
  script s;
  s.reply(1, "r1").data(1, "/a").reply(2, "r2").changed(4, "/a").reply(1, "r3").reply(2, "r4");
  CHECK(step(n, s) == lines{"1: r1", "2: r2", "1: changed /a @4", "1: r3", "2: r4"});
}

TEST_CASE("events of one multi keep the order of its operations") {
  watch_notifier n;
  script s;
  s.data(1, "/a").data(1, "/b").data(1, "/c").child(1, "/");
  s.created(4, "/b").changed(4, "/a").deleted(4, "/c");
  CHECK(step(n, s) == lines{"1: created /b @4", "1: children / @4", "1: changed /a @4", "1: deleted /c @4"});
}

TEST_CASE("an event that setWatches found goes to its connection alone and uses up nothing") {
  watch_notifier n;
  script s;
  s.data(1, "/a").data(2, "/a").event(1, zk::event::node_deleted, -1, "/a").reply(1, "set");
  CHECK(step(n, s) == lines{"1: deleted /a @-1", "1: set"});
  CHECK(n.watch_count() == 2);
}

TEST_CASE("an event is held back from those who may not read the znode, and uses up their watch (CVE-2024-23944)") {
  watch_notifier n;
  script s;
  auto reader = acl_of(zk::perm::read, "digest", "u:x"), writer = acl_of(zk::perm::write, "digest", "u:x");
  s.identity(1, {{"ip", "127.0.0.1"}, {"digest", "u:x"}}).identity(2, {{"ip", "127.0.0.1"}});
  s.data(1, "/a").data(2, "/a").data(3, "/a").change(zk::event::node_data_changed, 5, "/a", reader);
  CHECK(step(n, s) == lines{"1: changed /a @5"});
  CHECK(n.watch_count() == 0);
  s.data(1, "/a").data(2, "/a").change(zk::event::node_data_changed, 6, "/a", writer);
  CHECK(step(n, s).empty());
  s.identity(2, {{"ip", "127.0.0.1"}, {"digest", "u:x"}});
  s.data(1, "/a").data(2, "/a").change(zk::event::node_deleted, 7, "/a", reader);
  auto both = step(n, s);
  std::sort(both.begin(), both.end());
  CHECK(both == lines{"1: deleted /a @7", "2: deleted /a @7"});
}

TEST_CASE("the ACL of the parent decides who is told of its children") {
  watch_notifier n;
  script s;
  auto closed = acl_of(zk::perm::read, "ip", "10.0.0.1");
  s.child(1, "/p").data(1, "/p/n").change(zk::event::node_created, 5, "/p/n", nullptr, closed);
  CHECK(step(n, s) == lines{"1: created /p/n @5"});
  s.child(1, "/p").data(1, "/p/n").change(zk::event::node_deleted, 6, "/p/n", closed, nullptr);
  CHECK(step(n, s) == lines{"1: children /p @6"});
  CHECK(n.watch_count() == 0);
}

TEST_CASE("a lost connection leaves no watch behind") {
  watch_notifier n;
  script s;
  for (auto end : {kind::closed, kind::close}) {
    s.data(1, "/a").data(2, "/a").child(1, "/a").data(1, "/b").of(end, 1).changed(3, "/a").changed(3, "/b");
    auto expected = lines{"2: changed /a @3"};
    if (end == kind::close) expected.insert(expected.begin(), "1: closed");
    CHECK(step(n, s) == expected);
    CHECK(n.watch_count() == 0);
    CHECK(n.watched_paths() == 0);
    CHECK(step(n, s.of(kind::closed, 1)).empty());
  }
}

TEST_CASE("a last reply closes its connection and drops its watches") {
  watch_notifier n;
  script s;
  s.data(1, "/a").reply(1, "bye", kind::last_reply).changed(3, "/a").of(kind::closed, 1);
  CHECK(step(n, s) == lines{"1: bye", "1: closed"});
}

TEST_CASE("reply bytes are taken over, not copied, also when events join them") {
  watch_notifier n;
  script s;
  s.data(1, "/a").reply(1, std::string(5000, 'x')).changed(2, "/a");
  s.batch.bytes.reserve(10000);
  auto* bytes = s.batch.bytes.data();
  delivery_batch out;
  n.step(std::move(s.batch), out);
  CHECK(out.bytes.data() == bytes);
  CHECK(out.items.size() == 2);
  CHECK(out.items[0].is_reply);
  CHECK_FALSE(out.items[1].is_reply);
}

TEST_CASE("a second batch goes behind what is there") {
  watch_notifier n;
  script a, b;
  delivery_batch out;
  n.step(std::move(a.data(1, "/a").reply(1, "one").changed(2, "/a").batch), out);
  n.step(std::move(b.reply(1, "two").event(1, zk::event::node_created, 3, "/b").reply(2, "three").batch), out);
  CHECK(told(out) == lines{"1: one", "1: changed /a @2", "1: two", "1: created /b @3", "2: three"});
}

TEST_CASE("ten thousand watchers of a path share one frame") {
  watch_notifier n;
  script s;
  for (conn_id c = 1; c <= 10000; ++c) s.data(c, "/a").data(c, "/b");
  s.changed(2, "/a");
  delivery_batch out;
  n.step(std::move(s.batch), out);
  CHECK(out.items.size() == 10000);
  CHECK(out.bytes.size() < 100);
  auto got = told(out);
  CHECK(std::all_of(got.begin(), got.end(), [](auto& l) { return l.ends_with(": changed /a @2"); }));
  std::sort(got.begin(), got.end());
  CHECK(std::unique(got.begin(), got.end()) == got.end());
  CHECK(n.watch_count() == 10000);
  CHECK(n.watching_connections() == 10000);
  s.batch = {};
  for (conn_id c = 1; c <= 10000; ++c) s.of(kind::closed, c);
  CHECK(step(n, s).empty());
  CHECK(n.watched_paths() == 0);
}

TEST_CASE("a connection may leave as many watches as the limit; one more closes it, and it alone") {
  watch_notifier n({.watches_per_connection = 3});
  script s;
  s.data(1, "/a").child(1, "/a").data(1, "/b").data(1, "/b").data(2, "/a").reply(1, "ok");
  CHECK(step(n, s) == lines{"1: ok"});
  CHECK(n.watch_count() == 4);
  s.data(1, "/c").reply(1, "never").data(1, "/d").event(1, zk::event::node_created, 1, "/d").of(kind::close, 1);
  CHECK(step(n, s.changed(4, "/a").changed(4, "/c")) == lines{"1: closed", "2: changed /a @4"});
  CHECK(n.watch_count() == 0);
  CHECK(n.watched_paths() == 0);
}

TEST_CASE("a refused connection stays silent until it is gone") {
  watch_notifier n({.watches_per_connection = 1});
  script s;
  CHECK(step(n, s.data(1, "/a").data(1, "/b").reply(1, "x").reply(2, "y")) == lines{"1: closed", "2: y"});
  CHECK(step(n, s.reply(1, "x").reply(1, "x", kind::last_reply).of(kind::closed, 1).reply(2, "y")) == lines{"2: y"});
}

TEST_CASE("the bytes of watched paths are limited too, and given back when a watch is used up") {
  watch_notifier n({.path_bytes_per_connection = 10});
  script s;
  for (int i = 0; i < 20; ++i) CHECK(step(n, s.data(1, "/abcd").child(1, "/abcd").deleted(3, "/abcd")).size() == 1);
  CHECK(step(n, s.data(1, "/abcd").child(1, "/abcd").data(1, "/")) == lines{"1: closed"});
  CHECK(n.watched_paths() == 0);
}

TEST_CASE("paths that come and go by the thousand are found, and forgotten") {
  watch_notifier n;
  script s;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 3000; ++i) s.data(1 + i % 7, "/p/" + std::to_string(i)).child(1, "/c/" + std::to_string(i));
    CHECK(step(n, s).empty());
    CHECK(n.watched_paths() == 6000);
    for (int i = 0; i < 3000; i += 2)
      s.changed(9, "/p/" + std::to_string(i)).created(9, "/c/" + std::to_string(i) + "/x");
    CHECK(step(n, s).size() == 3000);
    CHECK(n.watched_paths() == 3000);
    for (int i = 1; i < 3000; i += 2) s.deleted(9, "/p/" + std::to_string(i)).deleted(9, "/c/" + std::to_string(i));
    CHECK(step(n, s).size() == 3000);
    CHECK(n.watched_paths() == 0);
  }
}

TEST_CASE("a change without its ACLs is our own error") {
  watch_notifier n;
  script s;
  s.data(1, "/a").changed(1, "/a");
  s.batch.acls.pop_back();
  delivery_batch out;
  CHECK_THROWS_AS(n.step(std::move(s.batch), out), std::logic_error);
}

#include "tests/ensemble/c_client.hpp"

#include <unistd.h>

#include <atomic>

#include "tests/ensemble/cut_proxy.hpp"

using namespace troupe::ensemble;

namespace {

/// A znode of the test's own, and two clients at different nodes.
struct two_clients {
  c_client a{hosts().front()}, b{hosts().back()};
  std::string home;

  two_clients() {
    static std::atomic<int> number{0};
    home = "/c-client-" + std::to_string(::getpid()) + "-" + std::to_string(++number);
    REQUIRE(a.create(home) == ZOK);
    REQUIRE(b.sync(home) == ZOK);
  }
  std::string at(const std::string& name) const { return home + "/" + name; }
};

}  // namespace

TEST_CASE_FIXTURE(two_clients, "the C client creates in all modes, reads elsewhere, changes and deletes") {
  for (int flags : {0, ZOO_EPHEMERAL, ZOO_SEQUENCE, ZOO_EPHEMERAL | ZOO_SEQUENCE}) {
    std::string made;
    auto path = at("n-").append(std::to_string(flags)).append("-");
    CHECK(a.create(path, "data", flags, &made) == ZOK);
    CHECK(made.size() == path.size() + (flags & ZOO_SEQUENCE ? 10 : 0));
    CHECK(b.sync(made) == ZOK);
    Stat stat;
    CHECK(b.get(made, &stat) == "data");
    CHECK(stat.ephemeralOwner == (flags & ZOO_EPHEMERAL ? a.session() : 0));
    CHECK(b.set(made, "more", 0) == ZOK);
    CHECK(b.set(made, "more", 0) == ZBADVERSION);
    CHECK(a.sync(made) == ZOK);
    CHECK(a.get(made, &stat) == "more");
    CHECK(stat.version == 1);
    CHECK(a.remove(made, 0) == ZBADVERSION);
    CHECK(a.remove(made, 1) == ZOK);
    CHECK(a.remove(made) == ZNONODE);
    CHECK_FALSE(a.exists(made));
  }
}

TEST_CASE_FIXTURE(two_clients, "create2 answers the C client with the stat") {
  char name[256];
  Stat made, seen;
  CHECK(zoo_create2(a, at("x").c_str(), "abc", 3, &ZOO_OPEN_ACL_UNSAFE, 0, name, sizeof name, &made) == ZOK);
  CHECK(zoo_exists(a, name, 0, &seen) == ZOK);
  CHECK(made.czxid == seen.czxid);
  CHECK(made.mzxid == made.czxid);
  CHECK(made.dataLength == 3);
  CHECK(made.ctime == seen.ctime);
}

TEST_CASE_FIXTURE(two_clients, "the C client gets errors as they are") {
  CHECK(a.create(home) == ZNODEEXISTS);
  CHECK(a.create(at("none/x")) == ZNONODE);
  CHECK(a.create(at("e"), "", ZOO_EPHEMERAL) == ZOK);
  CHECK(a.create(at("e/x")) == ZNOCHILDRENFOREPHEMERALS);
  CHECK(a.remove(home) == ZNOTEMPTY);
  CHECK(a.set(at("none"), "") == ZNONODE);
  CHECK(a.get(at("none")) == std::nullopt);
}

TEST_CASE_FIXTURE(two_clients, "the C client lists children, with and without the parent's stat") {
  for (auto name : {"c", "a", "b"}) CHECK(a.create(at(name)) == ZOK);
  CHECK(b.sync(home) == ZOK);
  String_vector names{};
  Stat stat;
  CHECK(zoo_get_children(b, home.c_str(), 0, &names) == ZOK);
  CHECK(names.count == 3);
  deallocate_String_vector(&names);
  CHECK(zoo_get_children2(b, home.c_str(), 0, &names, &stat) == ZOK);
  CHECK(names.count == 3);
  CHECK(stat.numChildren == 3);
  CHECK(stat.cversion == 3);
  deallocate_String_vector(&names);
}

TEST_CASE_FIXTURE(two_clients, "the C client sets and gets ACLs, and shows who it is by digest") {
  auto wait_for_auth = [](c_client& c, const char* who) {
    std::atomic<int> result{1};
    CHECK(zoo_add_auth(
              c, "digest", who, static_cast<int>(std::strlen(who)),
              [](int error, const void* to) { *static_cast<std::atomic<int>*>(const_cast<void*>(to)) = error; },
              &result) == ZOK);
    // The answers come in order: one to a later request tells that this one has come.
    CHECK(c.sync("/") == ZOK);
    CHECK(result == ZOK);
  };
  wait_for_auth(a, "ann:pass");
  CHECK(a.create(at("x"), "secret", 0, nullptr, &ZOO_CREATOR_ALL_ACL) == ZOK);
  CHECK(b.sync(home) == ZOK);
  CHECK(b.get(at("x")) == std::nullopt);
  CHECK(b.set(at("x"), "") == ZNOAUTH);
  wait_for_auth(b, "ann:pass");
  CHECK(b.get(at("x")) == "secret");
  ACL_vector list{};
  Stat stat;
  CHECK(zoo_get_acl(b, at("x").c_str(), &list, &stat) == ZOK);
  REQUIRE(list.count == 1);
  CHECK(std::string(list.data[0].id.scheme) == "digest");
  CHECK(std::string(list.data[0].id.id).rfind("ann:", 0) == 0);
  deallocate_ACL_vector(&list);
  CHECK(zoo_set_acl(b, at("x").c_str(), 5, &ZOO_READ_ACL_UNSAFE) == ZBADVERSION);
  CHECK(zoo_set_acl(b, at("x").c_str(), 0, &ZOO_READ_ACL_UNSAFE) == ZOK);
  CHECK(b.set(at("x"), "") == ZNOAUTH);
}

TEST_CASE_FIXTURE(two_clients, "the C client's multi does all or nothing") {
  // The operations keep pointers to the paths.
  const auto x_path = at("x"), y_path = at("y"), s_path = at("s-");
  char x[256], s[256];
  Stat stat;
  zoo_op_t good[4];
  zoo_op_result_t results[4];
  zoo_create_op_init(&good[0], x_path.c_str(), "1", 1, &ZOO_OPEN_ACL_UNSAFE, 0, x, sizeof x);
  zoo_create_op_init(&good[1], s_path.c_str(), "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_SEQUENCE, s, sizeof s);
  zoo_set_op_init(&good[2], x_path.c_str(), "2", 1, 0, &stat);
  zoo_check_op_init(&good[3], x_path.c_str(), 1);
  CHECK(zoo_multi(a, 4, good, results) == ZOK);
  CHECK(std::string(s) == at("s-0000000001"));
  CHECK(stat.version == 1);

  zoo_op_t bad[3];
  zoo_delete_op_init(&bad[0], x_path.c_str(), 1);
  zoo_check_op_init(&bad[1], x_path.c_str(), -1);
  zoo_create_op_init(&bad[2], y_path.c_str(), "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, x, sizeof x);
  CHECK(zoo_multi(a, 3, bad, results) == ZNONODE);
  CHECK(results[0].err == ZOK);
  CHECK(results[1].err == ZNONODE);
  CHECK(results[2].err == ZRUNTIMEINCONSISTENCY);
  CHECK(a.get(at("x")) == "2");
  CHECK_FALSE(a.exists(at("y")));
}

TEST_CASE_FIXTURE(two_clients, "watches tell the C client of every kind of change, once") {
  String_vector names{};
  CHECK(zoo_wexists(b, at("x").c_str(), &c_client::on_event, &b, nullptr) == ZNONODE);
  CHECK(zoo_wget_children(b, home.c_str(), &c_client::on_event, &b, &names) == ZOK);
  deallocate_String_vector(&names);
  CHECK(a.create(at("x")) == ZOK);
  CHECK(b.next_event() == event{ZOO_CREATED_EVENT, at("x")});
  CHECK(b.next_event() == event{ZOO_CHILD_EVENT, home});
  char data[10];
  int size = sizeof data;
  CHECK(zoo_wget(b, at("x").c_str(), &c_client::on_event, &b, data, &size, nullptr) == ZOK);
  CHECK(a.set(at("x"), "1") == ZOK);
  CHECK(b.next_event() == event{ZOO_CHANGED_EVENT, at("x")});
  CHECK(a.set(at("x"), "2") == ZOK);
  CHECK(b.sync(home) == ZOK);
  CHECK(zoo_wexists(b, at("x").c_str(), &c_client::on_event, &b, nullptr) == ZOK);
  CHECK(a.remove(at("x")) == ZOK);
  CHECK(b.next_event() == event{ZOO_DELETED_EVENT, at("x")});
  CHECK(b.sync(home) == ZOK);
  CHECK(b.no_event());
}

TEST_CASE_FIXTURE(two_clients, "closing the C client's session removes its ephemerals") {
  CHECK(a.create(at("e"), "", ZOO_EPHEMERAL) == ZOK);
  CHECK(b.sync(home) == ZOK);
  CHECK(zoo_wexists(b, at("e").c_str(), &c_client::on_event, &b, nullptr) == ZOK);
  CHECK(a.close() == ZOK);
  CHECK(b.next_event() == event{ZOO_DELETED_EVENT, at("e")});
  CHECK_FALSE(b.exists(at("e")));
}

TEST_CASE_FIXTURE(two_clients, "a C client that connects anew keeps its session, ephemerals and watches (setWatches)") {
  auto host = hosts().at(1);
  cut_proxy proxy(static_cast<std::uint16_t>(std::stoi(host.substr(host.rfind(':') + 1))));
  c_client moved(std::string("127.0.0.1:").append(std::to_string(proxy.port())));
  auto session = moved.session();
  for (auto name : {"changed", "same", "gone", "parent"}) CHECK(a.create(at(name)) == ZOK);
  CHECK(moved.sync(home) == ZOK);
  CHECK(moved.create(at("e"), "", ZOO_EPHEMERAL) == ZOK);

  auto watch_data = [&](const std::string& path, int expected) {
    CHECK(zoo_wexists(moved, path.c_str(), &c_client::on_event, &moved, nullptr) == expected);
  };
  String_vector names{};
  watch_data(at("changed"), ZOK), watch_data(at("same"), ZOK), watch_data(at("gone"), ZOK);
  watch_data(at("made"), ZNONODE), watch_data(at("missing"), ZNONODE);
  CHECK(zoo_wget_children(moved, at("parent").c_str(), &c_client::on_event, &moved, &names) == ZOK);
  CHECK(zoo_wget_children(moved, at("same").c_str(), &c_client::on_event, &moved, &names) == ZOK);

  proxy.cut();
  moved.wait_for_state(ZOO_CONNECTING_STATE);
  CHECK(a.set(at("changed"), "1") == ZOK);
  CHECK(a.remove(at("gone")) == ZOK);
  CHECK(a.create(at("made")) == ZOK);
  CHECK(a.create(at("parent/child")) == ZOK);
  proxy.mend();
  moved.wait_for_state(ZOO_CONNECTED_STATE);

  std::vector<event> missed(4);
  for (auto& e : missed) e = moved.next_event();
  std::sort(missed.begin(), missed.end());
  CHECK(missed == std::vector<event>{{ZOO_CREATED_EVENT, at("made")},
                                     {ZOO_DELETED_EVENT, at("gone")},
                                     {ZOO_CHANGED_EVENT, at("changed")},
                                     {ZOO_CHILD_EVENT, at("parent")}});
  CHECK(moved.session() == session);
  CHECK(moved.exists(at("e")));
  // The watches on what did not change still stand.
  CHECK(a.create(at("missing")) == ZOK);
  CHECK(moved.next_event() == event{ZOO_CREATED_EVENT, at("missing")});
  CHECK(a.set(at("same"), "1") == ZOK);
  CHECK(moved.next_event() == event{ZOO_CHANGED_EVENT, at("same")});
  CHECK(a.create(at("same/child")) == ZOK);
  CHECK(moved.next_event() == event{ZOO_CHILD_EVENT, at("same")});
  CHECK(moved.sync(home) == ZOK);
  CHECK(moved.no_event());
}

TEST_CASE_FIXTURE(two_clients, "the C client's pipelined requests are answered in order") {
  struct answers {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<int> versions;
    int errors = 0;
  } got;
  CHECK(a.create(at("x")) == ZOK);
  for (int i = 0; i < 500; ++i)
    CHECK(zoo_aset(
              a, at("x").c_str(), "d", 1, i,
              [](int error, const Stat* stat, const void* to) {
                auto& g = *static_cast<answers*>(const_cast<void*>(to));
                std::unique_lock lock(g.mutex);
                if (error == ZOK)
                  g.versions.push_back(stat->version);
                else
                  ++g.errors;
                g.changed.notify_all();
              },
              &got) == ZOK);
  std::unique_lock lock(got.mutex);
  REQUIRE(got.changed.wait_for(lock, c_client::patience, [&] { return got.versions.size() + got.errors == 500; }));
  CHECK(got.errors == 0);
  for (int i = 0; i < 500; ++i) CHECK(got.versions[i] == i + 1);
}

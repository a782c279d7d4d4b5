#include "cluster/tree/database.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <climits>

#include "tests/cluster/tree/transactions.hpp"

using namespace troupe;
using namespace troupe::tree;
using namespace troupe::tree::test;

namespace {

std::vector<std::string> children_of(const database& db, std::string_view path) {
  std::vector<std::string> names;
  db.for_each_child(*db.find(path), [&](std::string_view n) { names.emplace_back(n); });
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

TEST_CASE("a new database has ZooKeeper's four built-in znodes with all-zero stats") {
  database db;
  CHECK(db.node_count() == 4);
  for (auto path : {"/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"}) {
    const auto* z = db.find(path);
    REQUIRE_MESSAGE(z, path);
    const auto s = db.stat_of(*z);
    CHECK(s.czxid + s.mzxid + s.pzxid + s.ctime + s.mtime + s.ephemeral_owner == 0);
    CHECK(s.version + s.aversion + s.data_length == 0);
    CHECK(db.creates_of(*z) == 0);
    CHECK(db.path_of(*z) == path);
  }
  CHECK(db.stat_of(*db.find("/")).cversion == -1);  // as ZooKeeper shows it: a child that nobody created
  for (auto path : {"", "a", "/zookeeper/", "//zookeeper", "/zookeeper/x", "zookeeper"}) CHECK_FALSE(db.find(path));
}

TEST_CASE("a created znode has the stat that ZooKeeper gives it") {
  database db;
  applier apply(db);
  const auto& out = apply(7, 1000, {create_node("/a", "data", 1)});
  REQUIRE(out.size() == 1);
  CHECK(out[0].what == applied_change::kind::created);
  CHECK(out[0].path == "/a");
  const auto s = db.stat_of(*db.find("/a"));
  CHECK(s.czxid == 7);
  CHECK(s.mzxid == 7);
  CHECK(s.pzxid == 7);
  CHECK(s.ctime == 1000);
  CHECK(s.mtime == 1000);
  CHECK(s.version == 0);
  CHECK(s.cversion == 0);
  CHECK(s.data_length == 4);
  CHECK(s.num_children == 0);
  CHECK(out[0].st.czxid == 7);
  CHECK(db.data_of(*db.find("/a")) == "data");
  CHECK(db.zxid() == 7);
}

TEST_CASE("cversion counts creates and deletes of children, and pzxid moves on both") {
  database db;
  applier apply(db);
  apply(1, 1, {create_node("/p", "", 1), create_node("/p/a", "", 1), create_node("/p/b", "", 2)});
  auto s = db.stat_of(*db.find("/p"));
  CHECK(s.cversion == 2);
  CHECK(s.num_children == 2);
  apply(2, 2, {delete_node("/p/a")});
  s = db.stat_of(*db.find("/p"));
  CHECK(s.cversion == 3);
  CHECK(s.num_children == 1);
  CHECK(s.pzxid == 2);
  CHECK(s.mzxid == 1);
  CHECK(s.version == 0);
  CHECK(db.creates_of(*db.find("/p")) == 2);
  CHECK(children_of(db, "/p") == std::vector<std::string>{"b"});
}

TEST_CASE("setData sets mzxid, mtime and the version of the transaction, and setACL the aversion alone") {
  database db;
  applier apply(db);
  apply(1, 10, {create_node("/a", "old", 1)});
  apply(2, 20, {set_data("/a", "a longer value than before", 1)});
  const auto& out = apply(3, 30, {set_acl("/a", acl_of_user("u"), 1)});
  CHECK(out[0].what == applied_change::kind::acl_changed);
  const auto s = db.stat_of(*db.find("/a"));
  CHECK(s.czxid == 1);
  CHECK(s.mzxid == 2);
  CHECK(s.mtime == 20);
  CHECK(s.ctime == 10);
  CHECK(s.version == 1);
  CHECK(s.aversion == 1);
  CHECK(db.data_of(*db.find("/a")) == "a longer value than before");
  CHECK(db.acl_of(*db.find("/a"))->at(0).who.name == "u:hash");
}

TEST_CASE("a version wraps from INT_MAX to INT_MIN and never becomes -1 (ZOOKEEPER-4743)") {
  CHECK(next_version(0) == 1);
  CHECK(next_version(INT_MAX) == INT_MIN);
  CHECK(next_version(-2) == 0);
  CHECK(next_version(-1) == 0);
  CHECK(next_version(-3) == -2);
}

TEST_CASE("null data are told from empty data") {
  database db;
  applier apply(db);
  auto null = create_node("/null", "", 1);
  null.null_data = true;
  apply(1, 1, {null, create_node("/empty", "", 2)});
  CHECK(db.data_of(*db.find("/null")).data() == nullptr);
  CHECK(db.data_of(*db.find("/empty")).data() != nullptr);
  auto to_null = set_data("/empty", "", 1);
  to_null.null_data = true;
  apply(2, 2, {to_null, set_data("/null", "x", 1)});
  CHECK(db.data_of(*db.find("/empty")).data() == nullptr);
  CHECK(db.data_of(*db.find("/null")) == "x");
}

TEST_CASE("a delete tells the ACLs of the znode as it was and of its parent") {
  database db;
  applier apply(db);
  auto p = create_node("/p", "", 1), c = create_node("/p/c", "", 1);
  p.acl = acl_of_user("parent"), c.acl = acl_of_user("child");
  apply(1, 1, {p, c});
  const auto& out = apply(2, 2, {delete_node("/p/c")});
  CHECK(out[0].what == applied_change::kind::deleted);
  CHECK(out[0].acl->at(0).who.name == "child:hash");
  CHECK(out[0].parent_acl->at(0).who.name == "parent:hash");
}

TEST_CASE("an ephemeral belongs to its session until it is deleted") {
  database db;
  applier apply(db);
  const auto s = session_id{0x0100000000000001};
  CHECK(apply(1, 1, {open_session(s, 30000)})[0].timeout_ms == 30000);
  apply(2, 2, {create_node("/b", "", 1, s), create_node("/a", "", 2, s), create_node("/c", "", 3)});
  CHECK(db.stat_of(*db.find("/a")).ephemeral_owner == s);
  CHECK(db.ephemerals_of(s) == std::vector<std::string>{"/a", "/b"});
  CHECK(db.ephemeral_count() == 2);
  apply(3, 3, {set_data("/b", std::string(5000, 'x'), 1), set_acl("/b", acl_of_user("u"), 1)});
  const auto& out = apply(4, 4, {delete_node("/a"), delete_node("/b"), close_session(s)});
  CHECK(out[2].what == applied_change::kind::session_closed);
  CHECK(out[2].session == s);
  CHECK_FALSE(db.find_session(s));
  CHECK(db.ephemerals_of(s).empty());
  CHECK(db.ephemeral_count() == 0);
  CHECK(db.session_count() == 0);
  CHECK(db.find("/c"));
}

TEST_CASE("a transaction that does not fit means that the replicas have diverged, and says which zxid and path") {
  database db;
  applier apply(db);
  apply(1, 1, {open_session(9, 1), create_node("/a", "", 1), create_node("/a/b", "", 1, 9)});
  auto bad_acl = create_node("/x", "", 2);
  bad_acl.acl = "jute?";
  const std::vector<std::vector<step>> misfits{
      {create_node("/a", "", 2)},  {create_node("/no/x", "", 1)},
      {create_node("/a/", "", 2)}, {create_node("a", "", 2)},
      {create_node("//x", "", 2)}, {create_node("/x", "", 2, 77)},
      {delete_node("/a")},         {delete_node("/")},
      {delete_node("/no")},        {set_data("/no", "", 1)},
      {set_acl("/no", "", 1)},     {close_session(9)},
      {close_session(10)},         {bad_acl},
      {set_data("", "", 1)},       {open_session(0, 1)},
  };
  for (auto& m : misfits) {
    std::string said;
    try {
      apply(0x2f, 1, m);
    } catch (const std::logic_error& e) {
      said = e.what();
    }
    CHECK(said.find("diverged") != said.npos);
    CHECK(said.find("0x2f") != said.npos);
    CHECK(said.find("'" + m[0].path + "'") != said.npos);
  }
  CHECK_THROWS_AS(apply(1, 1, {}), std::logic_error);
}

TEST_CASE("getChildren's reply is a jute vector of the names") {
  database db;
  applier apply(db);
  apply(1, 1, {create_node("/p", "", 1)});
  for (int i = 0; i < 40; ++i) apply(2 + i, 1, {create_node("/p/n" + std::to_string(i), "", i + 1)});
  std::string out;
  jute::writer w(out);
  db.write_children(*db.find("/p"), w);
  jute::reader r(out);
  std::vector<std::string> names;
  for (auto n = r.count(4); n; --n) names.emplace_back(r.ustring());
  CHECK(r.done());
  std::sort(names.begin(), names.end());
  CHECK(names == children_of(db, "/p"));
  CHECK(names.size() == 40);
  CHECK(db.descendants_of(*db.find("/")) == db.node_count() - 1);
}

TEST_CASE("data_size is the sum of paths and data") {
  database db;
  applier apply(db);
  const auto before = db.data_size();
  apply(1, 1, {create_node("/abc", "12345", 1)});
  CHECK(db.data_size() == before + 9);
  apply(2, 1, {set_data("/abc", "1", 1)});
  CHECK(db.data_size() == before + 5);
  apply(3, 1, {delete_node("/abc")});
  CHECK(db.data_size() == before);
}

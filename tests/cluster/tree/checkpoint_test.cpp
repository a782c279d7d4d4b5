#include "tests/cluster/tree/model.hpp"

using namespace troupe;
using namespace troupe::tree;
using namespace troupe::tree::test;

namespace {

using key = std::pair<table, std::uint64_t>;

/// What a state store keeps.
struct store {
  std::map<key, std::string> entries;
  zxid_t zxid = 0;

  void write(const state_delta& delta) {
    std::set<key> seen;
    for (auto& e : delta.entries) {
      REQUIRE(seen.emplace(e.where, e.key).second);
      if (e.value.empty())
        REQUIRE(entries.erase({e.where, e.key}) == 1);  // what was never stored is never erased
      else
        entries[{e.where, e.key}] = e.value;
    }
    zxid = delta.zxid;
  }
  void load_into(database& db) const {
    for (auto where : {table::meta, table::acls, table::nodes, table::sessions})
      for (auto& [k, value] : entries)
        if (k.first == where) db.load({where, k.second, value});
    db.loaded(zxid);
  }
};

std::string error_of_loading(const store& s) {
  database db;
  try {
    s.load_into(db);
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return {};
}

bool says(const std::string& error, const char* what) { return error.find(what) != error.npos; }

/// A store with a session 7, its ephemeral /a/e, and an ACL.
store small_store() {
  database db;
  applier apply(db);
  auto a = create_node("/a", "data", 1);
  a.acl = acl_of_user("u");
  apply(5, 1, {open_session(7, 100), a, create_node("/a/e", "", 1, 7)});
  store s;
  s.write(db.take_delta());
  return s;
}

}  // namespace

TEST_CASE("checkpoints taken in slices load into a database that is equal, and that goes on as the first one does") {
  for (std::uint64_t seed : {2, 3, 4}) {
    auto db = std::make_unique<database>();
    auto copy = std::make_unique<database>();
    store s;
    model m;
    random_steps random(m, seed);
    bool has_copy = false;
    for (zxid_t z = 1; z <= 6000; ++z) {
      const auto steps = random.next(z, z);
      applier{*db}(z, z, steps);
      if (has_copy) applier{*copy}(z, z, steps);
      if (z % 50 == 0 || z % 173 == 0) {
        const auto announced = db->delta_size();
        const auto delta = db->take_delta();
        REQUIRE(delta.entries.size() == announced);
        s.write(delta);
        REQUIRE(db->delta_size() == 0);
      }
      if (z % 1500 == 0) {
        if (has_copy) check_equal(*copy, m);
        copy = std::make_unique<database>();
        s.load_into(*copy);
        REQUIRE(copy->zxid() == z);
        REQUIRE(copy->delta_size() == 0);
        check_equal(*copy, m);
        // The loaded one takes over: from here its deltas move the checkpoint.
        std::swap(db, copy);
        has_copy = true;
      }
    }
    s.write(db->take_delta());
    database last;
    s.load_into(last);
    check_equal(last, m);
  }
}

TEST_CASE("the first delta of a new database holds all of it") {
  database db;
  CHECK(db.delta_size() == 5);  // four znodes and the next serial
  store s;
  s.write(db.take_delta());
  CHECK(s.entries.size() == 5);
  database other;
  s.load_into(other);
  check_equal(other, model{});
  CHECK(other.take_delta().entries.empty());
}

TEST_CASE("a znode or session that comes and goes between two checkpoints leaves no trace in the delta") {
  database db;
  applier apply(db);
  db.take_delta();
  apply(1, 1, {open_session(1, 1), create_node("/a", "", 1, 1), delete_node("/a"), close_session(1)});
  const auto delta = db.take_delta();
  REQUIRE(delta.entries.size() == 2);  // the next serial, and the root with its counter
  CHECK(delta.entries[0].where == table::meta);
  CHECK(delta.entries[1].key == 1);
  CHECK_FALSE(delta.entries[1].value.empty());
}

TEST_CASE("a serial is not used again after its znode is gone and the node has restarted") {
  database db;
  applier apply(db);
  apply(1, 1, {create_node("/a", "", 1)});
  store s;
  s.write(db.take_delta());
  apply(2, 1, {delete_node("/a")});
  s.write(db.take_delta());
  database again;
  s.load_into(again);
  applier{again}(3, 1, {create_node("/b", "", 2)});
  std::uint64_t largest = 0;
  for (auto& e : again.take_delta().entries)
    if (e.where == table::nodes) largest = std::max(largest, e.key);
  CHECK(largest == 6);  // 1 to 4 are built in, 5 was /a
}

TEST_CASE("a checkpoint that cannot be right is refused with what is wrong") {
  const auto good = small_store();
  CHECK(error_of_loading(good).empty());

  auto s = good;
  s.entries.erase({table::nodes, 1});
  CHECK(says(error_of_loading(s), "parent is missing"));
  s = good;
  s.entries.erase({table::nodes, 5});
  CHECK(says(error_of_loading(s), "parent is missing"));
  s = good;
  s.entries.erase({table::sessions, 7});
  CHECK(says(error_of_loading(s), "/a/e belongs to session 7"));
  s = good;
  s.entries.erase({table::acls, 1});
  CHECK(says(error_of_loading(s), "ACL 1, which is missing"));
  s = good;
  s.entries[{table::nodes, 9}] = s.entries[{table::nodes, 5}];
  CHECK(says(error_of_loading(s), "a second /a"));
  s = good;
  s.entries[{table::nodes, 9}] = s.entries[{table::nodes, 1}];
  CHECK(says(error_of_loading(s), "a second root"));
  s = good;
  s.entries[{table::nodes, 5}] = "";
  CHECK(says(error_of_loading(s), "nodes 5: a value of 0 bytes"));
  s = good;
  s.entries[{static_cast<table>(9), 1}] = "";
  database db;
  CHECK_THROWS_AS(db.load({static_cast<table>(9), 1, "12345678"}), std::runtime_error);
}

TEST_CASE("a value that is cut or overwritten loads or is refused, and never does anything else") {
  const auto good = small_store();
  std::mt19937_64 random(5);
  int refused = 0;
  for (auto& [k, value] : good.entries) {
    for (std::size_t n = 0; n < value.size(); ++n) {
      auto s = good;
      s.entries[k].resize(n);
      refused += !error_of_loading(s).empty();
      s = good;
      s.entries[k][n] = static_cast<char>(random());
      refused += !error_of_loading(s).empty();
    }
  }
  CHECK(refused > 500);
}

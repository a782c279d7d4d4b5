// Where LMDB's file ends: before pages that were never written, or before some that were cut off.

#include <map>

#include "fixture.hpp"
#include "persistence/lmdb_env.hpp"

using namespace troupe;
using namespace troupe::persistence;

namespace {

using rows = std::map<std::uint64_t, std::string>;

struct table : scratch {
  table() : env(path, 1 << 26, {"table"}) {}
  void put(std::uint64_t key, std::size_t size) {
    auto t = env.begin(table_txn::mode::write);
    content[key] = std::string(size, static_cast<char>('a' + key % 26));
    t->put(0, key, content[key]);
    t->commit();
  }
  void erase(std::uint64_t from, std::uint64_t to) {
    auto t = env.begin(table_txn::mode::write);
    for (auto key = from; key <= to; ++key) t->erase(0, key), content.erase(key);
    t->commit();
  }
  /// Takes pages behind all others and gives them back, in one transaction.
  void put_and_erase(std::size_t size) {
    auto t = env.begin(table_txn::mode::write);
    t->put(0, content.begin()->first, content.begin()->second);
    t->put(0, 1'000'000, std::string(size, 'z'));
    t->erase(0, 1'000'000);
    t->commit();
  }

  lmdb_env env;
  rows content;
};

rows all_of(table_store& env) {
  rows out;
  auto t = env.begin(table_txn::mode::read);
  auto c = t->cursor(0);
  for (bool more = c->first(); more; more = c->next()) out.emplace(c->key(), c->value());
  return out;
}

}  // namespace

TEST_CASE("a log that appended and truncated a large record in one step is opened again, though its file ends early") {
  scratch dir;
  auto big = records(1, 10, 10, 400'000);
  {
    lmdb_log log(small_log(dir.path));
    establish(log, 1);
    for (std::uint32_t i = 1; i < 10; ++i) write(log, {records(1, i, i)});
    write(log, {big, zab::truncate_after{make_zxid(1, 9)}});
    REQUIRE(log.size_bytes() > log.file_bytes());
  }
  {
    lmdb_log log(small_log(dir.path));
    CHECK(log.state().last == make_zxid(1, 9));
    write(log, {big});
  }
  lmdb_log log(small_log(dir.path));
  CHECK(log.state().last == make_zxid(1, 10));
}

TEST_CASE("wherever LMDB's file ends, it is refused unless nothing of it is missing") {
  table t;
  for (std::uint64_t key = 0; key < 30; ++key) t.put(key, key % 3 ? 300 : 30'000);
  std::unique_ptr<table_txn> reader;
  SUBCASE("with a short list of free pages") {}
  auto free_many = [&] {
    for (std::uint64_t key = 40; key < 50; ++key) t.put(key, 400'000);
    t.erase(40, 49);
    t.put(50, 300), t.put(51, 300);
  };
  SUBCASE("with a list whose parts are larger than a page") { free_many(); }
  SUBCASE("with a list of many parts") {
    free_many();
    reader = t.env.begin(table_txn::mode::read);  // no page that is freed from now on may be taken again
    reader->get(0, 0);
    for (std::uint64_t i = 0; i < 100; ++i) t.put(1 + i % 2, 300);
  }
  t.put_and_erase(8'000'000);
  reader.reset();
  REQUIRE(t.env.used_bytes() > t.env.file_bytes());

  scratch other;
  auto copy = other.path / "data.mdb";
  std::filesystem::copy_file(t.env.file(), copy);
  int opened = 0, refused = 0;
  for (auto bytes = t.env.file_bytes(); bytes > 0; bytes -= t.env.page_size()) {
    std::filesystem::resize_file(copy, bytes);
    CAPTURE(bytes);
    try {
      lmdb_env env(other.path, 1 << 26, {"table"});
      REQUIRE(all_of(env) == t.content);
      ++opened;
    } catch (const storage_error&) {
      ++refused;
    }
    REQUIRE(std::filesystem::file_size(copy) == bytes);  // or the next one tells us nothing
  }
  CHECK(opened > 0);
  CHECK(refused > 20);
}

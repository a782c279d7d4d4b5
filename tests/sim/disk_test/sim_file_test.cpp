#include "tests/sim/disk/sim_file.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <set>

using namespace troupe::sim;

namespace {

std::string sectors(std::string_view letters) {
  std::string out;
  for (auto c : letters) out.append(sector_bytes, c);
  return out;
}

// One letter for each sector that is all of it.
std::string letters_of(const std::string& bytes) {
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += sector_bytes) {
    auto s = std::string_view(bytes).substr(at, sector_bytes);
    out.push_back(std::all_of(s.begin(), s.end(), [&](char c) { return c == s[0]; }) ? s[0] : '?');
  }
  return out;
}

sim_file file_with(std::string_view letters) {
  sim_file f;
  f.write(sectors(letters), 0);
  f.sync();
  f.sync_name();
  return f;
}

struct chance {
  std::mt19937_64 generator{7};
  disk::draw draw = [this] { return generator(); };
  cut_count count;
};

std::string cut(sim_file f, unsynced mode, chance& c) {
  if (!f.power_cut(mode, c.draw, c.count)) return "gone";
  CHECK(f.read(SIZE_MAX, 0) == f.durable());
  return letters_of(f.read(SIZE_MAX, 0));
}

}  // namespace

TEST_CASE("a file shows what was written, and its device what was synced") {
  auto f = file_with("aaaa");
  f.write(sectors("bb"), sector_bytes);
  CHECK(letters_of(f.read(SIZE_MAX, 0)) == "abba");
  CHECK(letters_of(f.durable()) == "aaaa");
  CHECK(f.durable(3, sector_bytes - 1) == "aaa");
  f.sync();
  CHECK(letters_of(f.durable()) == "abba");
  CHECK(f.durable(3, sector_bytes - 1) == "abb");
  CHECK(f.read(5, 4 * sector_bytes - 2) == "aa");
  CHECK(f.read(5, 9 * sector_bytes) == "");
}

TEST_CASE("a power cut loses, keeps or tears what was not synced, by sectors") {
  auto f = file_with("aaaa");
  f.write(sectors("bbb"), 0);
  chance c;
  CHECK(cut(f, unsynced::lose, c) == "aaaa");
  CHECK(cut(f, unsynced::keep, c) == "bbba");
  std::set<std::string> torn;
  for (int i = 0; i < 200; ++i) torn.insert(cut(f, unsynced::tear, c));
  CHECK(torn.size() == 8);
  std::set<std::string> random;
  for (int i = 0; i < 200; ++i) random.insert(cut(f, unsynced::random, c));
  CHECK(random == torn);
}

TEST_CASE("a sector that was written several times may be left as it was after any of them, with all of that write") {
  auto f = file_with("aa");
  f.write(std::string(10, 'b'), 0);
  f.write(std::string(10, 'c'), 20);
  f.write(std::string(10, 'd'), 0);
  chance c;
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) {
    auto g = f;
    g.power_cut(unsynced::tear, c.draw, c.count);
    auto s = g.read(30, 0);
    seen.insert({s[0], s[9], s[20]});
  }
  CHECK(seen == std::set<std::string>{"aaa", "bba", "bbc", "ddc"});
  CHECK(c.count.between > 0);
}

TEST_CASE(
    "pages of a failed sync can be read, but whatever did not come to the device is lost, even after a later sync") {
  chance c;
  std::set<std::string> left;
  for (int i = 0; i < 100; ++i) {
    auto f = file_with("aaaa");
    f.write(sectors("bb"), 0);
    f.failed_sync(c.draw);
    f.write(sectors("c"), 3 * sector_bytes);
    f.sync();
    CHECK(letters_of(f.read(SIZE_MAX, 0)) == "bbac");
    CHECK(cut(f, unsynced::keep, c) == letters_of(f.durable()));
    left.insert(letters_of(f.durable()));
    f.write(sectors("bb"), 0);  // written again, they are dirty again
    f.sync();
    CHECK(letters_of(f.durable()) == "bbac");
  }
  CHECK(left == std::set<std::string>{"aaac", "abac", "baac", "bbac"});
}

TEST_CASE("a name, a size and an emptied file are durable only when they were synced") {
  chance c;
  sim_file fresh;
  fresh.write(sectors("a"), 0);
  fresh.sync();
  CHECK(!fresh.durable_name());
  CHECK(cut(fresh, unsynced::lose, c) == "gone");
  CHECK(cut(fresh, unsynced::keep, c) == "a");

  auto longer = file_with("a");
  longer.write(sectors("b"), 2 * sector_bytes);
  CHECK(letters_of(longer.durable()) == "a");
  CHECK(cut(longer, unsynced::lose, c) == "a");
  CHECK(cut(longer, unsynced::keep, c) == std::string("a\0b", 3));
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) seen.insert(cut(longer, unsynced::tear, c));
  CHECK(seen == std::set<std::string>{"a", std::string("a\0b", 3), std::string("a\0\0", 3)});

  auto emptied = file_with("aa");
  emptied.truncate();
  emptied.write(sectors("b"), 0);
  CHECK(letters_of(emptied.read(SIZE_MAX, 0)) == "b");
  CHECK(letters_of(emptied.durable()) == "aa");
  CHECK(cut(emptied, unsynced::lose, c) == "aa");
  CHECK(cut(emptied, unsynced::keep, c) == "b");
  emptied.sync();
  CHECK(cut(emptied, unsynced::lose, c) == "b");
}

TEST_CASE("rot is in the kernel and on the device, also under what was not synced") {
  auto f = file_with("aaa");
  f.write(sectors("b"), sector_bytes);
  f.corrupt(sector_bytes + 5, "X");
  CHECK(f.read(1, sector_bytes + 5) == "X");
  CHECK(f.durable(2, sector_bytes + 4) == "aX");
  f.cut_off(700);
  CHECK(f.size() == 700);
  CHECK(f.durable().size() == 700);
}

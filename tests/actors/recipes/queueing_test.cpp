#include "actors/recipes/queueing.hpp"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <set>

#include "tests/actors/recipes/fake_ensemble.hpp"

namespace troupe::recipes_test {
namespace {

using namespace recipes;

constexpr int items = 4;

struct user {
  user(fake_ensemble& e, std::string name) : client(e), queue(client, "/q", std::move(name)) {}
  fake_client client;
  queueing queue;
};

std::size_t run_queue(std::uint32_t seed, std::size_t at, std::size_t whom, fault what) {
  CAPTURE(seed);
  CAPTURE(at);
  CAPTURE(whom);
  CAPTURE(static_cast<int>(what));
  fake_ensemble e(seed);
  std::vector<std::unique_ptr<user>> users;
  std::map<std::string, int> taken;
  std::size_t ended = 0, got = 0;
  for (int i = 0; i < 2; ++i) {
    auto& putter = users.emplace_back(std::make_unique<user>(e, ""));
    for (int k = 0; k < items; ++k)
      putter->queue.put(std::to_string(i) + ":" + std::to_string(k), [](std::int32_t code) { CHECK(code == 0); });
    putter->queue.end([&] { ++ended; });
    auto& taker = users.emplace_back(std::make_unique<user>(e, "taker-" + std::to_string(i)));
    for (int k = 0; k < 2 * items; ++k)  // more than there will be
      taker->queue.take([&](std::int32_t code, const queue_item& item) {
        if (code) return;
        ++taken[item.data], ++got;
        CHECK(!item.again);
      });
  }
  bool all = e.run([&] { return got == 2 * items && ended == 2; }, 6'000, at, whom, what);
  REQUIRE(all);
  for (std::size_t i = 1; i < users.size(); i += 2) users[i]->queue.end([&] { ++ended; });
  while (e.step()) {
  }
  CHECK(ended == 4);
  CHECK(taken.size() == 2 * items);
  for (auto& [data, times] : taken) CHECK(times == 1);
  CHECK(e.children_of("/q/items").empty());
  CHECK(e.children_of("/q/clients").empty());
  return e.steps;
}

TEST_CASE("every item comes to one taker, once, whatever befalls a client at any step") {
  for (auto what : all_faults)
    for (std::uint32_t seed = 1; seed <= 2; ++seed) {
      auto steps = run_queue(seed, never, 0, what);
      for (std::size_t at = 0; at < steps; ++at) run_queue(seed, at, at + seed, what);
    }
}

TEST_CASE("the oldest item is taken first") {
  fake_ensemble e(1);
  user one(e, "");
  std::string order;
  for (auto* text : {"a", "b", "c"}) one.queue.put(text, [](std::int32_t) {});
  for (int i = 0; i < 3; ++i) one.queue.take([&](std::int32_t, const queue_item& item) { order += item.data; });
  while (e.step()) {
  }
  CHECK(order == "abc");
}

TEST_CASE("takers who race for the same items soon reach for different ones") {
  constexpr int many = 90;
  fake_ensemble e(1);
  user putter(e, "");
  int taken = 0;
  for (int i = 0; i < many; ++i) putter.queue.put("x", [](std::int32_t) {});
  while (e.step()) {
  }
  std::vector<std::unique_ptr<user>> takers;
  for (int i = 0; i < 3; ++i) {
    auto& t = takers.emplace_back(std::make_unique<user>(e, "taker-" + std::to_string(i)));
    for (int k = 0; k < many; ++k) t->queue.take([&](std::int32_t code, const queue_item&) { taken += !code; });
  }
  auto before = e.multis;
  while (e.step()) {
  }
  CHECK(taken == many);
  // Each item takes one multi; of those beyond it each is a race that somebody has lost.
  CHECK(e.multis - before < many + many / 2);
}

TEST_CASE("a take that waits can be given up, and a later item is not lost by it") {
  fake_ensemble e(1);
  user one(e, "");
  std::int32_t code = 0;
  std::string got;
  auto number = one.queue.take([&](std::int32_t c, const queue_item&) { code = c; });
  while (e.step()) {
  }
  one.queue.give_up(number);
  CHECK(code == client::code::deadline_passed);
  one.queue.put("x", [](std::int32_t) {});
  one.queue.take([&](std::int32_t, const queue_item& item) { got = item.data; });
  while (e.step()) {
  }
  CHECK(got == "x");
}

TEST_CASE("what a taker had taken when its process died comes first to its next life, marked") {
  fake_ensemble e(1);
  user one(e, "");
  one.queue.put("x\ny", [](std::int32_t) {});
  auto former = std::make_unique<user>(e, "worker");
  bool took = false;
  former->queue.take([&](std::int32_t, const queue_item&) { took = true; });
  while (!took) REQUIRE(e.step());
  // It is not told to end: the process is gone.
  user next(e, "worker");
  queue_item got;
  next.queue.take([&](std::int32_t code, const queue_item& item) { got = code ? queue_item{} : item; });
  while (e.step()) {
  }
  CHECK(got.data == "x\ny");
  CHECK(got.again);
}

TEST_CASE(
    "two takers of one name disturb each other, and are told so: what is answered as put is there, and nothing else") {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    fake_ensemble e(seed);
    user one(e, "same"), other(e, "same");
    std::map<std::string, std::int32_t> codes;
    auto put = [&](user& u, const std::string& data) {
      u.queue.put(data, [&codes, data](std::int32_t code) { codes[data] = code; });
    };
    put(one, "a");
    while (e.step()) {
    }
    put(other, "b");
    while (e.step()) {
    }
    put(one, "c");
    while (e.step()) {
    }
    put(one, "d"), put(other, "e");
    while (e.step()) {
    }
    REQUIRE(codes.size() == 5);
    CHECK(codes["c"] == exactly_once::interference);
    std::set<std::string> told, there;
    for (auto& [data, code] : codes)
      if (!code) told.insert(data);
    for (auto& name : e.children_of("/q/items")) there.insert(e.tree.at("/q/items/" + name).data);
    CHECK(told == there);
  }
}

TEST_CASE("what a former life had on its way when it died is not taken for our own write") {
  fake_ensemble e(1);
  user next(e, "worker");
  std::vector<queue_item> got;
  std::size_t refused = 0;
  auto take = [&] {
    next.queue.take([&](std::int32_t code, const queue_item& item) { code ? void(++refused) : got.push_back(item); });
  };
  take();
  while (e.step()) {
  }
  // It has read its znode, and waits for an item.
  const client::create item{"/q/items/item-", "x", client::create_mode::persistent_sequential, {}};
  e.execute(1, item), e.execute(1, item);
  e.execute(1, client::multi{{client::set_data{"/q/clients/worker", "took\nitem-0000000001\ny", 0},
                              client::remove{"/q/items/item-0000000001", -1}}});
  while (e.step()) {
  }
  CHECK(refused == 1);
  CHECK(got.empty());
  take(), take();
  while (e.step()) {
  }
  REQUIRE(got.size() == 2);
  CHECK(got[0].data == "y");
  CHECK(got[0].again);
  CHECK(got[1].data == "x");
  CHECK(!got[1].again);
  CHECK(e.children_of("/q/items").empty());
}

/// A worker dies at one step; what it had on its way arrives at another one of its next life, which perhaps is not told just
/// then how its own writes went.
void run_two_lives(std::uint32_t seed, std::size_t death, std::size_t arrival) {
  CAPTURE(seed);
  CAPTURE(death);
  CAPTURE(arrival);
  fake_ensemble e(seed);
  std::map<std::string, int> fresh;  // how often each was given out without a mark
  std::set<std::string> given, put, not_put;
  auto take = [&](user& u, int n) {
    for (int i = 0; i < n; ++i)
      u.queue.take([&](std::int32_t code, const queue_item& item) {
        if (!code) given.insert(item.data), fresh[item.data] += !item.again;
      });
  };
  auto put_one = [&](user& u, const std::string& data) {
    u.queue.put(data, [&, data](std::int32_t code) { (code ? not_put : put).insert(data); });
  };
  user boss(e, "");
  for (auto* data : {"a", "b", "c"}) put_one(boss, data);
  while (e.step()) {
  }
  user former(e, "worker");
  take(former, 2), put_one(former, "d"), put_one(former, "e");
  for (std::size_t i = 0; i < death; ++i) e.step();
  auto late = former.client.die();
  user next(e, "worker");
  take(next, 2), put_one(next, "f"), put_one(next, "g");
  for (std::size_t i = 0; i < arrival; ++i) e.step();
  if (seed % 3 == 1) next.client.suffer(fault::requests_lost);
  if (seed % 3 == 2) next.client.suffer(fault::answers_lost);
  for (auto& r : late) e.execute(1, r);
  while (e.step()) {
  }
  take(next, 10);
  while (e.step()) {
  }
  for (auto& data : put) CHECK(given.contains(data));
  for (auto& data : not_put) CHECK(!given.contains(data));
  for (auto& [data, times] : fresh) CHECK(times <= 1);
  CHECK(e.children_of("/q/items").empty());
}

TEST_CASE("no item is lost or doubled between two lives, whenever one dies, and whenever what it had asked arrives") {
  for (std::uint32_t seed = 1; seed <= 3; ++seed)
    for (std::size_t death = 0; death < 60; ++death)
      for (std::size_t arrival = (seed + death) % 2; arrival < 30; arrival += 2) run_two_lives(seed, death, arrival);
}

TEST_CASE("an item that a former life has left stays noted while its next one puts others") {
  fake_ensemble e(1);
  auto put = [](user& u, std::string data) {
    u.queue.put(std::move(data), [](std::int32_t code) { CHECK(code == 0); });
  };
  user boss(e, "");
  put(boss, "x");
  user former(e, "worker");
  bool took = false;
  former.queue.take([&](std::int32_t, const queue_item&) { took = true; });
  while (!took) REQUIRE(e.step());
  former.client.die();
  user next(e, "worker");
  put(next, "y");
  while (e.step()) {
  }
  SUBCASE("and dies") { next.client.die(); }
  SUBCASE("and is told to end") {
    bool ended = false;
    next.queue.end([&] { ended = true; });
    while (e.step()) {
    }
    CHECK(ended);
  }
  user third(e, "worker");
  std::vector<queue_item> got;
  for (int i = 0; i < 2; ++i)
    third.queue.take([&](std::int32_t code, const queue_item& item) {
      CHECK(code == 0);
      got.push_back(item);
    });
  while (e.step()) {
  }
  REQUIRE(got.size() == 2);
  CHECK(got[0].data == "x");
  CHECK(got[0].again);
  CHECK(got[1].data == "y");
}

TEST_CASE("an item that a former life has left is handed out, though somebody deletes the note of it") {
  fake_ensemble e(1);
  e.tree["/q"] = {}, e.tree["/q/items"] = {}, e.tree["/q/clients"] = {};
  e.tree["/q/clients/worker"] = {"took\nitem-0000000000\nx", 0, 0, 0, 0, 0};
  user next(e, "worker");
  std::vector<std::int32_t> codes;
  auto put = [&] { next.queue.put("y", [&](std::int32_t code) { codes.push_back(code); }); };
  put();
  while (e.step()) {
  }
  e.execute(1, client::remove{"/q/clients/worker", -1});
  put(), put();
  while (e.step()) {
  }
  CHECK(codes == std::vector<std::int32_t>{0, exactly_once::interference, 0});
  std::string got;
  next.queue.take([&](std::int32_t, const queue_item& item) { got = item.data; });
  while (e.step()) {
  }
  CHECK(got == "x");
}

TEST_CASE("what one has given out does not come back to it by the note of another one of its name") {
  fake_ensemble e(1);
  user boss(e, "");
  boss.queue.put("x", [](std::int32_t) {});
  user one(e, "same"), other(e, "same");
  std::string got;
  auto take = [&] {
    one.queue.take([&](std::int32_t code, const queue_item& item) { got += code ? "?" : item.data; });
  };
  take();
  while (e.step()) {
  }
  other.queue.put("y", [](std::int32_t) {});  // and has found the note of x
  while (e.step()) {
  }
  take(), take();
  while (e.step()) {
  }
  CHECK(got == "x?y");
}

}  // namespace
}  // namespace troupe::recipes_test

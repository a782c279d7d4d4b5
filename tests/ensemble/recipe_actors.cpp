/// Recipes as actors, where the logic alone (tests/actors/recipes) cannot tell: who is told, who is watched, and how they end.

#include <thread>

#include "tests/ensemble/actor_client.hpp"
#include "tests/ensemble/cut_proxy.hpp"
#include "troupe/recipes.hpp"

using namespace troupe;
using namespace troupe::ensemble;
namespace c = troupe::client;
namespace r = troupe::recipes;

namespace {

struct recipes_program : program {
  caf::actor client = spawn();

  template <class Message>
  Message next() {
    Message out;
    self->receive([&](const Message& m) { out = m; }, caf::after(patience) >> [] { FAIL("nothing is told"); });
    return out;
  }
  void wait_until(const std::function<bool()>& condition) {
    for (auto end = std::chrono::steady_clock::now() + patience; !condition(); std::this_thread::sleep_for(5ms))
      REQUIRE(std::chrono::steady_clock::now() < end);
  }
  std::size_t children(const std::string& path) {
    auto there = ask<c::existing>(client, c::exists{path}).stat;
    return there ? static_cast<std::size_t>(there->num_children) : 0;
  }
};

/// Asks from an actor of its own, which ends when it is told to.
caf::actor holder(recipes_program& p, const caf::actor& lock) {
  return p.system.spawn([lock](caf::event_based_actor* self) -> caf::behavior {
    self->request(lock, caf::infinite, r::acquire{}).then([](const r::lock_held&) {});
    return {[](const r::lock_lost&) {}};
  });
}

}  // namespace

TEST_CASE("who holds a lock is told that it is lost when somebody deletes its entry") {
  recipes_program p;
  auto path = fresh_path("lock-deleted");
  auto lock = r::spawn_lock(p.system, p.client, {path, "", 1'000ms});
  auto held = p.ask<r::lock_held>(lock, r::acquire{});
  p.ask<c::done>(p.client, c::remove{path + "/" + held.entry, -1});
  p.next<r::lock_lost>();
  auto again = p.ask<r::lock_held>(lock, r::acquire{});
  CHECK(again.fencing > held.fencing);
  p.ask<c::done>(lock, r::stop{});
}

TEST_CASE("who holds a lock is told that it is lost when there is no connection for longer than its patience") {
  recipes_program p;
  cut_proxy proxy(
      static_cast<std::uint16_t>(std::stoi(actor_ports().front().substr(actor_ports().front().rfind(':') + 1))));
  c::options o;
  o.nodes = {"127.0.0.1:" + std::to_string(proxy.port())}, o.session_timeout = 30s;
  auto path = fresh_path("lock-cut-off");
  auto lock = r::spawn_lock(p.system, p.spawn(o), {path, "", 200ms});
  p.ask<r::lock_held>(lock, r::acquire{});
  proxy.cut();
  p.next<r::lock_lost>();
  CHECK(p.children(path) == 1);  // the entry goes with the connection's return
  proxy.mend();
  p.wait_until([&] { return p.children(path) == 0; });
  p.ask<c::done>(lock, r::stop{});
}

TEST_CASE("a holder that ends releases the lock, and the next in line holds it") {
  recipes_program p;
  auto path = fresh_path("lock-holder-ended");
  auto first = r::spawn_lock(p.system, p.client, {path, "", 1'000ms});
  auto second = r::spawn_lock(p.system, p.client, {path, "", 1'000ms});
  auto who = holder(p, first);
  p.wait_until([&] { return p.children(path) == 1; });
  caf::anon_send_exit(who, caf::exit_reason::user_shutdown);
  p.ask<r::lock_held>(second, r::acquire{});
  p.ask<c::done>(first, r::stop{});
  p.ask<c::done>(second, r::stop{});
}

TEST_CASE("the time that an acquire would wait is over when it is refused: it does not end a later hold") {
  recipes_program p;
  auto path = fresh_path("lock-refused");
  // Below an ephemeral znode there can be no entry.
  p.ask<c::created>(p.client, c::create{path, "", c::create_mode::ephemeral});
  auto lock = r::spawn_lock(p.system, p.client, {path, "", 1'000ms});
  constexpr auto refused = static_cast<std::int32_t>(zk::err::no_children_for_ephemerals);
  CHECK(p.code<r::lock_held>(lock, r::acquire{300ms}) == refused);
  p.ask<c::done>(p.client, c::remove{path, -1});
  p.ask<r::lock_held>(lock, r::acquire{10'000ms});
  std::this_thread::sleep_for(500ms);
  CHECK(p.children(path) == 1);
  p.ask<c::done>(lock, r::stop{});
}

/// Sends `stop` and, without waiting for it, all of `behind`, to an actor that has worked already.
template <class Reply, class... Behind>
void check_the_end(recipes_program& p, const caf::actor& recipe, Behind... behind) {
  auto end = p.self->request(recipe, caf::infinite, r::stop{});
  auto late = std::make_tuple(p.self->request(recipe, caf::infinite, behind)...);
  auto again = p.self->request(recipe, caf::infinite, r::stop{});
  int answered = 0;
  auto take = [&](auto& handle) {
    handle.receive([&](const Reply&) { FAIL("it was carried out"); },
                   [&](caf::error& e) { answered += c::code_of(e) == c::code::cancelled || !c::code_of(e); });
  };
  end.receive([](const c::done&) {}, [](caf::error&) { FAIL("no clean end"); });
  std::apply([&](auto&... all) { (take(all), ...); }, late);
  CHECK(answered == sizeof...(behind));
  again.receive([](const c::done&) {}, [](caf::error& e) { CHECK(c::code_of(e) == 0); });  // it has ended before
}

TEST_CASE("whoever asks a recipe behind its stop is answered") {
  recipes_program p;
  auto path = fresh_path("stopped");
  SUBCASE("a queue") {
    auto queue = r::spawn_queue(p.system, p.client, {path, ""});
    p.ask<c::done>(queue, r::put{"item"});
    p.ask<r::queue_item>(queue, r::take{});
    check_the_end<r::queue_item>(p, queue, r::take{}, r::take{1'000ms});
  }
  SUBCASE("a counter") {
    auto counter = r::spawn_counter(p.system, p.client, {path});
    p.ask<r::count>(counter, r::add{1});
    check_the_end<r::count>(p, counter, r::add{1}, r::ask_count{});
  }
  SUBCASE("a lock") {
    auto lock = r::spawn_lock(p.system, p.client, {path, "", 1'000ms});
    p.ask<r::lock_held>(lock, r::acquire{});
    check_the_end<r::lock_held>(p, lock, r::acquire{});
    CHECK(p.children(path) == 0);
  }
  SUBCASE("a membership") {
    auto group = r::spawn_membership(p.system, p.client, {path, nullptr});
    p.ask<r::joined>(group, r::join_group{"one", ""});
    check_the_end<r::joined>(p, group, r::join_group{"two", ""});
    CHECK(p.children(path) == 0);
  }
  SUBCASE("a barrier") {
    auto barrier = r::spawn_barrier(p.system, p.client, {path, 1});
    p.ask<c::done>(barrier, r::enter{});
    check_the_end<c::done>(p, barrier, r::enter{}, r::depart{});
    CHECK(p.children(path) == 1);  // `ready`
  }
  SUBCASE("a cache") {
    auto cache = r::spawn_cache(p.system, p.client, {"/", nullptr});
    p.ask<r::snapshot>(cache, r::ask_snapshot{});
    check_the_end<r::snapshot>(p, cache, r::ask_snapshot{});
  }
  SUBCASE("a candidate") {
    auto candidate = r::spawn_candidate(p.system, p.client, {{path, "", 1'000ms}, nullptr});
    p.wait_until([&] { return p.ask<r::leader>(candidate, r::ask_leader{}).fencing != 0; });
    check_the_end<r::leader>(p, candidate, r::ask_leader{});
    CHECK(p.children(path) == 0);
  }
}

TEST_CASE("whoever waits when a recipe is stopped, or its client ends, is answered") {
  recipes_program p;
  auto path = fresh_path("waiting");
  auto queue = r::spawn_queue(p.system, p.client, {path, ""});
  auto wait = p.self->request(queue, caf::infinite, r::take{});
  int expected = 0, told = 1;
  SUBCASE("stopped") {
    p.ask<c::done>(queue, r::stop{});
    expected = c::code::cancelled;
  }
  SUBCASE("its client ends") {
    p.ask<c::done>(p.client, c::close{});
    expected = c::code::closed;
  }
  wait.receive([](const r::queue_item&) { FAIL("there is no item"); }, [&](caf::error& e) { told = c::code_of(e); });
  CHECK(told == expected);
}

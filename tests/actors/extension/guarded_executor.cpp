#include "actors/extension/guarded_executor.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <caf/actor_system_config.hpp>
#include <chrono>
#include <functional>
#include <thread>

#include "actors/extension/node_executor.hpp"

namespace troupe::actors {
namespace {

using extension::outcome;
using extension::request_context;
using extension::request_failed;
using zk::err;
using handler = std::function<std::string(std::string_view, request_context&)>;

constexpr std::int64_t short_ms = 30, long_ms = 60'000;

struct scripted final : extension::request_type {
  scripted(std::string name, std::int64_t time_ms, handler h) : h(std::move(h)) {
    what.name = std::move(name), what.bounds.time_ms = time_ms;
  }
  const extension::description& about() const override { return what; }
  std::string handle(std::string_view request, request_context& c) override { return h(request, c); }
  extension::description what;
  handler h;
};

/// A tree that notices who touches it after `gone`.
struct watched_context final : request_context {
  session_id session() const override { return 7; }
  const tree::credentials& caller() const override { return creds; }
  std::int64_t now_ms() const override { return 99; }
  std::optional<extension::znode> get(std::string_view) override {
    touch();
    if (in_get) in_get();
    return extension::znode{.data = "data"};
  }
  bool exists(std::string_view) override { return touch(), true; }
  std::vector<std::string> children(std::string_view) override { return touch(), std::vector<std::string>{"a"}; }
  std::string create(std::string_view path, std::string_view, extension::create_mode, const zk::acl_list&) override {
    return touch(), std::string(path);
  }
  void set_data(std::string_view, std::string_view, std::int32_t) override { touch(); }
  void remove(std::string_view, std::int32_t) override { touch(); }
  void set_acl(std::string_view, const zk::acl_list&, std::int32_t) override { touch(); }

  void touch() { ++(gone ? late : touches); }
  tree::credentials creds{{"ip", "127.0.0.1"}};
  std::atomic<bool> gone{false};
  std::atomic<int> touches{0}, late{0};
  std::function<void()> in_get;
};

struct fixture {
  void add(std::string name, std::int64_t time_ms, handler h) {
    known.add(std::make_shared<scripted>(std::move(name), time_ms, std::move(h)));
  }
  outcome run(const std::string& name, std::string_view request = "") {
    if (!executor) executor = std::make_unique<guarded_executor>(system, known);
    auto out = executor->run(*known.find(name, 0), request, context);
    return out;
  }
  /// As often as it takes until the type serves again.
  outcome run_until_back(const std::string& name) {
    for (;;) {
      auto out = run(name);
      if (out.text.find("suspended") == std::string::npos) return out;
      std::this_thread::yield();
    }
  }
  ~fixture() { release = true; }

  std::atomic<bool> release{false};
  watched_context context;
  extension::registry known;
  caf::actor_system_config cfg;
  caf::actor_system system{cfg};
  std::unique_ptr<guarded_executor> executor;
};

TEST_CASE_FIXTURE(fixture, "a guarded type gets its request and the tree, and gives its reply") {
  add("t", long_ms, [](std::string_view r, request_context& c) {
    return std::string(r) + c.get("/x")->data + c.children("/")[0] + c.create("/y", "") + std::to_string(c.session()) +
           c.caller()[0].name + std::to_string(c.now_ms());
  });
  auto out = run("t", "request ");
  CHECK(out.error == err::ok);
  CHECK(out.text == "request dataa/y7127.0.0.199");
  CHECK(run("t", "x").error == err::ok);
}

TEST_CASE_FIXTURE(fixture, "whatever a guarded handler throws is its caller's error, and the type serves on") {
  add("t", long_ms, [](std::string_view r, request_context&) -> std::string {
    if (r == "own") throw request_failed(err::not_empty, "mine");
    if (r == "int") throw 5;
    if (r == "standard") throw std::runtime_error("oh");
    return "fine";
  });
  CHECK(run("t", "own").error == err::not_empty);
  CHECK(run("t", "int").error == err::system_error);
  CHECK(run("t", "standard").text == "the handler failed: oh");
  CHECK(run("t").text == "fine");
}

TEST_CASE_FIXTURE(fixture, "a handler that loops without a look at the tree costs its time once; others are served") {
  add("loops", short_ms, [&](std::string_view, request_context&) {
    while (!release) std::this_thread::yield();
    return std::string("late");
  });
  add("other", long_ms, [](std::string_view, request_context&) { return std::string("fine"); });
  CHECK(run("loops").error == err::request_timeout);
  for (int i = 0; i < 3; ++i) {
    auto out = run("loops");
    CHECK(out.error == err::system_error);
    CHECK(out.text == "request type 'loops' is suspended: a request of it still runs");
    CHECK(run("other").text == "fine");
  }
  CHECK(executor->stuck() == 1);
  release = true;
  CHECK(run_until_back("loops").text == "late");
  CHECK(executor->stuck() == 0);
}

TEST_CASE_FIXTURE(fixture, "a handler that never leaves the tree alone touches nothing once its time is over") {
  std::atomic<int> refused{0};
  add("touches", short_ms, [&](std::string_view, request_context& c) {
    while (!release) try {
        c.set_data("/x", ""), c.exists("/x");
      } catch (const request_failed& e) {
        if (e.code() == err::request_timeout) ++refused;
      }
    return std::string();
  });
  CHECK(run("touches").error == err::request_timeout);
  context.gone = true;
  for (auto seen = refused.load(); refused < seen + 1000;) std::this_thread::yield();
  CHECK(context.touches > 0);
  CHECK(context.late == 0);
}

TEST_CASE_FIXTURE(fixture,
                  "the caller waits for the access that is under way when the time is over, not for the next") {
  std::atomic<bool> entered{false}, left{false};
  context.in_get = [&] {
    entered = true;
    auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(3 * short_ms);
    while (std::chrono::steady_clock::now() < end) std::this_thread::yield();
    left = true;
  };
  add("t", short_ms, [&](std::string_view, request_context& c) {
    c.get("/x");
    while (!release) std::this_thread::yield();
    c.get("/x");
    return std::string("late");
  });
  CHECK(run("t").error == err::request_timeout);
  context.gone = true;
  CHECK(left == entered);  // on a busy machine the handler may not have come so far
  release = true;
  while (executor->stuck()) std::this_thread::yield();
  CHECK(context.late == 0);
}

TEST_CASE("a node counts what its types did, all versions of a name together") {
  caf::actor_system_config cfg;
  caf::actor_system system{cfg};
  extension::registry known;
  auto add = [&](std::string name, std::uint16_t version, bool ours, std::int64_t time_ms, handler h) {
    auto type = std::make_shared<scripted>(std::move(name), time_ms, std::move(h));
    type->what.version = version;
    known.add(type, ours);
  };
  std::atomic<bool> release{false};
  auto fine = [](std::string_view, request_context&) { return std::string(); };
  add("t", 1, false, long_ms, fine);
  add("t", 2, false, long_ms, [](std::string_view, request_context&) -> std::string { throw 1; });
  add("troupe.t", 1, true, long_ms, fine);
  add("slow", 1, false, short_ms, [&](std::string_view, request_context&) {
    while (!release) std::this_thread::yield();
    return std::string();
  });
  node_stats stats;
  watched_context context;
  {
    node_executor executor(system, known, stats);
    auto run = [&](const char* name, std::uint16_t version) { executor.run(*known.find(name, version), "", context); };
    run("t", 1), run("t", 1), run("t", 2), run("troupe.t", 1), run("slow", 1);
    release = true;
    while (executor.stuck()) std::this_thread::yield();
  }
  REQUIRE(stats.request_types.size() == 3);
  auto& t = stats.request_types[0];
  CHECK(t.name == "t");
  CHECK(t.calls == 3);
  CHECK(t.failures == 1);
  CHECK(t.timeouts == 0);
  CHECK(stats.request_types[1].calls == 1);
  auto& slow = stats.request_types[2];
  CHECK(slow.failures == 1);
  CHECK(slow.timeouts == 1);
  CHECK(slow.max_us >= static_cast<std::uint64_t>(short_ms) * 1000);
  CHECK(slow.total_us >= slow.max_us);
}

}  // namespace
}  // namespace troupe::actors

#include "actors/extension/node_actors.hpp"

#include <atomic>
#include <caf/event_based_actor.hpp>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "actors/extension/audit_file.hpp"
#include "actors/extension/change_feed.hpp"
#include "tests/actors/extension/feed_fixture.hpp"

using namespace troupe;
using namespace troupe::testing;
using namespace std::chrono_literals;

namespace {

caf::behavior answering(caf::event_based_actor* self) {
  return {[self](asked& q) -> caf::result<answered> {
    if (q.bytes == "die") {
      self->quit(caf::make_error(caf::sec::runtime_error, "told to"));
      return caf::make_error(caf::sec::runtime_error, "dying");
    }
    if (q.bytes == "leave") {
      self->quit();
      return answered{"bye"};
    }
    if (q.bytes == "throw") throw std::runtime_error("thrown");
    if (q.bytes == "refuse") return caf::make_error(caf::sec::runtime_error, "not like this");
    if (q.bytes == "wait") return self->make_response_promise<answered>();
    return answered{q.bytes + " of " + std::to_string(q.session) + " " + q.who->front().scheme};
  }};
}

struct fixture : feed_fixture {
  fixture() {
    settings.first_pause = 1ms, settings.longest_pause = 4ms;
    types.add("answering", [this](caf::actor_system& s, const node_actor_setup& setup) {
      ++spawned;
      last = setup;
      return node_actor{s.spawn(answering), true};
    });
    types.add("silent", [](caf::actor_system& s, const node_actor_setup&) {
      return node_actor{s.spawn(answering), false};
    });
    types.add("fails", [this](caf::actor_system& s, const node_actor_setup&) -> node_actor {
      if (++spawned < 5) throw std::runtime_error("not yet");
      return {s.spawn(answering), true};
    });
    types.add("nobody", [](caf::actor_system&, const node_actor_setup&) { return node_actor{}; });
  }
  ~fixture() {
    caf::anon_send_exit(keeper, caf::exit_reason::user_shutdown);
    self->wait_for(keeper);
    while (*alive > 0) std::this_thread::yield();
  }
  void start(const std::string& type, std::map<std::string, named_actor_config::value> options = {}) {
    ctx->config.directory = "/somewhere";
    ctx->config.actors.push_back({"it", type, std::move(options)});
    keeper = system.spawn<node_actors>(static_cast<caf::execution_unit*>(nullptr), ctx, types, alive, settings);
  }
  void send(const std::string& message, const std::string& actor = "it") {
    commit::question q{++id, 0x42, std::make_shared<const tree::credentials>(tree::credentials{{"ip", "x"}}), actor,
                       message};
    self->send(keeper, box(msg::questions{{std::move(q)}}));
  }
  msg::outcome take() {
    msg::outcome out{};
    self->receive([&](boxed<msg::outcome>& m) { out = std::move(*m); });
    return out;
  }
  msg::outcome ask(const std::string& message, const std::string& actor = "it") {
    send(message, actor);
    return take();
  }
  /// Asks until it is there again.
  msg::outcome ask_until_there(const std::string& message) {
    for (;;)
      if (auto o = ask(message); o.body != "actor 'it' has ended and is not there at the moment") return o;
  }

  node_actor_types types;
  node_actors_settings settings;
  std::shared_ptr<std::atomic<int>> alive = std::make_shared<std::atomic<int>>(0);
  std::atomic<int> spawned{0};
  node_actor_setup last;
  caf::actor keeper;
  std::uint64_t id = 0;
};

/// Stands for commit: everything up to a zxid is committed when the test says so.
class committing : public caf::event_based_actor {
 public:
  using caf::event_based_actor::event_based_actor;
  caf::behavior make_behavior() override {
    return {[this](boxed<msg::committed_wanted>& m) {
              wanted_ = m->after, who_ = caf::actor_cast<caf::actor>(current_sender());
              tell();
            },
            [this](zxid_t z) {
              committed_ = z;
              tell();
            }};
  }

 private:
  void tell() {
    if (!who_ || committed_ <= wanted_) return;
    send(std::exchange(who_, nullptr), box(msg::committed{committed_}));
  }
  zxid_t committed_ = 0, wanted_ = 0;
  caf::actor who_;
};

/// Until the change feed has written everything up to here.
void far_as(feed_fixture& f, const caf::actor& a, zxid_t upto) {
  for (std::string far; far != std::to_string(upto);)
    f.self->request(a, caf::infinite, asked{})
        .receive([&](const answered& r) { far = r.bytes; }, [&](const caf::error&) { FAIL("no answer"); });
}

}  // namespace

TEST_CASE_FIXTURE(fixture, "an actor gets what the configuration says, and is asked with who asks") {
  start("answering", {{"file", {"f", "\"f\""}}});
  auto o = ask("name");
  CHECK(o.id == 1);
  CHECK(o.error == zk::err::ok);
  CHECK(o.body == "name of 66 ip");
  CHECK(last.name == "it");
  CHECK(last.node == 3);
  CHECK(last.directory == "/somewhere");
  CHECK(last.feed == feed);
  CHECK(last.required("file") == "f");
  CHECK(last.option("none", "otherwise") == "otherwise");
  CHECK_THROWS_AS(last.required("none"), std::invalid_argument);
}

TEST_CASE_FIXTURE(fixture,
                  "only actors that the configuration names and that say so may be asked; no other is told apart") {
  start("silent");
  auto o = ask("x");
  CHECK(o.error == zk::err::no_node);
  CHECK(o.body == "no actor 'it' of this node may be asked");
  o = ask("x", "other");
  CHECK(o.error == zk::err::no_node);
  CHECK(o.body == "no actor 'other' of this node may be asked");
}

TEST_CASE_FIXTURE(fixture, "an error of the actor is its caller's, with its text") {
  start("answering");
  auto o = ask("refuse");
  CHECK(o.error == zk::err::system_error);
  CHECK(o.body.find("not like this") != std::string::npos);
  CHECK(ask("a").error == zk::err::ok);
  CHECK(spawned == 1);
}

TEST_CASE_FIXTURE(fixture,
                  "an actor that ends with an error is there again, however it ended, and takes nobody along") {
  start("answering");
  for (auto* how : {"die", "throw", "die"}) {
    auto before = spawned.load();
    CHECK(ask_until_there(how).error != zk::err::ok);
    while (spawned == before) std::this_thread::yield();
    CHECK(ask_until_there("a").body == "a of 66 ip");
  }
}

TEST_CASE_FIXTURE(fixture, "an actor that ends without an error stays away") {
  start("answering");
  CHECK(ask("leave").body == "bye");
  while (*alive > 0) std::this_thread::yield();
  msg::outcome o{};
  do o = ask("x");
  while (o.error == zk::err::ok);
  CHECK(o.error == zk::err::system_error);
  CHECK(spawned == 1);
}

TEST_CASE_FIXTURE(fixture, "a factory that throws is tried again until it does not") {
  start("fails");
  while (spawned < 5) std::this_thread::yield();
  CHECK(ask_until_there("a").error == zk::err::ok);
}

TEST_CASE_FIXTURE(fixture, "a factory without an actor is tried again, and the keeper lives") {
  start("nobody");
  for (int i = 0; i < 10; ++i) CHECK(ask("a").error == zk::err::system_error);
}

TEST_CASE_FIXTURE(fixture, "who does not answer in time costs an error; so many questions wait and no more") {
  settings.answer_time = 50ms, settings.max_questions = 3;
  start("answering");
  for (int i = 0; i < 4; ++i) send("wait");
  auto o = take();
  CHECK(o.id == 4);
  CHECK(o.error == zk::err::quota_exceeded);
  for (int i = 0; i < 3; ++i) {
    o = take();
    CHECK(o.error == zk::err::request_timeout);
    CHECK(o.body == "actor 'it' did not answer in time");
  }
  CHECK(ask("a").error == zk::err::ok);
}

TEST_CASE("a type of actors has a name of its own, and none of ours") {
  node_actor_types types;
  auto f = [](caf::actor_system&, const node_actor_setup&) { return node_actor{}; };
  types.add("mine", f);
  CHECK(types.find("mine"));
  CHECK_FALSE(types.find("other"));
  CHECK(types.find("troupe.change-feed"));
  CHECK(types.names() == "mine, troupe.change-feed");
  for (auto* bad : {"mine", "troupe.other", "", "with space", "a/b"})
    CHECK_THROWS_AS(types.add(bad, f), std::invalid_argument);
  CHECK_THROWS_AS(types.add(std::string(65, 'x'), f), std::invalid_argument);
  CHECK_THROWS_AS(types.add("null", nullptr), std::invalid_argument);
}

TEST_CASE("the change feed writes what is committed, over a death and a restart, every line once") {
  char name[] = "/tmp/troupe-feed-XXXXXX";
  std::filesystem::path dir = ::mkdtemp(name);
  {
    feed_fixture f;
    f.append(1, 20);
    f.ctx->commit = f.system.spawn<committing>();
    node_actor_setup s{"it", 3, {{"file", "audit.jsonl"}}, dir, f.feed};
    for (std::uint32_t upto : {7, 7, 13, 20}) {
      auto a = spawn_change_feed(f.system, s);
      CHECK(a.may_be_asked);
      caf::anon_send(f.ctx->commit, z(upto));
      far_as(f, a.handle, z(upto));
      caf::anon_send_exit(a.handle, caf::exit_reason::kill);
      f.self->wait_for(a.handle);
    }
    s.options["sync"] = "sometimes";
    CHECK_THROWS_AS(spawn_change_feed(f.system, s), std::invalid_argument);
    s.options.clear();
    CHECK_THROWS_AS(spawn_change_feed(f.system, s), std::invalid_argument);
  }
  std::ostringstream text;
  text << std::ifstream(dir / "audit.jsonl").rdbuf();
  std::string expected;
  for (std::uint32_t i = 1; i <= 20; ++i)
    for (auto& l : audit_lines(told(z(i), record(i).payload))) expected += l;
  CHECK(text.str() == expected);
  std::filesystem::remove_all(dir);
}

/// What a handler may do wrong: its caller gets an error, nothing of it has happened, and others notice nothing.

#include "cluster/commit/call.hpp"
#include "cluster/commit/preparation.hpp"
#include "tests/cluster/extension/calling.hpp"

namespace troupe::test {
namespace {

using extension::create_mode;

/// Does some of everything, then `fail`.
handler after_some_work(std::function<void(request_context&)> fail) {
  return [fail](std::string_view, request_context& c) -> std::string {
    c.create("/home/s-", "", create_mode::ephemeral_sequential);
    c.create("/home/p", "new"), c.set_data("/home", "changed"), c.remove("/home/old");
    c.set_acl("/home", {{zk::perm::all, {"ip", "127.0.0.1"}}});
    fail(c);
    return "never";
  };
}

/// The state that `after_some_work` works on, and that it is untouched: now, and for what comes next.
struct untouched {
  explicit untouched(actor_client& c) : c(c) {
    for (auto* path : {"/home", "/home/old"})
      REQUIRE(c.call(op::create, create_body(path, "as it was")).error() == err::ok);
  }
  void check(ensemble& e) {
    CHECK(data_at(e, "/home") == "as it was");
    CHECK(data_at(e, "/home/old") == "as it was");
    CHECK(e.db().child_count(*e.db().find("/home")) == 1);
    CHECK(e.db().acl_of(*e.db().find("/home")) == nullptr);
    CHECK(e.db().ephemerals_of(c.session).empty());
    // Counters of parents went back, too (ZOOKEEPER-1624).
    auto s = c.call(op::create, create_body("/home/s-", "", 2));
    CHECK(s.rest().ustring() == "/home/s-0000000001");
    CHECK(c.call(op::set_data, set_body("/home", "again", 0)).error() == err::ok);
    CHECK(c.call(op::del, path_version("/home/s-0000000001")).error() == err::ok);
    CHECK(c.call(op::del, path_version("/home/old", 0)).error() == err::ok);
    CHECK(c.call(op::del, path_version("/home", 1)).error() == err::ok);
  }
  actor_client& c;
};

replied fails(std::function<void(request_context&)> how, extension::limits bounds = {}) {
  with_type w(after_some_work(std::move(how)), bounds);
  actor_client c(w.e);
  untouched home(c);
  auto before = w.e.last_assigned();
  auto r = call(c, "t");
  CHECK(w.e.last_assigned() == before);
  home.check(w.e);
  return r;
}

TEST_CASE("an exception of any type is the caller's error, and everything that the handler had done is undone") {
  auto own = fails([](auto&) { throw request_failed(err::bad_version, "not this one"); });
  CHECK(own.code == err::bad_version);
  CHECK(own.text == "not this one");
  auto standard = fails([](auto&) { throw std::out_of_range("beyond"); });
  CHECK(standard.code == err::system_error);
  CHECK(standard.text == "the handler failed: beyond");
  CHECK(fails([](auto&) { throw 7; }).code == err::system_error);
  CHECK(fails([](auto&) { throw "text"; }).code == err::system_error);
  CHECK(fails([](auto&) { throw std::bad_alloc(); }).code == err::system_error);
}

TEST_CASE("a handler cannot pass off its error as the end of a session, or as a success") {
  for (auto code : {err::session_expired, err::session_moved, err::auth_failed, err::ok, static_cast<err>(5)})
    CHECK(fails([code](auto&) { throw request_failed(code, "x"); }).code == err::system_error);
}

TEST_CASE("what an error says is bounded, and stays UTF-8") {
  std::string sharp_s = "\xc3\x9f";
  std::string why = "x";
  for (int i = 0; i < 10'000; ++i) why += sharp_s;
  auto text = fails([&](auto&) { throw request_failed(err::no_node, why); }).text;
  CHECK(text.size() < 1100);
  CHECK(text == why.substr(0, text.size() - 3) + "...");
  CHECK(text.size() % 2 == 0);  // 1 + whole characters + 3
}

TEST_CASE("what the tree refuses is refused as ZooKeeper would refuse it") {
  auto code = [](std::function<void(request_context&)> f) { return fails(std::move(f)).code; };
  CHECK(code([](auto& c) { c.set_data("/none", ""); }) == err::no_node);
  CHECK(code([](auto& c) { c.children("/none"); }) == err::no_node);
  CHECK(code([](auto& c) { c.create("/none/x", ""); }) == err::no_node);
  CHECK(code([](auto& c) { c.create("/home/p", ""); }) == err::node_exists);
  CHECK(code([](auto& c) { c.set_data("/home", "", 7); }) == err::bad_version);
  CHECK(code([](auto& c) { c.remove("/home/p", 1); }) == err::bad_version);
  CHECK(code([](auto& c) { c.set_acl("/home", {}, 9); }) == err::bad_version);
  CHECK(code([](auto& c) { c.remove("/home"); }) == err::not_empty);
  CHECK(code([](auto& c) { c.create("/home/s-0000000001/x", ""); }) == err::no_children_for_ephemerals);
  CHECK(code([](auto& c) { c.create("no slash", ""); }) == err::bad_arguments);
  CHECK(code([](auto& c) {
          c.create("/x", "", create_mode::persistent, {{1, {"nothing", "x"}}});
        }) == err::invalid_acl);
}

TEST_CASE("a handler may catch a refusal and go on; the rest of what it does holds") {
  with_type w([](std::string_view, request_context& c) {
    c.create("/a", "first");
    for (int i = 0; i < 3; ++i) try {
        c.create("/a", "second");
      } catch (const request_failed& e) {
        c.create("/a/" + std::to_string(i), std::to_string(static_cast<int>(e.code())));
      }
    return std::string("ok");
  });
  actor_client c(w.e);
  CHECK(call(c, "t").code == err::ok);
  CHECK(data_at(w.e, "/a") == "first");
  CHECK(data_at(w.e, "/a/2") == "-110");
}

TEST_CASE("what the caller's identities may not do, the handler may not do for it") {
  struct step {
    const char* what;
    std::function<void(request_context&)> f;
  };
  const std::vector<step> steps{
      {"get", [](auto& c) { c.get("/p"); }},
      {"exists", [](auto& c) { c.exists("/p"); }},
      {"children", [](auto& c) { c.children("/p"); }},
      {"create", [](auto& c) { c.create("/p/new", ""); }},
      {"set data", [](auto& c) { c.set_data("/p", ""); }},
      {"remove", [](auto& c) { c.remove("/p/old"); }},
      {"set acl", [](auto& c) { c.set_acl("/p", {}); }},
  };
  for (bool read_only : {false, true})
    for (auto& s : steps) {
      CAPTURE(s.what);
      auto types = types_with({type_of(named("t", 1, read_only), [&](std::string_view, request_context& c) {
        s.f(c);
        return std::string("may");
      })});
      ensemble e(1, {}, everywhere(types));
      actor_client owner(e), other(e);
      auto secret = "ann:secret";
      auto login = body().i32(0).str("digest").str(secret).bytes;
      owner.send(op::auth, login, zk::xid_auth), owner.take();
      REQUIRE(owner.call(op::create, create_body("/p", "")).error() == err::ok);
      REQUIRE(owner.call(op::create, create_body("/p/old", "")).error() == err::ok);
      REQUIRE(owner.call(op::set_acl, body().str("/p").acl({{zk::perm::all, {"auth", ""}}}).i32(-1)).error() ==
              err::ok);
      auto refused = call(other, "t");
      bool changes = &s - steps.data() >= 3;
      CHECK(refused.code == (read_only && changes ? err::not_read_only : err::no_auth));
      if (!changes || !read_only) CHECK(call(owner, "t").code == err::ok);
    }
}

TEST_CASE("ephemerals of a call belong to its session, and go with it") {
  with_type w([](std::string_view, request_context& c) {
    CHECK(c.caller().front() == zk::id{"ip", "127.0.0.1"});
    return c.create("/e", std::to_string(c.session()) + " " + std::to_string(c.now_ms()), create_mode::ephemeral);
  });
  w.e.now_ms += 17;
  actor_client c(w.e);
  CHECK(call(c, "t").text == "/e");
  CHECK(data_at(w.e, "/e") == std::to_string(c.session) + " " + std::to_string(w.e.now_ms));
  w.e.expire(c.session), w.e.commit();
  CHECK_FALSE(w.e.db().find("/e"));
}

// ---- limits

struct bound_case {
  extension::limits bounds;
  handler h;
  std::string request = "";
};

err code_of(const bound_case& b, commit::settings cfg = {}) {
  with_type w(b.h, b.bounds, 1, cfg);
  actor_client c(w.e);
  for (auto* path : {"/n", "/n/a", "/n/b"}) c.call(op::create, create_body(path, ""));
  auto before = w.e.last_assigned();
  auto r = call(c, "t", b.request);
  if (r.code != err::ok) CHECK(w.e.last_assigned() == before);
  return r.code;
}

TEST_CASE("a request may be as large as its type says, and not one byte larger") {
  extension::limits l;
  l.request_bytes = 10;
  auto ok = [](std::string_view, request_context&) { return std::string(); };
  CHECK(code_of({l, ok, std::string(10, 'x')}) == err::ok);
  CHECK(code_of({l, ok, std::string(11, 'x')}) == err::quota_exceeded);
}

TEST_CASE("a reply may be as large as its type says, and not one byte larger") {
  extension::limits l;
  l.reply_bytes = 10;
  auto reply = [](std::size_t n) {
    return [n](std::string_view, request_context& c) { return c.create("/x", ""), std::string(n, 'x'); };
  };
  CHECK(code_of({l, reply(10)}) == err::ok);
  CHECK(code_of({l, reply(11)}) == err::quota_exceeded);
}

TEST_CASE("a handler may ask for as many changes as its type says, and not one more, be they refused or not") {
  extension::limits l;
  l.operations = 5;
  auto creates = [](int n, const char* path) {
    return [n, path](std::string_view, request_context& c) {
      for (int i = 0; i < n; ++i) try {
          c.create(path + std::to_string(i), "");
        } catch (const request_failed& e) {
          if (e.code() == err::quota_exceeded) throw;
        }
      return std::string();
    };
  };
  CHECK(code_of({l, creates(5, "/x")}) == err::ok);
  CHECK(code_of({l, creates(6, "/x")}) == err::quota_exceeded);
  CHECK(code_of({l, creates(5, "/none/x")}) == err::ok);
  CHECK(code_of({l, creates(6, "/none/x")}) == err::quota_exceeded);
}

TEST_CASE("a handler may look at as many znodes and names as its type says, and not one more") {
  extension::limits l;
  l.reads = 6;
  auto reads = [](int gets) {
    return [gets](std::string_view, request_context& c) {
      c.children("/n"), c.exists("/none");  // itself and two names, and one
      for (int i = 0; i < gets; ++i) c.get("/n");
      return std::string();
    };
  };
  CHECK(code_of({l, reads(2)}) == err::ok);
  CHECK(code_of({l, reads(3)}) == err::quota_exceeded);
}

TEST_CASE("a transaction of a call is bounded as all are; what would not fit is refused while it grows") {
  commit::settings cfg;
  cfg.max_request = 100'000;
  auto bytes = [](std::size_t each, int n) {
    return [=](std::string_view, request_context& c) {
      for (int i = 0; i < n; ++i) c.create("/x" + std::to_string(i), std::string(each, 'x'));
      return std::string();
    };
  };
  const auto all = static_cast<std::size_t>(cfg.max_request) + commit::transaction_allowance_bytes;
  CHECK(code_of({{}, bytes(all - 1000, 1)}, cfg) == err::ok);
  CHECK(code_of({{}, bytes(all, 1)}, cfg) == err::marshalling_error);
  CHECK(code_of({{}, bytes(all / 10, 9)}, cfg) == err::ok);
  CHECK(code_of({{}, bytes(all / 10, 10)}, cfg) == err::marshalling_error);
  CHECK(code_of({{}, bytes(all / 2, 1'000'000)}, cfg) == err::marshalling_error);
  extension::limits l;
  l.reply_bytes = 1'000'000;  // the reply is part of it
  auto replies = [](std::size_t n) {
    return [n](std::string_view, request_context& c) { return c.create("/x", ""), std::string(n, 'x'); };
  };
  CHECK(code_of({l, replies(all - 1000)}, cfg) == err::ok);
  CHECK(code_of({l, replies(all)}, cfg) == err::marshalling_error);
}

TEST_CASE("a handler in place is stopped at its first access after its time, by the clock that it is given") {
  std::int64_t us = 0;
  auto run = [&](std::int64_t takes_us) {
    auto types = types_with({type_of(named("t"), [&](std::string_view, request_context& c) {
      c.create("/x", "");
      us += takes_us;
      c.exists("/x");
      return std::string();
    })});
    types->how = std::make_unique<extension::in_place_executor>([&] { return us; });
    ensemble e(1, {}, everywhere(types));
    actor_client c(e);
    auto code = call(c, "t").code;
    CHECK((e.db().find("/x") != nullptr) == (code == err::ok));
    return code;
  };
  CHECK(run(50'000) == err::ok);
  CHECK(run(50'001) == err::request_timeout);
}

TEST_CASE("clients of the ZooKeeper port get no code that they do not know") {
  CHECK(commit::call_error(op::create, err::request_timeout) == err::operation_timeout);
  CHECK(commit::call_error(op::create2, err::quota_exceeded) == err::bad_arguments);
  CHECK(commit::call_error(op::create, static_cast<err>(-4711)) == err::system_error);
  CHECK(commit::call_error(op::create, err::no_auth) == err::no_auth);
  CHECK(commit::call_error(op::call, err::quota_exceeded) == err::quota_exceeded);
  extension::limits l;
  l.reply_bytes = 1;
  with_type w([](std::string_view, request_context&) { return std::string("too long"); }, l);
  actor_client c(w.e);
  CHECK(call_by_create(c, "t").code == err::bad_arguments);
  CHECK(call(c, "t").code == err::quota_exceeded);
}

TEST_CASE("a type of a bad name, of version 0, or registered twice is refused with a reason") {
  extension::registry r;
  auto add = [&](std::string name, std::uint16_t version = 1) -> std::string {
    try {
      r.add(type_of(named(std::move(name), version), [](auto, auto&) { return std::string(); }));
      return "";
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
  };
  CHECK(add("a-B_c.9") == "");
  CHECK(add("a-B_c.9", 2) == "");
  CHECK(add("a-B_c.9") == "request type 'a-B_c.9' version 1 is registered twice");
  for (std::string bad : {"", "a/b", "a@1", "a b", ".", "..", "\xc3\xa4"}) CHECK(add(bad) != "");
  CHECK(add(std::string(64, 'x')) == "");
  CHECK(add(std::string(65, 'x')) != "");
  CHECK(add("x", 0) != "");
  CHECK(add("troupe.mine") != "");
  CHECK_THROWS_AS(r.add(nullptr), std::invalid_argument);
}

}  // namespace
}  // namespace troupe::test

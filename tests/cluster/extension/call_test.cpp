/// How request types are called, by both ways, and where each is served.

#include "tests/cluster/extension/calling.hpp"

namespace troupe::test {
namespace {

std::string make_node(std::string_view request, request_context& c) {
  c.create("/made", request);
  return "it is made";
}

TEST_CASE("a call is one transaction at one zxid, whose result is the reply, at whatever node the client is") {
  for (node_id node : {1, 2}) {
    with_type w(
        [](std::string_view, request_context& c) {
          c.create("/a", "1"), c.create("/a/b", "2"), c.set_data("/a", "3");
          return std::string("done\0!", 6);
        },
        {}, 3);
    actor_client c(w.e, node);
    auto before = w.e.last_assigned();
    auto r = call(c, "t");
    CHECK(r.code == err::ok);
    CHECK(r.text == std::string("done\0!", 6));
    CHECK(w.e.last_assigned() == before + 1);
    CHECK(r.zxid == before + 1);
    for (node_id n : {1, 2, 3}) {
      CHECK(data_at(w.e, "/a", n) == "3");
      CHECK(data_at(w.e, "/a/b", n) == "2");
    }
  }
}

TEST_CASE("a node without the type applies what it did") {
  auto types = types_with({type_of(named("t"), make_node)});
  ensemble e(2, {}, [&](node_id n) { return n == ensemble::leader ? types : nullptr; });
  actor_client c(e, 2);
  CHECK(call(c, "t", "x").text == "it is made");
  CHECK(data_at(e, "/made", 2) == "x");
}

TEST_CASE("any client calls by a create on the reserved path; its reply comes back behind the path it asked for") {
  for (node_id node : {1, 2}) {
    with_type w([](std::string_view r,
                   request_context& c) { return c.create("/x-", r, extension::create_mode::persistent_sequential); },
                {}, 2);
    client c(w.e, node);
    c.connect();
    CHECK(call_by_create(c, "t", "{text}").text == "/x-0000000000");
    CHECK(call_by_create(c, "t", "").text == "/x-0000000001");
    CHECK(call_by_create(c, "t@1", "{text}", op::create2).text == "/x-0000000002");
    CHECK(call_by_create(c, "t", "binary").text == "L3gtMDAwMDAwMDAwMw");  // /x-0000000003 as base64url
    CHECK(data_at(w.e, "/x-0000000003", node) == "binary");
    CHECK_FALSE(w.e.db(node).find("/zookeeper/call"));
  }
}

TEST_CASE("a text reply that would harm whoever prints it comes as base64url, and so does one that is no text") {
  std::string reply;
  with_type w([&](std::string_view, request_context&) { return reply; });
  client c(w.e);
  c.connect();
  auto as_path = [&](std::string r) { return reply = std::move(r), call_by_create(c, "t", "{}").text; };
  CHECK(as_path("gr\xc3\xbc\xc3\x9f dich / und?") == "gr\xc3\xbc\xc3\x9f dich / und?");
  CHECK(as_path("\xff\xfe\xfb") == "__77");
  CHECK(as_path("a\nb") == "YQpi");
  CHECK(as_path(std::string("a\0", 2)) == "YQA");
  CHECK(as_path("\xc0\xaf") == "wK8");
  CHECK(as_path("") == "");
}

TEST_CASE("a call sees what is pending, and calls of many clients follow each other in the order of the leader") {
  with_type w(
      [](std::string_view, request_context& c) {
        auto n = c.get("/n");
        auto next = std::to_string(std::stoi(n->data) + 1);
        c.set_data("/n", next);
        return next;
      },
      {}, 2);
  client plain(w.e);
  plain.connect();
  actor_client a(w.e), b(w.e, 2);
  plain.send(op::create, create_body("/n", "7"));
  for (int i = 0; i < 10; ++i) a.send(op::call, call_body("t", "")), b.send(op::call, call_body("t", ""));
  plain.send(op::set_data, set_body("/n", "100"));
  a.send(op::call, call_body("t", ""));
  w.e.commit();
  for (int i = 0; i < 10; ++i) {
    CHECK(answer_of(*a.take()).text == std::to_string(8 + 2 * i));
    CHECK(answer_of(*b.take()).text == std::to_string(9 + 2 * i));
  }
  CHECK(answer_of(*a.take()).text == "101");
}

TEST_CASE("a call that changes nothing leaves no transaction, and is told once the leader's leadership is confirmed") {
  with_type w([](std::string_view, request_context& c) { return c.get("/n")->data; }, {}, 2);
  actor_client c(w.e, 2);
  c.call(op::create, create_body("/n", "x"));
  auto before = w.e.last_assigned();
  auto confirms = w.e.confirms;
  CHECK(call(c, "t").text == "x");
  CHECK(call_by_create(c, "t", "{}").text == "x");
  CHECK(w.e.confirms == confirms + 2);
  CHECK(w.e.last_assigned() == before);
}

TEST_CASE("a type that is read-only is served by the node that was asked, behind the requests before it") {
  auto types = types_with({type_of(named("r", 1, true), [](std::string_view path, request_context& c) {
    auto n = c.get(path);
    return n ? n->data + "," + std::to_string(c.children("/").size()) : "none";
  })});
  ensemble e(2, {}, everywhere(types));
  actor_client c(e, 2);
  auto before = e.confirms;
  c.send(op::create, create_body("/n", "x"));
  c.send(op::call, call_body("r", "/n"));
  c.send(op::create, create_body("/zookeeper/call/r", "/n"));
  CHECK_FALSE(c.take());
  e.commit();
  CHECK(c.take()->error() == err::ok);
  CHECK(answer_of(*c.take()).text == "x,2");
  CHECK(c.take()->rest().ustring() == "/zookeeper/call/r/eCwy");
  CHECK(call(c, "r", "/m").text == "none");
  CHECK(e.confirms == before);
}

TEST_CASE("a type that is read-only runs on the leader for a node that lacks it, and sees what is pending") {
  auto types = types_with(
      {type_of(named("r", 1, true), [](std::string_view, request_context& c) { return c.get("/n")->data; })});
  ensemble e(2, {}, [&](node_id n) { return n == ensemble::leader ? types : types_with(); });
  client plain(e);
  plain.connect();
  actor_client c(e, 2);
  plain.send(op::create, create_body("/n", "x"));
  c.send(op::call, call_body("r", ""));
  e.commit();
  CHECK(answer_of(*c.take()).text == "x");
}

TEST_CASE("a type that is read-only changes nothing, wherever it runs") {
  for (bool at_leader : {false, true}) {
    auto types = types_with({type_of(named("r", 1, true), make_node)});
    ensemble e(2, {}, [&](node_id n) { return n == ensemble::leader || !at_leader ? types : types_with(); });
    actor_client c(e, 2);
    CHECK(call(c, "r").code == err::not_read_only);
    CHECK_FALSE(e.db().find("/made"));
  }
}

TEST_CASE("an unknown type or version is UNIMPLEMENTED, and the text says what there is") {
  auto types = types_with({type_of(named("t", 2), make_node), type_of(named("t", 5), make_node)});
  ensemble e(2, {}, [&](node_id n) { return n == ensemble::leader ? types : nullptr; });
  actor_client c(e, 2);
  auto unknown = call(c, "nobody");
  CHECK(unknown.code == err::unimplemented);
  CHECK(unknown.text == "this node has no request type 'nobody'");
  auto version = call(c, "t", "", 3);
  CHECK(version.code == err::unimplemented);
  CHECK(version.text == "this node has no request type 't' of version 3, but of version 2, 5");
  CHECK(call_by_create(c, "t@3").code == err::unimplemented);
  CHECK(call_by_create(c, "t@2").code == err::ok);
}

TEST_CASE("version 0 is the newest") {
  auto say = [](const char* what) { return [what](std::string_view, request_context&) { return std::string(what); }; };
  auto types = types_with({type_of(named("t", 10), say("ten")), type_of(named("t", 9), say("nine"))});
  ensemble e(1, {}, everywhere(types));
  actor_client c(e);
  CHECK(call(c, "t").text == "ten");
  CHECK(call(c, "t", "", 9).text == "nine");
}

TEST_CASE("a leader without any types answers UNIMPLEMENTED") {
  ensemble e(2);
  actor_client c(e, 2);
  CHECK(call(c, "troupe.counter").code == err::unimplemented);
  CHECK(call_by_create(c, "troupe.counter", "{}").code == err::unimplemented);
}

TEST_CASE("what is no call is refused before anything runs") {
  bool ran = false;
  with_type w([&](std::string_view, request_context&) { return ran = true, std::string(); }, {}, 2);
  actor_client c(w.e, 2);
  auto code = [&](op o, std::string_view body) { return c.call(o, body).error(); };
  CHECK(code(op::call, "") == err::marshalling_error);
  CHECK(code(op::call, std::string(16, '\xff')) == err::marshalling_error);
  CHECK(code(op::create, create_body("/zookeeper/call/t", "", 1)) == err::bad_arguments);
  CHECK(code(op::create, create_body("/zookeeper/call/t", "", 2)) == err::bad_arguments);
  CHECK(code(op::create, body().str("/zookeeper/call/t").i32(7)) == err::marshalling_error);
  for (auto* version : {"@", "@0", "@65536", "@x", "@1x", "@-1"})
    CHECK(code(op::create, create_body(std::string("/zookeeper/call/t") + version)) == err::bad_arguments);
  for (auto* name : {"/zookeeper/call/", "/zookeeper/call/t/u", "/zookeeper/call//t", "/zookeeper/call/t/"})
    CHECK(code(op::create, create_body(name)) == err::unimplemented);
  CHECK_FALSE(ran);
}

TEST_CASE("on the ZooKeeper port, op `call` is as unknown as any") {
  with_type w(make_node);
  client c(w.e);
  c.connect();
  CHECK(c.call(op::call, call_body("t", "")).error() == err::unimplemented);
  CHECK(c.ended());
  CHECK_FALSE(w.e.db().find("/made"));
}

TEST_CASE("below the reserved path there is no znode: a multi or a handler cannot make one, others find none") {
  with_type w([](std::string_view, request_context& c) { return c.create("/zookeeper/call/x", ""); });
  actor_client c(w.e);
  auto multi =
      c.call(op::multi, multi_body({{op::create, create_body("/ok")}, {op::create, create_body("/zookeeper/call/t")}}));
  auto r = multi.rest();
  r.i32(), r.boolean(), r.i32(), r.i32(), r.i32(), r.boolean();
  CHECK(static_cast<err>(r.i32()) == err::bad_arguments);
  CHECK_FALSE(w.e.db().find("/ok"));
  CHECK(call(c, "t").code == err::bad_arguments);
  CHECK(c.call(op::exists, path_watch("/zookeeper/call/t")).error() == err::no_node);
  CHECK(c.call(op::get_data, path_watch("/zookeeper/call/t")).error() == err::no_node);
  CHECK(c.call(op::set_data, set_body("/zookeeper/call/t", "")).error() == err::no_node);
  CHECK(c.call(op::del, path_version("/zookeeper/call/t")).error() == err::no_node);
}

TEST_CASE("a call of a session that has ended is the end of its connection's hopes, not a run of the handler") {
  int ran = 0;
  with_type w([&](std::string_view, request_context&) { return ++ran, std::string(); });
  actor_client c(w.e);
  w.e.expire(c.session);
  c.send(op::call, call_body("t", ""));
  w.e.commit();
  CHECK(ran == 0);
}

TEST_CASE("while the leader's disk is nearly full, types that may change something are refused") {
  auto types = types_with(
      {type_of(named("t"), make_node), type_of(named("r", 1, true), [](auto, auto&) { return std::string("ok"); })});
  ensemble e(2, {}, [&](node_id n) { return n == ensemble::leader ? types : nullptr; });
  actor_client c(e, 2);
  e.at(1).on_space(true);
  CHECK(call(c, "t").code == err::system_error);
  CHECK(call_by_create(c, "t").code == err::system_error);
  CHECK(call(c, "r").code == err::ok);
  e.at(1).on_space(false);
  CHECK(call(c, "t").code == err::ok);
}

}  // namespace
}  // namespace troupe::test

// Questions of actor clients to actors inside the node.

#include "harness.hpp"
#include "subscription_bodies.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

std::string ask_body(const std::string& actor, const std::string& message) {
  capnp::MallocMessageBuilder m;
  auto a = m.initRoot<wire::Ask>();
  a.setActor(actor), a.setMessage(wire::as_data(message));
  return flat_text(m);
}

struct asking_fixture {
  ensemble e;
  client a{e, ensemble::leader, actor_port_bit};
  asking_fixture() { a.connect(); }
  void outcome(std::uint64_t id, err error, const std::string& body) { e.answer(ensemble::leader, id, error, body); }
};

}  // namespace

TEST_CASE_FIXTURE(asking_fixture, "a question goes at once, with who asks; its answer takes its place in the order") {
  a.send(op::create, create_body("/a"));
  auto first = a.send(op::ask, ask_body("audit", "how far?"));
  auto read = a.send(op::get_data, path_watch("/a"));
  auto second = a.send(op::ask, ask_body("other", ""));
  REQUIRE(e.questions.size() == 2);
  CHECK(e.questions[0].actor == "audit");
  CHECK(e.questions[0].message == "how far?");
  CHECK(e.questions[0].session == a.session);
  REQUIRE(e.questions[0].creds);
  CHECK(e.questions[0].creds->front().scheme == "ip");
  outcome(e.questions[1].id, err::no_node, "no such actor");
  CHECK_FALSE(a.take().has_value());
  e.commit();
  CHECK(a.take()->xid() == 1);
  CHECK_FALSE(a.take().has_value());
  outcome(e.questions[0].id, err::ok, "so far");
  auto r = a.take();
  REQUIRE(r.has_value());
  CHECK(r->xid() == first);
  CHECK(r->error() == err::ok);
  CHECK(r->rest().rest() == "so far");
  CHECK(r->zxid == e.db().zxid());
  CHECK(a.take()->xid() == read);
  r = a.take();
  REQUIRE(r.has_value());
  CHECK(r->xid() == second);
  CHECK(r->error() == err::no_node);
  CHECK(r->rest().rest() == "no such actor");
}

TEST_CASE_FIXTURE(asking_fixture, "what is no Ask is told so in its place, and nobody is asked") {
  a.send(op::create, create_body("/a"));
  auto xid = a.send(op::ask, "ill-formed");
  CHECK(e.questions.empty());
  e.commit();
  CHECK(a.take()->xid() == 1);
  auto r = a.take();
  REQUIRE(r.has_value());
  CHECK(r->xid() == xid);
  CHECK(r->error() == err::marshalling_error);
}

TEST_CASE_FIXTURE(asking_fixture, "a ZooKeeper client cannot ask") {
  client z(e);
  z.connect();
  CHECK(z.call(op::ask, ask_body("audit", "")).error() == err::unimplemented);
  CHECK(z.ended());
  CHECK(e.questions.empty());
}

TEST_CASE_FIXTURE(asking_fixture, "an answer that nobody waits for any more is dropped") {
  a.send(op::ask, ask_body("audit", ""));
  auto id = e.questions.at(0).id;
  SUBCASE("answered twice") {
    outcome(id, err::ok, "one");
    auto from = a.mark();
    outcome(id, err::ok, "two");
    CHECK(a.stream(from).empty());
  }
  SUBCASE("the connection is gone") {
    a.lost();
    auto from = a.mark();
    outcome(id, err::ok, "one");
    CHECK(a.stream(from).empty());
  }
  SUBCASE("the role is over") {
    e.role(1, commit::role::looking);
    e.role(1, commit::role::leading);
    auto from = a.mark();
    outcome(id, err::ok, "one");
    CHECK(a.stream(from).empty());
  }
  SUBCASE("never asked") {
    auto from = a.mark();
    outcome(id + 1, err::ok, "one");
    CHECK(a.stream(from).empty());
  }
}

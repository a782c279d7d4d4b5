/// The request types that ship, as clients call them: by JSON through the reserved path, and in the binary form.

#include <algorithm>
#include <random>

#include "schema/request_types.capnp.h"
#include "tests/cluster/extension/calling.hpp"

namespace troupe::test {

using namespace std::string_literals;

namespace {

/// One node, one client, some znodes. Requests and replies are JSON with ' for ".
struct fixture {
  ensemble e{1, {}, everywhere(types_with())};
  actor_client c{e};

  void make(const std::string& path, std::string_view data = "") {
    REQUIRE(c.call(op::create, create_body(path, data)).error() == err::ok);
  }
  replied ask(client& who, const std::string& type, std::string request) {
    std::replace(request.begin(), request.end(), '\'', '"');
    auto r = call_by_create(who, "troupe." + type, request);
    std::replace(r.text.begin(), r.text.end(), '"', '\'');
    return r;
  }
  std::string ask(const std::string& type, std::string request) {
    auto r = ask(c, type, std::move(request));
    return r.code == err::ok ? r.text : std::to_string(static_cast<int>(r.code));
  }
  std::string why(const std::string& type, std::string request) {
    std::replace(request.begin(), request.end(), '\'', '"');
    auto r = call(c, "troupe." + type, request);
    CHECK(r.code != err::ok);
    return r.text;
  }
  std::string data(std::string_view path) { return data_at(e, path); }
  bool exists(std::string_view path) { return e.db().find(path) != nullptr; }
};

// ---- counter

TEST_CASE_FIXTURE(fixture, "the counter adds, reads, sets if it is as expected, and is made if asked for") {
  CHECK(ask("counter", "{'path':'/c','add':1}") == "-101");
  CHECK(ask("counter", "{'path':'/c','add':5,'create':true,'initial':'100'}") ==
        "{'value':'105','previous':'100','changed':true,'version':0}");
  CHECK(data("/c") == "105");
  CHECK(ask("counter", "{'path':'/c','add':'-6'}") == "{'value':'99','previous':'105','changed':true,'version':1}");
  CHECK(ask("counter", "{'path':'/c'}") == "{'value':'99','previous':'99','changed':false,'version':1}");
  CHECK(ask("counter", "{'path':'/c','compareAndSet':{'expected':98,'value':1}}") ==
        "{'value':'99','previous':'99','changed':false,'version':1}");
  CHECK(ask("counter", "{'path':'/c','compareAndSet':{'expected':99,'value':1}}") ==
        "{'value':'1','previous':'99','changed':true,'version':2}");
  CHECK(data("/c") == "1");
}

TEST_CASE_FIXTURE(fixture, "a counter that was not as expected is not made either") {
  CHECK(ask("counter", "{'path':'/c','create':true,'compareAndSet':{'expected':1,'value':2}}") ==
        "{'value':'0','previous':'0','changed':false,'version':0}");
  CHECK_FALSE(exists("/c"));
  CHECK(ask("counter", "{'path':'/c','create':true,'compareAndSet':{'expected':0,'value':2}}") ==
        "{'value':'2','previous':'0','changed':true,'version':0}");
}

TEST_CASE_FIXTURE(fixture, "the counter leaves alone what is no number, and does not wrap") {
  make("/c", "x"), make("/max", "9223372036854775807"), make("/i", "1234567"), make("/empty");
  CHECK(why("counter", "{'path':'/c','add':1}") == "/c does not hold a whole number of 64 bits");
  CHECK(why("counter", "{'path':'/max','add':1}") == "/max would leave the range of 64 bits");
  CHECK(why("counter", "{'path':'/i','add':1,'form':'i64'}") == "/i holds 7 bytes, not 8");
  CHECK(ask("counter", "{'path':'/max','add':'-9223372036854775807'}").starts_with("{'value':'0'"));
  CHECK(ask("counter", "{'path':'/empty','add':3,'form':'i64'}").starts_with("{'value':'3'"));
  CHECK(data("/empty") == std::string("\0\0\0\0\0\0\0\3", 8));
  CHECK(ask("counter", "{'path':'/empty','add':-4,'form':'i64'}").starts_with("{'value':'-1'"));
}

TEST_CASE_FIXTURE(fixture, "the binary form is the same request, and its reply is binary") {
  capnp::MallocMessageBuilder m;
  auto r = m.initRoot<wire::CounterRequest>();
  r.setPath("/c"), r.setAdd(41), r.setCreate(true);
  auto flat = capnp::messageToFlatArray(m);
  auto bytes = flat.asBytes();
  std::string_view request{reinterpret_cast<const char*>(bytes.begin()), bytes.size()};
  for (std::int64_t n : {41, 82}) {
    auto reply = call(c, "troupe.counter", request).text;
    REQUIRE(reply.size() % 8 == 0);
    auto words = kj::heapArray<capnp::word>(reply.size() / 8);
    std::memcpy(words.begin(), reply.data(), reply.size());
    capnp::FlatArrayMessageReader in(words);
    CHECK(in.getRoot<wire::CounterReply>().getValue() == n);
  }
}

TEST_CASE_FIXTURE(fixture, "malformed requests of any kind are the caller's error") {
  for (auto* bad : {"{", "{'path':7}", "{'unknown':1}", "{'path':'/c','form':'roman'}", "{'add':{}}"})
    CHECK(ask("counter", bad) == "-5");
  CHECK(ask("counter", "") == "-101");
  CHECK(call(c, "troupe.counter", std::string(1, '\0')).code == err::marshalling_error);
  CHECK(call(c, "troupe.counter", std::string(64, '\xee')).code == err::marshalling_error);
  std::string deep = "{'path':" + std::string(100'000, '[');
  CHECK(ask("counter", deep) == "-5");
  std::mt19937 random(7);
  for (int i = 0; i < 2000; ++i) {
    std::string noise(8 * (1 + random() % 12), '\0');
    for (auto& b : noise) b = static_cast<char>(random() % 3 ? random() % 4 : random());
    for (auto* type : {"counter", "lock", "queue-take", "bulk-update", "delete-recursive", "list"})
      call(c, "troupe." + std::string(type), noise);
  }
}

// ---- lock

TEST_CASE_FIXTURE(fixture, "the lock is held by the first in line; the next one watches the one before it") {
  client other(e), third(e);
  other.connect(), third.connect();
  auto first = ask(c, "lock", "{'path':'/l'}");
  CHECK(first.text == "{'held':true,'entry':'/l/lock-0000000000','sequence':'0','watch':'','waiting':0}");
  CHECK(e.db().stat_of(*e.db().find("/l/lock-0000000000")).czxid == first.zxid);
  CHECK(e.db().stat_of(*e.db().find("/l/lock-0000000000")).ephemeral_owner == c.session);
  auto waits = "{'held':false,'entry':'/l/lock-0000000001','sequence':'1','watch':'/l/lock-0000000000','waiting':1}";
  CHECK(ask(other, "lock", "{'path':'/l'}").text == waits);
  CHECK(ask(other, "lock", "{'path':'/l'}").text == waits);  // as often as it asks
  CHECK(ask(third, "lock", "{'path':'/l','onlyIfFree':true}").text ==
        "{'held':false,'entry':'','sequence':'0','watch':'/l/lock-0000000001','waiting':2}");
  CHECK(ask(third, "lock", "{'path':'/l','data':'aGk='}").text ==
        "{'held':false,'entry':'/l/lock-0000000002','sequence':'2','watch':'/l/lock-0000000001','waiting':2}");
  CHECK(data("/l/lock-0000000002") == "hi");
  e.expire(other.session), e.commit();
  CHECK(ask(third, "lock", "{'path':'/l'}").text ==
        "{'held':false,'entry':'/l/lock-0000000002','sequence':'2','watch':'/l/lock-0000000000','waiting':1}");
  c.call(op::del, path_version("/l/lock-0000000000"));
  CHECK(ask(third, "lock", "{'path':'/l'}").text ==
        "{'held':true,'entry':'/l/lock-0000000002','sequence':'2','watch':'','waiting':0}");
}

TEST_CASE_FIXTURE(fixture, "a session may stand in line under several names, beside entries that kazoo made") {
  make("/l"), make("/l/no number");
  c.call(op::create, create_body("/l/0123abc__lock__", "", 3));
  CHECK(ask("lock", "{'path':'/l','name':'a-'}") ==
        "{'held':false,'entry':'/l/a-0000000002','sequence':'2','watch':'/l/0123abc__lock__0000000001','waiting':1}");
  CHECK(ask("lock", "{'path':'/l','name':'b-'}") ==
        "{'held':false,'entry':'/l/b-0000000003','sequence':'3','watch':'/l/a-0000000002','waiting':2}");
  CHECK(ask("lock", "{'path':'/l','name':'a-'}").find("'sequence':'2'") != std::string::npos);
  CHECK(ask("lock", "{'path':'/l','name':''}") == "-8");
  CHECK(ask("lock", "{'path':'/l','name':'a/b'}") == "-8");
}

// ---- queue-take

TEST_CASE_FIXTURE(fixture, "queue-take takes the first items by name, with their data, and says how many are left") {
  make("/q");
  CHECK(ask("queue-take", "{'path':'/q'}") == "{'items':[],'left':'0'}");
  for (auto* name : {"b-2", "a-1", "a-3", "b-1"}) make("/q/"s + name, name);
  auto before = e.last_assigned();
  CHECK(ask("queue-take", "{'path':'/q','max':2,'asText':true}") ==
        "{'items':[{'name':'a-1','text':'a-1'},{'name':'a-3','text':'a-3'}],'left':'2'}"s);
  CHECK(e.last_assigned() == before + 1);
  CHECK(ask("queue-take", "{'path':'/q','prefix':'x','max':9}") == "{'items':[],'left':'0'}");
  CHECK(ask("queue-take", "{'path':'/q','prefix':'b-','max':9}") ==
        "{'items':[{'name':'b-1','data':'Yi0x'},{'name':'b-2','data':'Yi0y'}],'left':'0'}");
  CHECK(ask("queue-take", "{'path':'/none'}") == "-101");
}

TEST_CASE_FIXTURE(fixture, "queue-take stops before its reply would be too large; an item that never fits stays") {
  make("/q");
  for (int i = 0; i < 5; ++i) make("/q/" + std::to_string(i), std::string(60'000, 'x'));
  auto taken = ask("queue-take", "{'path':'/q','max':5}");
  CHECK(taken.ends_with("'left':'2'}"));
  CHECK(ask("queue-take", "{'path':'/q','max':5}").ends_with("'left':'0'}"));
  make("/q/large", std::string(300'000, 'x'));
  CHECK(ask("queue-take", "{'path':'/q'}") == "-8");
  CHECK(exists("/q/large"));
}

TEST_CASE_FIXTURE(fixture, "queue-take takes nothing if one item has children") {
  make("/q"), make("/q/1"), make("/q/2"), make("/q/2/x");
  CHECK(ask("queue-take", "{'path':'/q','max':2}") == "-111");
  CHECK(exists("/q/1"));
}

// ---- bulk-update

TEST_CASE_FIXTURE(fixture, "bulk-update does all if every expectation holds, and nothing if one does not") {
  make("/a", "1"), make("/b", "2");
  auto all =
      "{'items':[{'path':'/a','action':'set','version':0,'text':'x'},{'path':'/new','action':'create','text':'y'},"
      "{'path':'/b','action':'delete'},{'path':'/p','action':'put','data':'eg=='},{'path':'/"
      "a','action':'put','text':'z'},"
      "{'path':'/none','absent':true}]}";
  auto before = e.last_assigned();
  CHECK(ask("bulk-update", all) == "{'done':true,'failed':[]}");
  CHECK(e.last_assigned() == before + 1);
  CHECK(data("/a") == "z");
  CHECK(data("/new") == "y");
  CHECK(data("/p") == "z");
  CHECK_FALSE(exists("/b"));
  CHECK(ask("bulk-update", all) ==
        "{'done':false,'failed':[{'item':0,'there':true,'version':2},{'item':1,'there':true,'version':0},"
        "{'item':2,'there':false,'version':0}]}");
  CHECK(e.last_assigned() == before + 1);
}

TEST_CASE_FIXTURE(fixture, "bulk-update: what is wrong beside the expectations is an error, and nothing happens") {
  make("/a"), make("/a/x");
  auto r = why("bulk-update", "{'items':[{'path':'/n','action':'create'},{'path':'/a','action':'delete'}]}");
  CHECK(r == "item 1: /a: the znode has children");
  CHECK_FALSE(exists("/n"));
  CHECK(ask("bulk-update", "{'items':[{'path':'/a','action':'delete','absent':true}]}") == "-8");
  CHECK(ask("bulk-update", "{'items':[{'path':'/a','action':'set','text':'x','data':'eA=='}]}") == "-8");
  CHECK(ask("bulk-update", "{'items':[{'path':'/a'},{'path':'/a','version':1}]}") ==
        "{'done':false,'failed':[{'item':1,'there':true,'version':0}]}");
}

// ---- delete-recursive

TEST_CASE_FIXTURE(fixture, "delete-recursive deletes a znode and all below it, in one transaction") {
  for (auto* path : {"/t", "/t/a", "/t/a/b", "/t/a/b/c", "/t/d", "/tt"}) make(path);
  CHECK(ask("delete-recursive", "{'path':'/t','max':4}") == "-8");
  CHECK(exists("/t/a/b/c"));
  CHECK(ask("delete-recursive", "{'path':'/t','keepTop':true,'max':4}") == "{'deleted':'4','more':false}");
  CHECK(ask("delete-recursive", "{'path':'/t','keepTop':true}") == "{'deleted':'0','more':false}");
  make("/t/x"), make("/t/x/y");
  auto before = e.last_assigned();
  CHECK(ask("delete-recursive", "{'path':'/t','max':3}") == "{'deleted':'3','more':false}");
  CHECK(e.last_assigned() == before + 1);
  CHECK_FALSE(exists("/t"));
  CHECK(exists("/tt"));
  CHECK(ask("delete-recursive", "{'path':'/t'}") == "-101");
}

TEST_CASE_FIXTURE(fixture, "delete-recursive may be asked to go on another time") {
  make("/t");
  for (int i = 0; i < 5; ++i) make("/t/" + std::to_string(i));
  CHECK(ask("delete-recursive", "{'path':'/t','max':4,'partial':true}") == "{'deleted':'4','more':true}");
  CHECK(ask("delete-recursive", "{'path':'/t','max':4,'partial':true}") == "{'deleted':'2','more':false}");
  CHECK_FALSE(exists("/t"));
}

TEST_CASE_FIXTURE(fixture, "delete-recursive of what has only just been proposed sees it") {
  c.send(op::create, create_body("/t"));
  for (int i = 0; i < 20; ++i) c.send(op::create, create_body("/t/" + std::to_string(i)));
  c.send(op::call, call_body("troupe.delete-recursive", "{\"path\":\"/t\"}"));
  c.send(op::create, create_body("/t"));
  e.commit();
  for (int i = 0; i < 21; ++i) CHECK(c.take()->error() == err::ok);
  CHECK(answer_of(*c.take()).text == "{\"deleted\":\"21\",\"more\":false}");
  CHECK(c.take()->error() == err::ok);
}

// ---- list

TEST_CASE_FIXTURE(fixture, "list gives the children of a znode by pages and filters, with what was asked for") {
  make("/l");
  for (auto* name : {"b", "a1", "a3", "a2"}) make("/l/"s + name, name);
  make("/l/a2/x");
  CHECK(ask("list", "{'path':'/l','limit':2}").starts_with("{'items':[{'name':'a1'"));
  auto names = [&](const std::string& request) {
    auto r = ask("list", request);
    std::string out;
    for (std::size_t at = 0; (at = r.find("'name':'", at)) != r.npos;)
      at += 8, out += r.substr(at, r.find('\'', at) - at) + " ";
    return out + (r.find("'more':true") != r.npos ? "+ " : "") + r.substr(r.rfind(':') + 2, 1);
  };
  CHECK(names("{'path':'/l'}") == "a1 a2 a3 b 4");
  CHECK(names("{'path':'/l','limit':2}") == "a1 a2 + 4");
  CHECK(names("{'path':'/l','limit':2,'after':'a2'}") == "a3 b 4");
  CHECK(names("{'path':'/l','prefix':'a','after':'a1'}") == "a2 a3 3");
  CHECK(names("{'path':'/l','prefix':'x'}") == "0");
  CHECK(names("{'path':'/l','limit':0}") == "+ 4");
  auto full = ask("list", "{'path':'/l','prefix':'a2','withData':true,'withStat':true,'asText':true}");
  CHECK(full.find("'text':'a2'") != std::string::npos);
  CHECK(full.find("'children':'1','dataLength':2") != std::string::npos);
  CHECK(ask("list", "{'path':'/none'}") == "-101");
}

TEST_CASE_FIXTURE(fixture,
                  "list ends a page before the reply would be too large, and names what the caller may not read") {
  make("/l");
  for (int i = 0; i < 9; ++i) make("/l/" + std::to_string(i), std::string(50'000, 'x'));
  auto page = ask("list", "{'path':'/l','withData':true}");
  CHECK(page.size() < (256u << 10));
  CHECK(page.find("'more':true") != std::string::npos);
  REQUIRE(c.call(op::set_acl, body().str("/l/0").acl({{zk::perm::write, {"world", "anyone"}}}).i32(-1)).error() ==
          err::ok);
  auto hidden = ask("list", "{'path':'/l','withStat':true,'limit':1}");
  CHECK(hidden.find("'name':'0','hidden':true") != std::string::npos);
  CHECK(hidden.find("'dataLength':0") != std::string::npos);
}

}  // namespace
}  // namespace troupe::test

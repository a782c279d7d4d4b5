// Whatever bytes a client or a follower sends, the processor neither crashes nor stops serving others.

#include <random>

#include "harness.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

std::vector<std::string> valid_frames() {
  std::vector<std::string> out;
  auto add = [&](op o, std::string_view rest) { out.push_back(body().i32(7).i32(static_cast<int>(o)).raw(rest)); };
  add(op::create, create_body("/a", "data", 2));
  add(op::create2, create_body("/a/b", "", 1, {{31, {"digest", "u:h"}}, {1, {"ip", "10.0.0.0/8"}}}));
  add(op::del, path_version("/a"));
  add(op::exists, path_watch("/a", true));
  add(op::get_data, path_watch("/a", true));
  add(op::set_data, set_body("/a", "x", 3));
  add(op::get_acl, body().str("/a"));
  add(op::set_acl, body().str("/a").acl({{31, {"world", "anyone"}}, {1, {"auth", ""}}}).i32(-1));
  add(op::get_children, path_watch("/", true));
  add(op::get_children2, path_watch("/", true));
  add(op::sync, body().str("/a"));
  add(op::ping, "");
  add(op::multi, multi_body({{op::create, create_body("/m-", "", 3)},
                             {op::check, path_version("/", -1)},
                             {op::set_data, set_body("/a", "y")},
                             {op::del, path_version("/a")}}));
  add(op::auth, body().i32(0).str("digest").str("u:p"));
  add(op::set_watches, body().i64(1).paths({"/a", "/b"}).paths({"/c"}).paths({"/", "/d"}));
  add(op::close_session, "");
  out.push_back(body().i32(0).i64(0).i32(10000).i64(0).str(std::string(16, '\0')).flag(false));
  return out;
}

std::string mutated(std::string s, std::mt19937& random) {
  for (auto n = 1 + random() % 4; n && !s.empty(); --n) {
    auto at = random() % s.size();
    switch (random() % 5) {
      case 0:
        s[at] = static_cast<char>(random());
        break;
      case 1:
        s[at] = static_cast<char>(s[at] ^ 1 << random() % 8);
        break;
      case 2:
        s.resize(at);
        break;
      case 3:
        s.insert(at, s.substr(at, random() % 16));
        break;
      case 4:
        s[at] = random() % 2 ? '\xff' : '\x7f';
        break;
    }
  }
  return s;
}

}  // namespace

// The fuzzer client_frames does this for longer, without followers.
TEST_CASE("fifty thousand mutated frames crash nobody, on a leader and on a follower") {
  std::mt19937 random(20240607);
  auto frames = valid_frames();
  ensemble e(2);
  std::vector<std::unique_ptr<client>> clients(4);
  std::size_t replies = 0;
  for (int i = 0; i < 50'000; ++i) {
    auto& c = clients[random() % clients.size()];
    if (!c || c->ended()) {
      if (c) c->lost();
      c = std::make_unique<client>(e, 1 + random() % 2);
      if (random() % 8) c->ask_session();
    }
    c->frame(mutated(frames[random() % frames.size()], random));
    if (random() % 4 == 0) e.commit(random() % 16);
    if (i % 512 == 0) {
      e.commit();
      for (auto& [n, s] : e.streams) replies += s.size(), s.clear();
      for (auto& one : clients)
        if (one) one->lost(), one.reset();
    }
  }
  e.commit();
  CHECK(replies > 10'000);
  for (auto& one : clients)
    if (one) one->lost();
  e.streams.clear();
  client sane(e, 2);
  sane.connect();
  CHECK(sane.call(op::create, create_body("/sane-", "", 2)).error() == err::ok);
  CHECK(e.at(1).outstanding() == 0);
  CHECK(e.at(2).outstanding() == 0);
  CHECK(e.db(1).zxid() == e.db(2).zxid());
  CHECK(e.db(1).node_count() == e.db(2).node_count());
  CHECK(e.db(1).data_size() == e.db(2).data_size());
}

TEST_CASE("a leader refuses mutated requests of a follower without harm") {
  std::mt19937 random(4711);
  ensemble e(2);
  client c(e, 2);
  c.connect();
  auto frames = valid_frames();
  op ops[] = {op::create, op::create2,        op::del,     op::set_data, op::set_acl, op::multi,
              op::sync,   op::create_session, op::get_data};
  std::size_t prepared = 0;
  for (int i = 0; i < 20'000; ++i) {
    commit::effects fx;
    auto bytes = mutated(frames[random() % frames.size()], random);
    if (bytes.size() > 8) bytes.erase(0, 8);
    auto session = random() % 8 ? c.session : 5;
    auto o = ops[random() % std::size(ops)];
    commit::forwarded_request r{static_cast<std::uint64_t>(i), session, 1, o, bytes, nullptr};
    e.at(1).on_forwarded(2, {r}, e.now_ms, fx);
    CHECK(fx.proposals.size() == 1);
    prepared += !fx.proposals[0].txn.empty();
  }
  CHECK(prepared > 0);
}

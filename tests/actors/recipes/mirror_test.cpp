#include "actors/recipes/mirror.hpp"

#include <doctest/doctest.h>

#include "tests/actors/recipes/fake_ensemble.hpp"

namespace troupe::recipes_test {
namespace {

using namespace recipes;

TEST_CASE("a mirror is the tree as of its zxid after every message, over broken connections and logs that end") {
  for (auto what : all_faults)
    for (std::size_t at = 0; at < 60; ++at) {
      CAPTURE(at);
      CAPTURE(static_cast<int>(what));
      fake_ensemble e(static_cast<std::uint32_t>(at));
      fake_client reader(e), writer(e);
      std::map<zxid_t, client::state> history;
      auto note = [&] { history[e.zxid] = e.state_of("/c", client::scope::subtree); };
      note();
      mirror m;
      reader.watch("/c", client::scope::subtree, 0, true, [&](const happening& h) {
        auto* state = std::get_if<client::state>(&h);
        state ? m.apply(*state) : m.apply(std::get<client::changes>(h));
        auto& then = history.at(m.zxid());
        CHECK(m.nodes().size() == then.list.size());
        for (auto& one : then.list) {
          REQUIRE(m.find(one.path));
          CHECK(*m.find(one.path) == mirrored{one.data, one.version, one.ephemeral_owner, one.czxid, one.mzxid});
        }
      });
      int writes = 0;
      std::function<void()> write = [&] {
        auto n = std::to_string(writes++ % 3);
        client::multi both;
        switch (writes % 4) {
          case 0:
            both.operations = {client::remove{"/c/" + n}, client::create{"/c/x" + n, "new"}};
            break;
          case 1:
            both.operations = {client::create{"/c/" + n, "1"}, client::create{"/c/" + n + "/y", "2"}};
            break;
          case 2:
            both.operations = {client::set_data{"/c", n}};
            break;
          default:
            both.operations = {client::remove{"/c/x" + n}};
            break;
        }
        writer.ask(both, [&](const recipes::answer&) {
          if (writes < 30) write();
        });
      };
      writer.ask(client::create{"/c", "top"}, [&](const recipes::answer&) { write(); });
      e.run(
          [&] {
            note();
            return false;
          },
          400, at, 0, what);
      note();
      CHECK(m.zxid() > 0);
      CHECK(m.nodes().size() == e.state_of("/c", client::scope::subtree).list.size());
    }
}

TEST_CASE("a mirror tells which paths changed, also when a state stands in for the changes") {
  mirror m;
  client::state s;
  s.zxid = 5, s.list = {{"/c", "a", 1, 1, 0, 0}, {"/c/gone", "", 2, 2, 0, 0}};
  CHECK(m.apply(s) == std::vector<std::string>{"/c", "/c/gone"});
  s.zxid = 9, s.list = {{"/c", "b", 1, 7, 1, 0}, {"/c/new", "", 8, 8, 0, 0}};
  CHECK(m.apply(s) == std::vector<std::string>{"/c", "/c/gone", "/c/new"});
  CHECK(m.apply(s).empty());
  client::changes c{0, 10, 0, {{zk::event::node_deleted, "/c/new", "", 0, 0}}};
  CHECK(m.apply(c) == std::vector<std::string>{"/c/new"});
  CHECK(m.zxid() == 10);
}

}  // namespace
}  // namespace troupe::recipes_test

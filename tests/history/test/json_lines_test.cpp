#include <doctest/doctest.h>

#include <sstream>

#include "tests/history/check.hpp"
#include "tests/history/json_lines.hpp"
#include "tests/history/test/reference.hpp"

namespace troupe::history::test {

namespace {
std::string text_of(const history& h) {
  std::ostringstream out;
  save(h, out);
  return out.str();
}
history read(const std::string& text) {
  std::istringstream in(text);
  history h;
  load(in, h);
  return h;
}
}  // namespace

TEST_CASE("a history that is saved and loaded is the same, and judged the same") {
  auto h = make({.seed = 3, .entries = 500});
  auto text = text_of(h);
  auto again = read(text);
  CHECK(text_of(again) == text);
  CHECK(again.entries.size() == h.entries.size());
  CHECK(again.log.size() == h.log.size());
  CHECK(check(again).empty());
}

TEST_CASE("bytes that are no text survive as hexadecimal") {
  history h;
  std::string data{"\0\xff\x80 z", 5};
  change c;
  c.what = change::kind::set_data, c.path = "/ä", c.data = data;
  h.log.push_back({1, 2, 3, 4, 5, {c}});
  auto again = read(text_of(h));
  CHECK(again.log.at(0).changes.at(0).data == data);
  CHECK(again.log.at(0).changes.at(0).path == "/ä");
  for (std::string bad : {"\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe4\xb8", "\x80"}) {
    h.log[0].changes[0].data = bad;
    CHECK(read(text_of(h)).log.at(0).changes.at(0).data == bad);
  }
}

TEST_CASE("a line that is no part of a history is refused with its number") {
  auto good = text_of(make({.seed = 1, .entries = 20}));
  CHECK_THROWS_WITH(read("{\"settings\":\"x\"}\n{\"entry\":\"nothing\"}\n"), "line 2: unknown kind 'nothing'");
  CHECK_THROWS_WITH(read("{\"what\":1}\n"), "line 1: neither entry, txn, settings nor base");
  CHECK_THROWS_AS(read(good.substr(0, good.size() - 5)), std::runtime_error);
}

TEST_CASE("the base of a log is kept, and judged from") {
  auto h = make({.seed = 12, .entries = 300});
  h.base.zxid = 0;
  h.base.sessions.push_back({77, 4000});
  base_state::node n;
  n.path = "/old", n.data = "x";
  n.stat.czxid = n.stat.mzxid = n.stat.pzxid = 0, n.stat.version = 4, n.stat.data_length = 1;
  h.base.nodes.push_back(n);
  auto again = read(text_of(h));
  REQUIRE(again.base.nodes.size() == 1);
  CHECK(again.base.nodes[0].stat.version == 4);
  CHECK(again.base.nodes[0].data == "x");
  REQUIRE(again.base.sessions.size() == 1);
  CHECK(again.base.sessions[0].timeout_ms == 4000);
}

TEST_CASE("recordings of several clients are brought into one order that claims no more than their clocks prove") {
  history h;
  auto add = [&](client_id c, std::int64_t at, entry::kind what, call_id id) {
    auto& e = h.entries.emplace_back();
    e.client = c, e.at_us = at, e.what = what, e.call = id;
  };
  add(1, 10, entry::kind::call, 1), add(1, 20, entry::kind::reply, 1), add(1, 20, entry::kind::call, 2);
  add(2, 20, entry::kind::call, 3), add(2, 19, entry::kind::reply, 3);
  sort(h);
  std::vector<std::pair<client_id, call_id>> order;
  for (auto& e : h.entries) order.emplace_back(e.client, e.call);
  // Client 2's call stands before client 1's reply of the same instant, and its reply, whose clock stepped back, after.
  CHECK(order == std::vector<std::pair<client_id, call_id>>{{1, 1}, {2, 3}, {1, 1}, {1, 2}, {2, 3}});
}

}  // namespace troupe::history::test

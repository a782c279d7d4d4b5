#pragma once
/// A machine with a world that only remembers what it was told.

#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "actors/client/machine.hpp"
#include "tests/actors/client/scripted_node.hpp"

namespace troupe::testing {

struct machine_fixture : client::outside {
  struct told {
    std::int32_t code;
    zxid_t zxid;
    std::string body, why;
    std::int64_t reference;
  };

  explicit machine_fixture(client::machine_options o = defaults()) : m(std::move(o), *this) { m.start(now); }
  static client::machine_options defaults() {
    client::machine_options o;
    o.nodes = 3, o.timeout_ms = 9'000;
    return o;
  }

  // ---- outside
  void dial(std::size_t node) override { dialled = node, dials.push_back(node); }
  void hang_up() override { dialled.reset(), up = false, sent.clear(); }
  void output_waits() override { waits = true; }
  void answer(client::ticket t, const client::outcome& o) override {
    REQUIRE_MESSAGE(answers.count(t) == 0, "request ", t, " is answered twice");
    answers[t] = {o.code, o.zxid, std::string(o.body), std::string(o.why), o.reference};
    order.push_back(t);
  }
  bool wanted(client::ticket t) override { return unwanted.count(t) == 0; }
  void session_is(client::session_event e) override { sessions.push_back(e.state); }
  void note(std::string_view line) override { notes.emplace_back(line); }
  void tell(client::changes&& c) override { events.emplace_back(std::move(c)); }
  void tell(client::state&& s) override { events.emplace_back(std::move(s)); }
  void tell(client::subscription_ended&& e) override { events.emplace_back(std::move(e)); }

  // ---- the other side
  /// What the client says now.
  std::vector<heard> listen() {
    client::word_buffer out;
    while (m.fill(now, out, 1 << 20)) {
    }
    client::frame_buffer in(64 << 20);
    while (!out.empty()) {
      auto space = in.prepare();
      auto n = std::min(space.size(), out.size() * 8);
      std::memcpy(space.data(), out.data(), n);
      in.add(n);
      out.erase(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(n / 8));
      auto more = hear_all(in);
      sent.insert(sent.end(), more.begin(), more.end());
    }
    return std::exchange(sent, {});
  }
  void hears(const message& what) { m.on_message(now, what); }
  /// The dialled node answers; back with the client's Hello.
  heard pick_up() {
    REQUIRE(dialled.has_value());
    m.on_dialled(now);
    auto said = listen();
    REQUIRE(said.size() == 1);
    REQUIRE(said[0].is == heard::what::hello);
    return said[0];
  }
  heard connect(std::int64_t session = 77) {
    auto h = pick_up();
    hears(welcome(session));
    return h;
  }
  void lose() { m.on_lost(now, "cut"); }
  /// Lets time pass in ticks.
  void pass(std::int64_t ms) {
    for (; ms > 0; ms -= 10) now += 10, m.on_tick(now);
  }

  client::ticket ask(client::kind what, zk::op op, const std::string& path, std::int64_t deadline_ms = 0) {
    auto t = next++;
    m.ask(now, t, what, op, deadline_ms, [&](jute::writer& w) { w.ustring(path); });
    return t;
  }
  client::ticket read(const std::string& path, std::int64_t deadline_ms = 0) {
    return ask(client::kind::read, zk::op::get_data, path, deadline_ms);
  }
  client::ticket write(const std::string& path, std::int64_t deadline_ms = 0) {
    return ask(client::kind::write, zk::op::set_data, path, deadline_ms);
  }
  std::pair<client::ticket, std::int64_t> subscribe(zxid_t since = -1) {
    auto t = next++;
    return {t, m.subscribe(now, t, 0, "/s", client::scope::subtree, true, since)};
  }
  bool answered(client::ticket t) const { return answers.count(t) != 0; }
  std::int32_t code(client::ticket t) const {
    REQUIRE_MESSAGE(answered(t), "request ", t, " is not answered");
    return answers.at(t).code;
  }

  std::int64_t now = 1'000'000;
  std::optional<std::size_t> dialled;
  std::vector<std::size_t> dials;
  bool up = false, waits = false;
  std::vector<heard> sent;
  std::map<client::ticket, told> answers;
  std::vector<client::ticket> order;
  std::set<client::ticket> unwanted;
  std::vector<client::session_state> sessions;
  std::vector<std::string> notes;
  std::vector<std::variant<client::changes, client::state, client::subscription_ended>> events;
  client::ticket next = 0;
  client::machine m;
};

}  // namespace troupe::testing

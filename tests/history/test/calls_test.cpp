#include <doctest/doctest.h>

#include <functional>

#include "tests/history/check.hpp"

namespace troupe::history::test {
namespace {

/// One session of one client: what it called, what it was told, and the log.
class story {
 public:
  story() {
    ask(zk::op::create_session, "").timeout_ms = 1000;
    entry(entry::kind::connected).timeout_ms = 1000;
    auto& open = transaction().emplace_back();
    open.what = change::kind::open_session, open.op = zk::op::create_session;
    open.session = session_id_, open.timeout_ms = 1000;
  }

  request& ask(zk::op op, const std::string& path, const std::string& data = "", std::int32_t version = -1) {
    ++calls_;
    auto& r = entry(entry::kind::call).asked;
    r.op = op, r.path = path, r.data = data, r.version = version;
    return r;
  }
  void told(const std::string& reply, zk::err error = zk::err::ok) {
    auto& e = entry(entry::kind::reply);
    e.zxid = h.log.back().zxid;
    e.got.error = error, e.got.data = reply;
  }
  void lose(std::size_t last_calls) {
    auto last = calls_;
    for (calls_ -= last_calls - 1; calls_ < last; ++calls_) entry(entry::kind::lost);
    entry(entry::kind::lost);
    auto& e = h.entries.emplace_back();
    e.what = entry::kind::disconnected, e.client = 1, e.session = session_id_;
    e.at_us = static_cast<std::int64_t>(h.entries.size());
  }
  std::vector<change>& transaction() {
    auto& t = h.log.emplace_back();
    t.zxid = make_zxid(1, static_cast<std::uint32_t>(h.log.size()));
    t.session = session_id_, t.time_ms = 1, t.origin = 2, t.request_id = h.log.size();
    return t.changes;
  }
  static change created(const std::string& path, const std::string& data, std::int32_t number) {
    change c;
    c.what = change::kind::create, c.op = zk::op::create, c.path = path, c.data = data, c.parent_creates = number;
    return c;
  }
  static change set(const std::string& path, const std::string& data, std::int32_t version) {
    change c;
    c.what = change::kind::set_data, c.op = zk::op::set_data, c.path = path, c.data = data, c.version = version;
    return c;
  }
  static change deleted(const std::string& path) {
    change c;
    c.what = change::kind::del, c.op = zk::op::del, c.path = path;
    return c;
  }
  void create(const std::string& path, const std::string& data, std::int32_t number) {
    ask(zk::op::create, path, data);
    transaction() = {created(path, data, number)};
    told(""), h.entries.back().got.path = path;
  }
  bool right() const {
    auto found = check(h);
    if (!found.empty()) said = describe(h, found.front());
    return found.empty();
  }

  history h;
  mutable std::string said;

 private:
  struct entry& entry(entry::kind what) {
    auto& e = h.entries.emplace_back();
    e.what = what, e.client = 1, e.node = 2, e.call = calls_;
    e.at_us = static_cast<std::int64_t>(h.entries.size());
    if (calls_ > 1 || what != entry::kind::call) e.session = session_id_;
    return e;
  }
  static constexpr session_id session_id_ = 7;
  call_id calls_ = 0;
};

const std::string first = R"({"value":"2","previous":"0","changed":true,"version":0})",
                  second = R"({"value":"5","previous":"2","changed":true,"version":1})",
                  none = R"({"value":"5","previous":"5","changed":false,"version":1})";

/// Two adds and one that changes nothing; `spoil` may change it before it is checked.
bool counted(const std::function<void(story&)>& spoil = [](story&) {}) {
  story s;
  s.ask(zk::op::call, "/n", "add", 2);
  s.transaction() = {story::created("/n", "2", 1)};
  s.told(first);
  s.ask(zk::op::call, "/n", "add", 3);
  s.transaction() = {story::set("/n", "5", 1)};
  s.told(second);
  s.ask(zk::op::call, "/n", "add", 0);
  s.told(none);
  s.ask(zk::op::call, "/none/n", "add", 1);
  s.told("", zk::err::no_node);
  spoil(s);
  return s.right();
}

}  // namespace

TEST_CASE("calls of the counter are held against the model's value at their zxids") {
  CHECK(counted());
  auto reply = [](story& s, std::size_t from_end) -> result& { return s.h.entries[s.h.entries.size() - from_end].got; };
  CHECK_FALSE(
      counted([&](story& s) { reply(s, 5).data = R"({"value":"6","previous":"3","changed":true,"version":1})"; }));
  CHECK_FALSE(counted([](story& s) { s.h.log[2].changes[0].data = "4"; }));
  CHECK_FALSE(counted([](story& s) { s.h.log[2].changes.push_back(story::created("/x", "", 2)); }));
  CHECK_FALSE(
      counted([&](story& s) { reply(s, 3).data = R"({"value":"2","previous":"2","changed":false,"version":0})"; }));
  CHECK_FALSE(counted([&](story& s) { reply(s, 3).data = second; }));  // it says that it changed something
  CHECK_FALSE(counted([&](story& s) { reply(s, 1).error = zk::err::no_auth; }));
}

TEST_CASE("of lost calls that look alike, the one that fits the tree is taken to have been granted") {
  auto taken = [](const std::vector<std::int32_t>& lost, std::vector<change> log) {
    story s;
    s.create("/q", "", 1), s.create("/q/a", "1", 1), s.create("/q/b", "2", 2);
    for (auto most : lost) s.ask(zk::op::call, "/q", "take", most);
    s.lose(lost.size());
    s.transaction() = std::move(log);
    return s.right();
  };
  CHECK(taken({3, 1}, {story::deleted("/q/a")}));
  CHECK(taken({1, 3}, {story::deleted("/q/a"), story::deleted("/q/b")}));
  CHECK_FALSE(taken({3}, {story::deleted("/q/a")}));
  CHECK_FALSE(taken({1}, {story::deleted("/q/b")}));
  CHECK_FALSE(taken({2}, {story::deleted("/q/b"), story::deleted("/q/a")}));
}

TEST_CASE("delete-recursive deletes all of it, children first, or is refused") {
  auto deleted = [](std::vector<change> log, const std::string& reply) {
    story s;
    s.create("/q", "", 1), s.create("/q/a", "", 1), s.create("/q/a/x", "", 1), s.create("/q/b", "", 2);
    s.ask(zk::op::call, "/q", "delete");
    s.transaction() = std::move(log);
    s.told(reply);
    return s.right();
  };
  using s = story;
  const std::vector<change> all{s::deleted("/q/a/x"), s::deleted("/q/a"), s::deleted("/q/b"), s::deleted("/q")};
  CHECK(deleted(all, R"({"deleted":"4","more":false})"));
  CHECK_FALSE(deleted(all, R"({"deleted":"3","more":false})"));
  CHECK_FALSE(deleted({all[0], all[1], all[2]}, R"({"deleted":"3","more":false})"));
}

}  // namespace troupe::history::test

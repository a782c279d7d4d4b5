#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string_view>

#include "tests/history/test/reference.hpp"
#include "tests/history/wgl.hpp"

namespace troupe::history::test {

namespace {

using op_kind = operation::kind;
using operations = std::vector<operation>;

constexpr auto never = operation::never;

bool granted(const operation& o) { return o.end != never && o.error == zk::err::ok; }

/// Whether something that may end (or, if `creates`, begin) the znode's life ran at a time between these two.
bool disturbed(const operations& ops, const operation& first, const operation& second, bool creates) {
  return std::any_of(ops.begin(), ops.end(), [&](auto& o) {
    bool matters = creates ? o.what == op_kind::create : o.what == op_kind::remove || o.what == op_kind::end_session;
    return matters && o.begin < second.end && (o.end == never || o.end > first.begin);
  });
}

/// Two operations, the second called after the first was answered, that fit.
using pair_test = std::function<bool(const operation&, const operation&)>;
bool one_pair(operations& ops, dice& d, const pair_test& fits, operation*& a, operation*& b) {
  std::vector<std::pair<operation*, operation*>> all;
  for (auto& x : ops)
    for (auto& y : ops)
      if (x.end != never && x.end < y.begin && y.end != never && fits(x, y)) all.emplace_back(&x, &y);
  if (all.empty()) return false;
  std::tie(a, b) = all[d.below(all.size())];
  return true;
}

operation* one(operations& ops, dice& d, const std::function<bool(const operation&)>& fits) {
  std::vector<operation*> all;
  for (auto& o : ops)
    if (fits(o)) all.push_back(&o);
  return all.empty() ? nullptr : all[d.below(all.size())];
}

bool reads(const operation& o) { return o.what == op_kind::read && granted(o); }

bool value_out_of_nothing(operations& ops, dice& d) {
  auto* r = one(ops, d, reads);
  if (r) r->value = 1'000'000;
  return r;
}

bool version_out_of_nothing(operations& ops, dice& d) {
  auto* o =
      one(ops, d, [](auto& x) { return granted(x) && (reads(x) || (x.what == op_kind::set && x.version != -1)); });
  if (o) o->version += 1000;
  return o;
}

/// Every value is written once: once another was seen after it, it can't come back.
bool read_goes_back(operations& ops, dice& d) {
  operation *a = nullptr, *b = nullptr, *c = nullptr;
  if (!one_pair(
          ops, d, [](auto& x, auto& y) { return reads(x) && reads(y) && x.value != y.value; }, a, b))
    return false;
  c = one(ops, d, [&](auto& x) { return reads(x) && x.begin > b->end; });
  if (!c) return false;
  c->value = a->value, c->version = a->version;
  return true;
}

bool read_of_the_future(operations& ops, dice& d) {
  operation *a = nullptr, *b = nullptr;
  auto writes = [](auto& x, auto& y) { return reads(x) && y.what == op_kind::set && granted(y); };
  if (!one_pair(ops, d, writes, a, b)) return false;
  a->value = b->value, a->version = -1;
  return true;
}

bool read_of_the_overwritten(operations& ops, dice& d) {
  operation *a = nullptr, *b = nullptr;
  auto two = [](auto& x, auto& y) {
    return x.what == op_kind::set && y.what == op_kind::set && granted(x) && granted(y);
  };
  if (!one_pair(ops, d, two, a, b)) return false;
  auto* r = one(ops, d, [&](auto& x) { return reads(x) && x.begin > b->end; });
  if (!r) return false;
  r->value = a->value, r->version = -1;
  return true;
}

bool created_twice(operations& ops, dice& d) {
  operation *a = nullptr, *b = nullptr;
  auto two = [&](auto& x, auto& y) {
    return x.what == op_kind::create && granted(x) && y.what == op_kind::create && y.error == zk::err::node_exists &&
           !disturbed(ops, x, y, false);
  };
  if (!one_pair(ops, d, two, a, b)) return false;
  b->error = zk::err::ok;
  return true;
}

bool vanished(operations& ops, dice& d) {
  operation *a = nullptr, *b = nullptr;
  auto two = [&](auto& x, auto& y) {
    return (x.what == op_kind::create || x.what == op_kind::set) && granted(x) && reads(y) &&
           !disturbed(ops, x, y, false);
  };
  if (!one_pair(ops, d, two, a, b)) return false;
  b->error = zk::err::no_node, b->version = -1;
  return true;
}

bool survives_its_delete(operations& ops, dice& d) {
  operation *a = nullptr, *b = nullptr;
  auto two = [&](auto& x, auto& y) {
    return x.what == op_kind::remove && granted(x) && y.what != op_kind::create && y.error == zk::err::no_node &&
           !disturbed(ops, x, y, true);
  };
  if (!one_pair(ops, d, two, a, b)) return false;
  b->error = zk::err::ok;
  if (b->what == op_kind::read) b->value = -1;
  b->asked = -1;
  return true;
}

/// Two compare-and-sets both won, though nothing could have brought the version back.
bool lost_update(operations& ops, dice& d) {
  if (std::any_of(ops.begin(), ops.end(),
                  [](auto& o) { return o.what == op_kind::remove || o.what == op_kind::end_session; }))
    return false;
  auto* o = one(ops, d, [](auto& x) { return x.what == op_kind::set && granted(x) && x.asked != -1; });
  if (!o) return false;
  auto twin = *o;
  ops.push_back(twin);
  return true;
}

/// The lock is given to a second holder while the first one's session is known to go on.
bool two_holders(operations& ops, dice& d) {
  operation *a = nullptr, *b = nullptr;
  auto two = [&](auto& x, auto& y) {
    if (x.what != op_kind::create || y.what != op_kind::create || !x.session || !granted(x)) return false;
    if (y.error != zk::err::node_exists) return false;
    return std::none_of(ops.begin(), ops.end(), [&](auto& o) {
      bool ends = o.what == op_kind::remove || (o.what == op_kind::end_session && o.session == x.session);
      return ends && o.begin < y.end && (o.end == never || o.end > x.begin);
    });
  };
  // Sessions that might end without being told would explain anything: let them end when they were seen to.
  std::erase_if(ops, [](auto& o) { return o.what == op_kind::end_session && o.end == never; });
  if (!one_pair(ops, d, two, a, b)) return false;
  b->error = zk::err::ok;
  return true;
}

struct kind_of_fault {
  const char* name;
  bool (*apply)(operations&, dice&);
};
const kind_of_fault faults[] = {
    {"a value out of nothing", value_out_of_nothing},
    {"a version out of nothing", version_out_of_nothing},
    {"a read goes back", read_goes_back},
    {"a read of the future", read_of_the_future},
    {"a read of what was overwritten", read_of_the_overwritten},
    {"a znode is created twice", created_twice},
    {"a znode vanishes", vanished},
    {"a znode survives its delete", survives_its_delete},
    {"a lost update", lost_update},
    {"a lock with two holders", two_holders},
};

// ---- the same question answered by trying every order

struct naive_state {
  std::optional<std::pair<std::int32_t, std::int32_t>> there;  // version, value
  std::int64_t owner = 0;
};

bool naive_step(naive_state& s, const operation& o) {
  auto right = zk::err::ok;
  if (o.what == op_kind::create) {
    if (s.there) right = zk::err::node_exists;
  } else if (o.what != op_kind::end_session) {
    if (!s.there)
      right = zk::err::no_node;
    else if (o.asked != -1 && o.asked != s.there->first)
      right = zk::err::bad_version;
  }
  if (o.end != never && o.error != right) return false;
  if (right != zk::err::ok) return true;
  switch (o.what) {
    case op_kind::create:
      s.there = {0, o.value}, s.owner = o.session;
      return true;
    case op_kind::set:
      ++s.there->first, s.there->second = o.value;
      return o.version == -1 || o.version == s.there->first;
    case op_kind::remove:
      s = {};
      return true;
    case op_kind::read:
      return (o.value == -1 || s.there->second == o.value) && (o.version == -1 || s.there->first == o.version);
    case op_kind::end_session:
      if (s.there && s.owner == o.session) s = {};
      return true;
  }
  return false;
}

bool naive(const operations& ops, std::vector<bool>& done, const naive_state& s) {
  bool over = true;
  for (std::size_t i = 0; i < ops.size(); ++i) over = over && (done[i] || ops[i].end == never);
  if (over) return true;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    if (done[i]) continue;
    bool too_early = false;
    for (std::size_t k = 0; k < ops.size(); ++k)
      too_early = too_early || (!done[k] && k != i && ops[k].end != never && ops[k].end < ops[i].begin);
    auto next = s;
    if (too_early || !naive_step(next, ops[i])) continue;
    done[i] = true;
    if (naive(ops, done, next)) return true;
    done[i] = false;
  }
  return false;
}

operations random_operations(dice& d) {
  operations ops;
  auto n = 2 + d.below(5);
  std::vector<std::size_t> moments;
  for (std::size_t i = 0; i < 2 * n; ++i) moments.push_back(i);
  for (std::size_t i = moments.size(); i-- > 1;) std::swap(moments[i], moments[d.below(i + 1)]);
  for (std::size_t i = 0; i < n; ++i) {
    operation o;
    o.begin = std::min(moments[2 * i], moments[2 * i + 1]), o.end = std::max(moments[2 * i], moments[2 * i + 1]);
    o.what = static_cast<op_kind>(d.below(5));
    o.value = static_cast<std::int32_t>(d.below(2));
    bool compares = o.what == op_kind::set || o.what == op_kind::remove;
    if (compares && d.one_in(2)) o.asked = static_cast<std::int32_t>(d.below(2));
    if (o.what == op_kind::create && d.one_in(2)) o.session = 1;
    if (o.what == op_kind::end_session) o.session = 1;
    if (o.what == op_kind::create && d.one_in(3)) o.error = zk::err::node_exists;
    if ((compares || o.what == op_kind::read) && d.one_in(3)) o.error = zk::err::no_node;
    if (compares && o.asked != -1 && d.one_in(3)) o.error = zk::err::bad_version;
    if (o.what == op_kind::read && o.error == zk::err::ok && d.one_in(2))
      o.version = static_cast<std::int32_t>(d.below(2));
    if (o.what != op_kind::read && d.one_in(4)) o.end = never, o.error = zk::err::ok;
    ops.push_back(o);
  }
  return ops;
}

}  // namespace

TEST_CASE("every mutation of a linearizable history that leaves no order is rejected") {
  constexpr std::size_t wanted = 110;  // of each kind
  std::map<std::string_view, std::size_t> done;
  std::size_t total = 0;
  for (std::uint64_t seed = 1; seed <= 3000 && total < wanted * std::size(faults); ++seed) {
    const auto right = operations_by_znode(make({.seed = seed, .entries = 200, .registers_only = true}));
    for (auto& fault : faults) {
      dice d(seed);
      for (auto& [named, as_done] : right) {
        if (done[fault.name] == wanted) break;
        const auto& path = named;  // clang's lambdas, as in CAPTURE, do not see the names of bindings
        auto ops = as_done;
        if (!fault.apply(ops, d)) continue;
        ++done[fault.name], ++total;
        INFO(fault.name);
        CAPTURE(seed);
        CAPTURE(path);
        CHECK(linearizable(ops) == linearizability::no);
      }
    }
  }
  for (auto& fault : faults) {
    INFO(fault.name);
    CHECK(done[fault.name] == wanted);
  }
  CHECK(total >= 1000);
}

TEST_CASE("the search agrees with trying every order, on 20,000 small histories") {
  std::size_t yes = 0;
  for (std::uint64_t seed = 1; seed <= 20'000; ++seed) {
    dice d(seed);
    auto ops = random_operations(d);
    std::vector<bool> done(ops.size());
    bool right = naive(ops, done, {});
    yes += right;
    CAPTURE(seed);
    REQUIRE((linearizable(ops) == linearizability::yes) == right);
  }
  CHECK(yes > 2000);
  CHECK(yes < 18'000);
}

}  // namespace troupe::history::test

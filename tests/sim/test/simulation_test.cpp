// The simulator itself: it is deterministic, it sees what is broken, and its faults really fire.

#include <doctest/doctest.h>
#include <unistd.h>

#include <csignal>
#include <set>
#include <sstream>

#include "tests/sim/campaign.hpp"
#include "tests/sim/checks.hpp"
#include "tests/sim/fault_kinds.hpp"

using namespace troupe::sim;

namespace {

stage& the_stage() {
  static auto* system = new stage_system;  // CAF's system is not ended: it would wait for actors of the test's end
  static auto* one = new stage(system->system);
  return *one;
}

}  // namespace

TEST_CASE("the same seed takes the same way, whatever ran before it") {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    auto first = run(the_stage(), random_options(seed));
    auto second = run(the_stage(), random_options(seed));
    CAPTURE(seed);
    CHECK(first.trace_hash == second.trace_hash);
    CHECK(first.steps == second.steps);
    CHECK(first.counts == second.counts);
  }
}

TEST_CASE("looking does not change what happens: a traced seed takes the way of one that is not") {
  for (std::uint64_t seed : {3, 7, 12}) {
    auto plain = run(the_stage(), random_options(seed));
    auto traced = run(the_stage(), random_options(seed), keep::trace);
    CHECK(plain.trace_hash == traced.trace_hash);
    CHECK_FALSE(traced.trace.empty());
    CHECK_FALSE(traced.seen.entries.empty());
  }
}

TEST_CASE("different seeds take different ways") {
  auto a = run(the_stage(), random_options(1)), b = run(the_stage(), random_options(2));
  CHECK(a.trace_hash != b.trace_hash);
}

TEST_CASE("every kind of fault can be switched off by its name, and no other name is one") {
  options o = random_options(5);
  for (auto& kind : all_fault_kinds()) switch_off(o, kind);
  CHECK(fault_kinds(o).empty());
  CHECK_THROWS_AS(switch_off(o, "earthquake"), std::invalid_argument);
  auto calm = run(the_stage(), o);
  CHECK(calm.good);
  CHECK(calm.counts.count("crash") == 0);
  CHECK(calm.counts.at("leader established") == 1);
}

TEST_CASE("over some hundred seeds every kind of fault fires") {
  std::set<std::string> not_yet{"link broken",
                                "partition",
                                "one-way partition",
                                "clog",
                                "clog released",
                                "client cut off",
                                "repeated vote",
                                "crash",
                                "crash of all",
                                "crash in a write",
                                "crash in recovery",
                                "stop",
                                "rolling restart",
                                "pause",
                                "clock that drifts",
                                "wall clock jump",
                                "clock stands still",
                                "input that waits for answers",
                                "disk stalled",
                                "disk: write error",
                                "disk: sync error",
                                "disk: disk full",
                                "disk: commit lost",
                                "disk: sector lost",
                                "disk: sector kept",
                                "disk: sector of an older write",
                                "error of the disk in recovery",
                                "rot",
                                "lost commit",
                                "wipe",
                                "wipe while another lags",
                                "minority left dead",
                                "leader frozen",
                                "client moved",
                                "elected leader hidden",
                                "crash in a copy",
                                "truncation failed",
                                "slow frame",
                                "slow sync",
                                "refused to start",
                                "session expired",
                                "session re-attached",
                                "watch event",
                                "tree compared"};
  campaign c;
  for (c.first = 1; c.first <= 400 && !not_yet.empty(); c.first += 50) {
    c.last = c.first + 49;
    auto r = run(c);
    CHECK(r.findings.empty());
    std::erase_if(not_yet, [&](auto& what) { return r.counts[what] > 0; });
  }
  for (auto& what : not_yet) FAIL_CHECK(what << " never fired");
}

TEST_CASE("a campaign takes the same ways on one process, on three, and in this one") {
  campaign c;
  c.first = 11, c.last = 30;
  auto here = run(c);
  CHECK(here.seeds == 20);
  for (int jobs : {1, 3}) {
    c.jobs = jobs;
    auto there = run(c);
    CHECK(there.trace_hash == here.trace_hash);
    CHECK(there.seeds == here.seeds);
    CHECK(there.steps == here.steps);
    CHECK(there.counts == here.counts);
  }
}

TEST_CASE("a seed that ends its process, or hangs, is a finding, and the other seeds are run") {
  campaign c;
  c.first = 1, c.last = 12, c.jobs = 2, c.patience = std::chrono::seconds(1);
  auto r = run(c, [](stage&, const options& o) {
    if (o.seed == 3) std::raise(SIGKILL);
    if (o.seed == 5) _exit(7);
    if (o.seed == 8) pause();
    outcome out;
    if (o.seed == 9) out.good = false, out.check = "total_order", out.what = "total_order: made up";
    return out;
  });
  CHECK(r.seeds == 12);
  REQUIRE(r.findings.size() == 4);
  CHECK(r.findings[0].seed == 3);
  CHECK(r.findings[0].check == process_check);
  CHECK(r.findings[0].what.find("signal 9") != std::string::npos);
  CHECK(r.findings[1].seed == 5);
  CHECK(r.findings[1].what.find("status 7") != std::string::npos);
  CHECK(r.findings[2].seed == 8);
  CHECK(r.findings[2].what.find("hangs") != std::string::npos);
  CHECK(r.findings[3].seed == 9);
  CHECK(r.findings[3].check == "total_order");
}

TEST_CASE("a seed that goes two ways is a finding, and its replay runs it twice") {
  campaign c;
  c.first = c.last = 4, c.twice = true;
  int n = 0;
  auto r = run(c, [&](stage&, const options&) {
    outcome out;
    out.trace_hash = static_cast<std::uint64_t>(++n);
    return out;
  });
  REQUIRE(r.findings.size() == 1);
  CHECK(r.findings[0].check == same_trace_check);
  std::ostringstream said;
  explain(said, c, r.findings[0]);
  CHECK(said.str().find("replay: troupe simulate --seed 4 --twice") != std::string::npos);
}

TEST_CASE("seeds are read as a number or as two, and nothing else") {
  std::uint64_t a = 0, b = 0;
  CHECK(parse_seeds("7", a, b));
  CHECK(a == 7);
  CHECK(b == 7);
  CHECK(parse_seeds("3..9", a, b));
  CHECK(a == 3);
  CHECK(b == 9);
  for (auto* wrong : {"", "..", "9..3", "a", "1..", "..2", "-1", "1...3"}) CHECK_FALSE(parse_seeds(wrong, a, b));
}

TEST_CASE("each invariant has a name of its own and a sentence") {
  std::set<std::string> names;
  for (auto& c : checks()) {
    CHECK(names.insert(c.name).second);
    CHECK(std::string(c.sentence).size() > 20);
  }
}

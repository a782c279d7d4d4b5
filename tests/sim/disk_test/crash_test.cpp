// A crash in every disk operation of a workload: what was acknowledged is there again, and what was under way is there
// as a whole or not at all.
#include "fixture.hpp"

using namespace troupe;
using namespace troupe::sim;

namespace {

struct crash_plan {
  crash kind;
  unsynced mode;
  std::uint64_t seed;
};

const std::vector<crash_plan>& plans() {
  static const std::vector<crash_plan> p{{crash::process, unsynced::keep, 1}, {crash::power, unsynced::lose, 1},
                                         {crash::power, unsynced::keep, 1},   {crash::power, unsynced::tear, 1},
                                         {crash::power, unsynced::tear, 2},   {crash::power, unsynced::tear, 3},
                                         {crash::power, unsynced::random, 4}};
  return p;
}

}  // namespace

TEST_CASE("a crash in any operation of a workload leaves what was acknowledged, and the write under way whole or not") {
  for (std::size_t journal_bytes : {8192u, 65536u}) {
    auto operations = operations_of_script(journal_bytes);
    REQUIRE(operations > 100);
    std::size_t went_on = 0;
    for (auto& plan : plans())
      for (std::uint64_t n = 1; n <= operations; ++n) {
        CAPTURE(journal_bytes);
        CAPTURE(plan.mode);
        CAPTURE(plan.seed);
        CAPTURE(n);
        seeded_disk x(plan.seed * 1000 + n);
        x.d.crash_at(n, plan.kind, plan.mode);
        std::size_t done = 0;
        try {
          auto s = open_storage(x.d, node_with(journal_bytes));
          done = run(x.d, s);
        } catch (const crashed&) {
        }
        REQUIRE(x.d.down());
        auto at = recovered(x.d, node_with(journal_bytes), done);
        went_on += at - done;
        // It can be used as if nothing had been, and is found again.
        if (at == 0) continue;
        auto s = open_storage(x.d, node_with(journal_bytes));
        auto last = s.log->state().last;
        write(*s.log, {records(epoch_of(last), counter_of(last) + 1, counter_of(last) + 1)});
        x.d.power_cut(unsynced::lose);
        CHECK(open_storage(x.d, node_with(journal_bytes)).log->state().last == last + 1);
      }
    CHECK(went_on > 20);  // some crashes come behind the moment in which the write is durable
  }
}

TEST_CASE("a crash in any operation of the recovery from a crash loses nothing either") {
  auto settings = node_with(16384);
  auto operations = operations_of_script(16384);
  for (std::uint64_t n = 3; n <= operations; n += 5)
    for (auto& plan : plans()) {
      std::uint64_t recovery = 1;
      for (std::uint64_t m = 1; m <= recovery; ++m) {
        CAPTURE(n);
        CAPTURE(m);
        CAPTURE(plan.mode);
        seeded_disk x(plan.seed + n);
        x.d.crash_at(n, plan.kind, plan.mode);
        std::size_t done = 0;
        try {
          auto s = open_storage(x.d, settings);
          done = run(x.d, s);
        } catch (const crashed&) {
        }
        auto before = x.d.operations();
        x.d.crash_at(m, crash::power, plan.mode);
        try {
          open_storage(x.d, settings);
          recovery = x.d.operations() - before;
          x.d.power_cut(unsynced::lose);
        } catch (const crashed&) {
          ++recovery;
        }
        recovered(x.d, settings, done);
      }
    }
}

TEST_CASE("a power cut between writes leaves exactly what the durable image said before it") {
  for (auto mode : {unsynced::lose, unsynced::keep, unsynced::tear})
    for (std::size_t stop = 1; stop <= script().size(); ++stop) {
      CAPTURE(stop);
      seeded_disk x(stop);
      auto s = open_storage(x.d, node_with(16384));
      for (std::size_t i = 0; i < stop; ++i) script()[i].run(*s.log, *s.state);
      auto image = x.d.durable().state();
      auto found = s.log->state();
      std::vector<std::pair<zxid_t, std::string>> payloads;
      auto should = states()[stop].log;
      for (auto& r : should.read(should.state().base, SIZE_MAX).records) {
        auto p = x.d.durable().find(r.zxid);
        REQUIRE(p.has_value());
        CHECK(*p == r.payload.view());
        payloads.emplace_back(r.zxid, *p);
      }
      x.d.power_cut(mode);
      CHECK_THROWS_AS(write(*s.log, {zab::set_accepted_epoch{9}}), crashed);
      s = {};
      CHECK(!x.d.in_use());
      auto again = open_storage(x.d, node_with(16384));
      if (states()[stop].log.unfinished_install() == 0) CHECK(again.log->state().last == image.last);
      CHECK(image.last == found.last);
      CHECK(difference(again, states()[stop]) == "");
      for (auto& r : again.log->read(again.log->state().base, SIZE_MAX).records) {
        auto p = x.d.durable().find(r.zxid);
        REQUIRE(p.has_value());
        CHECK(*p == r.payload.view());
      }
      for (auto& [z, p] : payloads)
        if (z > again.log->state().base) CHECK(x.d.durable().find(z) == p);
    }
}

TEST_CASE("a node that closes its stores in order is found as it was") {
  seeded_disk x(1);
  for (std::size_t i = 0; i < script().size(); ++i) {
    auto s = open_storage(x.d, node_with(65536));
    if (i && script()[i].name != "chunk" && script()[i - 1].name != "chunk")
      REQUIRE(difference(s, states()[i]) == "");
    else if (script()[i].name == "chunk")
      break;  // an install does not go on in another process
    script()[i].run(*s.log, *s.state);
  }
  CHECK(x.d.fired().empty());
}

TEST_CASE("a disk in use is not opened a second time, and one of another node is refused") {
  seeded_disk x(1);
  {
    auto s = open_storage(x.d, small_storage(1));
    CHECK(has(refusal([&] { open_storage(x.d, small_storage(1)); }), "in use"));
    x.d.process_crash();
    auto other = open_storage(x.d, small_storage(1));
    s = {};
    CHECK(x.d.in_use());
  }
  CHECK(!x.d.in_use());
  auto other = small_storage(2);
  CHECK(has(refusal([&] { open_storage(x.d, other); }), "belongs to node 1 of ensemble 'troupe', this is node 2"));
  x.d.wipe();
  CHECK(open_storage(x.d, other).log->state().last == 0);
}

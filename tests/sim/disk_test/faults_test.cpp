// Errors of the disk: the node stops at the first one, and what it had acknowledged is there when it comes back.
#include "fixture.hpp"
#include "persistence/slot_file.hpp"

using namespace troupe;
using namespace troupe::sim;

namespace {

struct outcome {
  std::size_t done = 0;  ///< steps that returned
  std::string error;     ///< the first one
  bool opened = false;
};

// Opens and runs the script up to its end or the first error; then nothing of what stopped may be used.
outcome run_to_error(disk& d, const persistence::storage_settings& settings) {
  outcome out;
  persistence::storage s;
  out.error = refusal([&] { s = open_storage(d, settings); });
  if (!s.log) return d.process_crash(), out;
  out.opened = true;
  out.error = refusal([&] {
    for (; out.done < script().size(); ++out.done) script()[out.done].run(*s.log, *s.state);
  });
  if (out.error.empty()) return out;
  auto log_stopped = !refusal([&] { write(*s.log, {}); }).empty();
  auto state_stopped = !refusal([&] { s.state->load(); }).empty();
  CHECK((log_stopped || state_stopped));
  d.process_crash();
  return out;
}

}  // namespace

TEST_CASE("a node stops at the first failed write or sync, whichever it is, and keeps what it acknowledged") {
  auto settings = node_with(8192);
  auto operations = operations_of_script(8192);
  for (bool sync : {true, false}) {
    std::size_t failed = 0, went_on = 0;
    for (std::uint64_t n = 1; n <= operations; ++n)
      for (auto mode : {unsynced::lose, unsynced::keep, unsynced::tear, unsynced::random}) {
        CAPTURE(sync);
        CAPTURE(n);
        CAPTURE(mode);
        seeded_disk x(n);
        if (sync)
          x.d.fail_sync(n);
        else
          x.d.fail_write(n);
        auto o = run_to_error(x.d, settings);
        failed += !o.error.empty();
        x.d.heal();
        // A directory that never opened has nothing to lose: it may be refused, and is made anew.
        if (!o.opened) {
          auto text = refusal([&] { open_storage(x.d, settings); });
          x.d.power_cut(mode);
          if (text.empty()) text = refusal([&] { open_storage(x.d, settings); });
          if (!text.empty()) CHECK(has(text, "move the data directory away"));
          continue;
        }
        // Another process on the same kernel, which shows pages that never came to the disk; `random`: a power cut at
        // once. What that process found, and may have told others, must outlive the next power cut.
        if (mode == unsynced::random) x.d.power_cut(unsynced::tear);
        auto s = open_storage(x.d, settings);
        auto found = s.log->state();
        x.d.power_cut(mode);
        s = {};
        auto at = recovered(x.d, settings, o.done);
        went_on += at - o.done;
        s = open_storage(x.d, settings);
        REQUIRE(s.log->state().last == found.last);
        REQUIRE(s.log->state().accepted_epoch == found.accepted_epoch);
        REQUIRE(s.log->state().current_epoch == found.current_epoch);
      }
    CHECK(failed > 100);
    CHECK(went_on > 0);
  }
}

TEST_CASE(
    "a start that fails or is killed, at whatever operation, costs nothing: not after the next one and a power "
    "failure") {
  const auto settings = small_storage(1);
  auto disturb = [](disk& d, int how, std::uint64_t n) {
    if (how == 0) d.crash_at(n, crash::process);
    if (how == 1) d.crash_at(n, crash::power, unsynced::lose);
    if (how == 2) d.fail_write(n);
    if (how == 3) d.fail_sync(n);
  };
  auto start = [&](disk& d) {  // whether it came up
    try {
      open_storage(d, settings);
      return true;
    } catch (const crashed&) {
      return false;
    } catch (const persistence::storage_error&) {
      return false;
    }
  };
  int failed = 0;
  for (bool with_data : {false, true})
    for (int how = 0; how < 4; ++how)
      for (std::uint64_t n = 1; n <= 24; ++n) {
        CAPTURE(with_data);
        CAPTURE(how);
        CAPTURE(n);
        seeded_disk x(n);
        if (with_data) {
          auto s = open_storage(x.d, settings);
          establish(*s.log, 1);
          write(*s.log, {records(1, 1, 9)});
          x.d.process_crash();
        }
        disturb(x.d, how, n);
        failed += !start(x.d);
        x.d.heal();
        zab::log_state before;
        {
          auto s = open_storage(x.d, settings);
          before = s.log->state();
          x.d.process_crash();  // all that it has now was there before, or is nothing
        }
        x.d.power_cut(unsynced::lose);
        auto s = open_storage(x.d, settings);
        CHECK(s.log->state().last == before.last);
        CHECK(before.last == (with_data ? make_zxid(1, 9) : 0));
        CHECK(s.log->state().current_epoch == before.current_epoch);
      }
  CHECK(failed > 40);
}

TEST_CASE(
    "what a slot file says when it is opened is on the disk, though its last write was killed or failed to sync") {
  for (bool killed : {true, false}) {
    CAPTURE(killed);
    seeded_disk x(1);
    auto& on = x.d.medium();
    {
      persistence::slot_file file("node1/slots", on);
      file.write("first", true);
      on.sync_directory("node1");
      if (killed) {
        file.write("second", false);
      } else {
        x.d.fail_sync(1);
        CHECK(has(refusal([&] { file.write("second", true); }), "cannot sync"));
      }
    }
    x.d.process_crash();
    CHECK(persistence::slot_file("node1/slots", on).value() == "second");
    x.d.power_cut(unsynced::lose);
    CHECK(persistence::slot_file("node1/slots", on).value() == "second");
  }
}

TEST_CASE("an error names the file, the reason and what to do") {
  auto settings = node_with(65536);
  seeded_disk x(1);
  auto s = open_storage(x.d, settings);
  establish(*s.log, 1);
  x.d.fail_sync(1);
  auto text = refusal([&] { write(*s.log, {records(1, 1, 1)}); });
  CHECK(has(text, "node1/log/journal: cannot sync: Input/output error; the disk fails"));
  CHECK(has(refusal([&] { write(*s.log, {records(1, 2, 2)}); }), "stopped after an error"));
  CHECK(x.d.fired().at("sync error") == 1);
  x.d.process_crash();
  s = open_storage(x.d, settings);
  x.d.fail_write(1, ENOSPC);
  CHECK(has(refusal([&] { establish(*s.log, 7); }), "node1/log/data.mdb: cannot commit: No space left on device"));
}

TEST_CASE("a full disk stops the node, and room lets it go on where it was") {
  auto settings = node_with(8192);
  std::size_t full = 0;
  std::uint64_t all = 0;
  {
    seeded_disk x(1);
    run_to_error(x.d, settings);
    all = x.d.used_bytes();
  }
  for (std::uint64_t limit = 0; limit < all; limit += 777) {
    CAPTURE(limit);
    seeded_disk x(limit);
    x.d.limit(limit);
    auto o = run_to_error(x.d, settings);
    REQUIRE(o.error != "");
    full += x.d.fired().count("disk full");
    x.d.power_cut();
    x.d.limit(UINT64_MAX);
    recovered(x.d, settings, o.done);
  }
  CHECK(full > 50);
}

TEST_CASE("a disk below the watermark is refused with both numbers") {
  auto settings = small_storage(1);
  settings.min_free_bytes = std::size_t{64} << 20;
  seeded_disk x(1);
  x.d.limit(std::uint64_t{9} << 20);
  CHECK(has(refusal([&] { open_storage(x.d, settings); }), "only 9 MiB are free on its disk, needed are 64 MiB"));
  x.d.limit(std::uint64_t{90} << 20);
  CHECK(open_storage(x.d, settings).log->state().last == 0);
}

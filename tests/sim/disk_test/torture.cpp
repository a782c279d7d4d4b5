#include "torture.hpp"

#include "fixture.hpp"

namespace troupe::sim {

namespace {

class tortured_node {
 public:
  explicit tortured_node(std::uint64_t seed) : x_(seed), choice_(~seed) {
    settings_ = small_storage(1);
    settings_.journal_bytes = 4096 * (1 + below(6));
    settings_.flush_bytes = 2000 + below(20000);
    start(now_);
  }

  torture_report run(int steps) {
    for (int i = 0; i < steps; ++i) {
      if (below(12) == 0) arm();
      one_step();
      note(std::to_string(x_.d.operations()));
    }
    report_.fired = x_.d.fired();
    return std::move(report_);
  }

 private:
  std::uint64_t below(std::uint64_t n) { return choice_() % n; }
  void note(const std::string& s) { report_.trace += s + "\n"; }

  void arm() {
    switch (below(7)) {
      case 0:
        return x_.d.crash_at(1 + below(12), crash::process);
      case 1:
      case 2:
        return x_.d.crash_at(1 + below(12), crash::power);
      case 3:
        return x_.d.fail_write(1 + below(6), below(2) ? EIO : ENOSPC);
      case 4:
        return x_.d.fail_sync(1 + below(6));
      case 5:
        return x_.d.limit(x_.d.used_bytes() + below(3000));
      default:
        stop(below(2) ? crash::power : crash::process);
        return start(now_);
    }
  }

  // Opens until nothing stops it; the result must be one of two.
  void start(const model& other) {
    for (int attempt = 0;; ++attempt) {
      if (attempt == 3) x_.d.heal();
      REQUIRE(attempt < 5);
      try {
        auto text = refusal([&] { s_ = open_storage(x_.d, settings_); });
        if (text.empty()) break;
        note(text);
        REQUIRE(has(text, "cannot "));
        stop(below(2) ? crash::power : crash::process);
      } catch (const crashed&) {
        note("crashed at start");
      }
      ++report_.restarts;
    }
    if (auto text = difference(s_, now_); !text.empty()) {
      CAPTURE(text);
      REQUIRE(difference(s_, other) == "");
      now_ = other;
    }
    now_.settle();
    note("opened at " + std::to_string(s_.log->state().last));
  }

  void stop(crash kind) {
    if (kind == crash::power)
      x_.d.power_cut();
    else
      x_.d.process_crash();
    s_ = {};
    ++report_.restarts;
  }

  void one_step() {
    auto next = now_;
    auto step = choose();
    step(next.log, next.state);
    try {
      auto text = refusal([&] { step(*s_.log, *s_.state); });
      if (text.empty()) {
        now_ = std::move(next);
        ++report_.writes;
        return check_durable();
      }
      note(text);
      stop(below(2) ? crash::power : crash::process);
    } catch (const crashed&) {
      note("crashed");
      s_ = {};
      ++report_.restarts;
    }
    x_.d.limit(UINT64_MAX);
    start(next);
  }

  void check_durable() {
    auto have = x_.d.durable().state(), want = now_.log.state();
    REQUIRE(have.last == want.last);
    REQUIRE(have.current_epoch == want.current_epoch);
    REQUIRE(have.accepted_epoch == want.accepted_epoch);
    auto last = now_.log.read(std::max(want.base, want.last - 1), 1);
    if (last.records.empty()) return;
    auto p = x_.d.durable().find(want.last);
    REQUIRE(p.has_value());
    REQUIRE(*p == last.records.back().payload.view());
  }

  // Something that fits the state, as the node would do it.
  std::function<void(persistence::log_store&, persistence::state_store&)> choose() {
    auto log = now_.log.state();
    auto checkpoint = now_.state.zxid();
    std::vector<zab::persist_op> ops;
    switch (below(14)) {
      case 0:
        ops.emplace_back(zab::set_accepted_epoch{log.accepted_epoch + 1});
        break;
      case 1:
        ops.emplace_back(zab::set_current_epoch{log.accepted_epoch});
        break;
      case 2:
        if (log.last > checkpoint && epoch_of(log.last) == epoch_of(checkpoint))
          ops.emplace_back(zab::truncate_after{
              checkpoint + static_cast<zxid_t>(below(static_cast<std::uint64_t>(log.last - checkpoint) + 1))});
        break;
      case 3:
        return [delta = delta_of(log.last)](auto&, auto& state) { state.write(*delta); };
      case 4:
        if (checkpoint > log.base) return [checkpoint](auto& log, auto&) { log.trim(checkpoint); };
        break;
      case 5:
        return [](auto& log, auto&) { log.read(log.state().base, 3000); };
      case 6:
        if (below(3) == 0) return install(log);
        break;
      default:
        break;
    }
    if (ops.empty() && log.accepted_epoch > 0 && below(8)) ops.emplace_back(appended(log));
    return [ops](auto& log, auto&) { log.write(ops); };
  }

  zab::append_records appended(const zab::log_state& log) {
    auto from = counter_of(log.last) + 1;
    auto epoch = epoch_of(log.last);
    if (epoch == 0 || (epoch < log.accepted_epoch && below(3) == 0)) epoch = log.accepted_epoch, from = 1;
    return records(epoch, from, from + static_cast<std::uint32_t>(below(4)), 10 + below(below(2) ? 200 : 5000));
  }

  std::shared_ptr<tree::state_delta> delta_of(zxid_t zxid) {
    auto out = std::make_shared<tree::state_delta>();
    if (now_.state.zxid() == 0) {
      tree::database db;
      *out = db.take_delta();
    }
    out->zxid = zxid;
    return out;
  }

  // Begins it; the chunks and the reset come in one go, so that one write after the other may be cut off.
  std::function<void(persistence::log_store&, persistence::state_store&)> install(const zab::log_state& log) {
    auto zxid = make_zxid(std::max<epoch_t>(1, epoch_of(log.last)), counter_of(log.last) + 100);
    if (log.accepted_epoch == 0) return [](auto&, auto&) {};
    persistence::memory_state leader;
    tree::database db;
    auto delta = db.take_delta();
    delta.zxid = zxid;
    leader.write(delta);
    auto& m = now_;
    auto begin = zab::begin_install{zxid};
    // The model takes the first step at once: what a crash leaves of the rest is before or after the chunk's commit,
    // which settling makes whole.
    write(m.log, {begin});
    return [zxid, begin, c = leader.read_chunk(0, 1 << 20)](auto& log, auto& state) {
      if (log.unfinished_install() != zxid) write(log, {begin});
      state.install_chunk(c);
      write(log, {zab::reset_log{zxid}});
    };
  }

  seeded_disk x_;
  std::mt19937_64 choice_;
  persistence::storage_settings settings_;
  persistence::storage s_;
  model now_;
  torture_report report_;
};

}  // namespace

torture_report torture(std::uint64_t seed, int steps) { return tortured_node(seed).run(steps); }

}  // namespace troupe::sim

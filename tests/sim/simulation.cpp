#include "tests/sim/simulation.hpp"

#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include "tests/history/check.hpp"
#include "tests/history/transaction_reader.hpp"
#include "tests/history/wgl.hpp"
#include "tests/sim/ensemble.hpp"
#include "tests/sim/faults.hpp"

namespace troupe::sim {

namespace {

/// What the actors say to the operator is a part of the trace.
class trace_sink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit trace_sink(world& w) : world_(w) {}

 private:
  void sink_it_(const spdlog::details::log_msg& m) override {
    world_.trace([&] { return "  says: " + std::string(m.payload.data(), m.payload.size()); });
  }
  void flush_() override {}
  world& world_;
};

class run_of_one_seed {
 public:
  run_of_one_seed(stage& s, const options& o, keep k) : world_(o), nodes_(s, world_) {
    world_.keep_trace(k == keep::trace || o.trace);
    former_ = spdlog::default_logger();
    auto logger = std::make_shared<spdlog::logger>("simulation", std::make_shared<trace_sink>(world_));
    logger->set_level(world_.tracing() ? spdlog::level::info : spdlog::level::off);
    spdlog::set_default_logger(std::move(logger));
    for (int i = 1; i <= o.clients; ++i)
      clients_.push_back(
          std::make_unique<client>(world_, nodes_.doors(), seen_, static_cast<history::client_id>(i), nodes_.ids()));
  }

  ~run_of_one_seed() { spdlog::set_default_logger(former_); }

  outcome play(bool keep_history) {
    outcome out;
    try {
      phases();
    } catch (const violation& v) {
      auto& first = world_.broken() ? *world_.broken() : v;  // an actor that threw it stopped its node, too
      out.good = false, out.check = first.check, out.what = first.what();
    } catch (const std::exception& e) {  // the simulator's own, or of what it asked outside of any actor
      out.good = false, out.check = "exception", out.what = std::string("exception: ") + e.what();
    }
    out.trace_hash = world_.hash(), out.steps = steps_, out.virtual_ms = world_.now_ms();
    out.counts = world_.counts();
    for (auto id : nodes_.ids())
      for (auto& [what, n] : nodes_.at(id).on_disk.fired()) out.counts["disk: " + what] += n;
    out.trace = world_.lines();
    if (keep_history) out.seen = std::move(seen_);
    return out;
  }

 private:
  void step() {
    nodes_.step();
    ++steps_;
    if (world_.broken()) throw *world_.broken();
  }

  void phases() {
    auto& o = world_.set;
    faults faults(world_, nodes_, clients_);
    for (auto id : nodes_.ids()) nodes_.start(id);
    for (auto& c : clients_) c->start();
    faults.start();
    for (auto end = world_.now_ms() + o.faults_ms; world_.now_ms() < end;) step();

    world_.trace([] { return std::string("---- no more faults"); });
    faults.stop();
    for (auto& c : clients_) c->stop_working();
    // A while of work without faults, so that sessions find their way back.
    until(
        [&](std::string* why) {
          for (auto& c : clients_) c->finish();
          for (auto& c : clients_)
            if (!c->finished()) return *why = c->state_text(), false;
          return nodes_.converged(why);
        },
        o.converge_ms);
    faults.relent();
    until([&](std::string* why) { return nodes_.converged(why); }, o.converge_ms);
    for (auto id : nodes_.ids())
      if (nodes_.at(id).up) nodes_.watch().compare_tree(nodes_.at(id));  // all are, but with `converges` switched off
    if (world_.one_in(4)) calm();
    judge();
    leave();
  }

  /// Nothing fails any more, and all is settled: clients change their nodes, work a little, and then only ping.
  void calm() {
    auto pass = [&](std::int64_t ms) {
      for (auto end = world_.now_ms() + ms; world_.now_ms() < end;) step();
    };
    pass(std::max(
        {world_.set.pause_ms, world_.set.stall_ms, world_.set.freeze_ms}));  // those that are still paused or stalled
    for (auto& c : clients_) c->expect_calm();
    pass(2 * world_.set.max_session_timeout_ms);
    for (auto& c : clients_) c->end_of_calm();
    until([&](std::string* why) { return nodes_.converged(why); }, world_.set.converge_ms);
  }

  /// What was judged is over: the clients go without a word, and their sessions must end by themselves.
  void leave() {
    for (auto& c : clients_) c->leave();
    until([&](std::string* why) { return nodes_.without_sessions(why); }, world_.set.converge_ms, "sessions_end");
  }

  template <class F>
  void until(F done, std::int64_t limit_ms, const char* check = "converges") {
    std::string why;
    auto end = world_.now_ms() + limit_ms;
    for (std::uint64_t n = 0;; ++n) {
      if (n % 64 == 0 && done(&why)) return;
      if (world_.now_ms() > end) {
        world_.breach(check, "after " + std::to_string(limit_ms) + " ms without faults " + why);
        return;
      }
      step();
    }
  }

  /// A transaction has its time from the leader's wall clock, which shows the world's unless it was made to jump, while
  /// the leader waits by a monotonic one that may run too fast. What a follower's client asks may take any time until the
  /// leader hears of it, so only the opening of a session counts as a sign of life.
  void claim_expiry_times() {
    if (world_.times("wall clock jump")) return;
    constexpr std::int64_t rounding_ms = 2;
    auto fast_ms = world_.set.max_session_timeout_ms * world_.set.drift_percent / 100;
    seen_.set.clock_offset_ms = wall_start_ms;
    seen_.set.expiry_tolerance_ms = static_cast<std::int32_t>(fast_ms + rounding_ms);
    world_.count("expiry times judged");
  }

  void judge() {
    seen_.set.name = "seed " + std::to_string(world_.set.seed);
    seen_.set.tick_ms = static_cast<std::int32_t>(world_.set.tick_ms);
    claim_expiry_times();
    for (auto& r : nodes_.watch().committed()) seen_.log.push_back(history::read_transaction(r.zxid, r.payload.view()));
    world_.count("committed transaction", seen_.log.size());
    history::options o;
    for (auto& r : history::rules())
      if (world_.set.disabled_checks.contains(std::string(r.name))) o.disabled.insert(std::string(r.name));
    o.max_breaches = 1;
    if (auto found = history::check(seen_, o); !found.empty())
      throw violation("history/" + found.front().rule, history::describe(seen_, found.front()));
    if (world_.set.disabled_checks.contains("linearizable")) return;
    auto w = history::check_linearizable(seen_, {.max_steps = 50'000});
    world_.count("linearizable: registers judged", w.znodes);
    world_.count("linearizable: operations judged", w.operations);
    world_.count("linearizable: registers not decided", w.undecided);
    if (w.verdict == history::linearizability::no)
      throw violation("history/linearizable", "no order of the operations on " + w.path + " explains what clients saw");
  }

  std::shared_ptr<spdlog::logger> former_;
  world world_;
  history::history seen_;
  ensemble nodes_;
  std::vector<std::unique_ptr<client>> clients_;
  std::uint64_t steps_ = 0;
};

}  // namespace

outcome run(stage& s, const options& o, keep k) {
  run_of_one_seed one(s, o, k);
  return one.play(k == keep::trace);
}

}  // namespace troupe::sim

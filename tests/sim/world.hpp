#pragma once
/// Virtual time, chance, and the trace of one seed. Everything that happens does so in `step`, in an order that depends
/// on the seed alone.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "tests/sim/checks.hpp"
#include "tests/sim/options.hpp"

namespace troupe::sim {

class world {
 public:
  explicit world(const options& o) : set(o), random_(o.seed) {}

  const options set;

  // ---- time
  std::int64_t now_us() const { return now_us_; }
  std::int64_t now_ms() const { return now_us_ / 1000; }
  void at(std::int64_t when_us, std::function<void()>);
  void after(std::int64_t us, std::function<void()> f) { at(now_us_ + us, std::move(f)); }
  /// Runs what is due next; false: nothing is left.
  bool run_next_event();
  bool event_due() const { return !events_.empty() && events_.top().when_us <= now_us_; }

  // ---- chance
  std::uint64_t draw(std::uint64_t n) { return n < 2 ? 0 : random_() % n; }
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return high <= low ? low : low + static_cast<std::int64_t>(draw(static_cast<std::uint64_t>(high - low + 1)));
  }
  bool one_in(std::uint64_t n) { return draw(n) == 0; }
  std::mt19937_64& random() { return random_; }

  // ---- what happened
  /// Part of the trace hash: `code` and the numbers tell what happened.
  void note(std::uint64_t code, std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0);
  /// A line for people. `text` is only made when somebody looks.
  template <class F>
  void trace(F&& text) {
    if (tracing_) keep(text());
  }
  void count(const std::string& what, std::uint64_t n = 1) { counts_[what] += n; }
  std::uint64_t times(const std::string& what) const {  ///< that it was counted
    auto it = counts_.find(what);
    return it == counts_.end() ? 0 : it->second;
  }
  std::uint64_t hash() const { return hash_; }
  std::uint64_t events() const { return event_count_; }
  const std::map<std::string, std::uint64_t>& counts() const { return counts_; }
  const std::deque<std::string>& lines() const { return lines_; }
  void keep_trace(bool on) { tracing_ = on; }
  bool tracing() const { return tracing_; }

  /// Throws a violation, unless the check is switched off; std::logic_error if `check` is none of `checks()`.
  void breach(const char* check, const std::string& what);
  const std::optional<violation>& broken() const { return broken_; }

 private:
  struct event {
    std::int64_t when_us;
    std::uint64_t serial;
    std::size_t action;  // in actions_: the queue moves what is small
    bool operator<(const event& o) const { return when_us != o.when_us ? when_us > o.when_us : serial > o.serial; }
  };
  void keep(std::string line);

  std::mt19937_64 random_;
  std::int64_t now_us_ = 1'000'000;
  std::priority_queue<event> events_;
  std::vector<std::function<void()>> actions_;
  std::vector<std::size_t> free_actions_;
  std::uint64_t next_serial_ = 0, event_count_ = 0, hash_ = 1469598103934665603ull;
  std::map<std::string, std::uint64_t> counts_;
  std::deque<std::string> lines_;
  std::optional<violation> broken_;
  bool tracing_ = false;
};

}  // namespace troupe::sim

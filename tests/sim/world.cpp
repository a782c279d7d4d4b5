#include "tests/sim/world.hpp"

#include <algorithm>
#include <cstdio>
#include <stdexcept>
#include <utility>

namespace troupe::sim {

namespace {
constexpr std::size_t lines_kept = 4000;
}

void world::at(std::int64_t when_us, std::function<void()> f) {
  std::size_t action = actions_.size();
  if (free_actions_.empty()) {
    actions_.push_back(std::move(f));
  } else {
    action = free_actions_.back();
    free_actions_.pop_back();
    actions_[action] = std::move(f);
  }
  events_.push({std::max(when_us, now_us_), ++next_serial_, action});
}

bool world::run_next_event() {
  if (events_.empty()) return false;
  auto next = events_.top();
  events_.pop();
  auto run = std::exchange(actions_[next.action], nullptr);
  free_actions_.push_back(next.action);
  now_us_ = next.when_us;
  ++event_count_;
  run();
  return true;
}

void world::note(std::uint64_t code, std::uint64_t a, std::uint64_t b, std::uint64_t c) {
  for (auto v : {static_cast<std::uint64_t>(now_us_), code, a, b, c}) {
    hash_ = (hash_ ^ v) * 1099511628211ull;
    hash_ ^= hash_ >> 29;
  }
}

void world::keep(std::string line) {
  char time[32];
  std::snprintf(time, sizeof time, "%10.3f ms ", static_cast<double>(now_us_) / 1000);
  line.insert(0, time);
  if (set.trace) std::fprintf(stderr, "%s\n", line.c_str());
  lines_.push_back(std::move(line));
  if (lines_.size() > lines_kept) lines_.pop_front();
}

void world::breach(const char* check, const std::string& what) {
  // Else nobody could list it or switch it off.
  if (std::none_of(checks().begin(), checks().end(), [&](auto& c) { return std::string_view(c.name) == check; }))
    throw std::logic_error(std::string("sim: no check is named ") + check + ", which says: " + what);
  if (set.disabled_checks.contains(check)) return;
  if (!broken_) broken_.emplace(check, what);  // CAF catches what is thrown in an actor
  throw violation(check, what);
}

}  // namespace troupe::sim

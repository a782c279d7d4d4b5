#include "actors/extension/node_executor.hpp"

#include <time.h>

#include <chrono>

namespace troupe::actors {

namespace {

/// Of this thread: a handler does not answer for the time in which the machine did something else.
std::int64_t processor_us() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return std::int64_t{t.tv_sec} * 1'000'000 + t.tv_nsec / 1000;
}

std::uint64_t monotonic_us() {
  using namespace std::chrono;
  return static_cast<std::uint64_t>(duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count());
}

request_type_stats& entry_of(node_stats& stats, const std::string& name) {
  for (auto& s : stats.request_types)
    if (s.name == name) return s;
  return stats.request_types.emplace_back(name);
}

}  // namespace

node_executor::node_executor(caf::actor_system& system, const extension::registry& known, node_stats& stats)
    : in_place_(processor_us), guarded_(system, known) {
  for (auto& type : known.list()) stats_.push_back(&entry_of(stats, type.about.name));
}

extension::outcome node_executor::run(const extension::registered& type, std::string_view request,
                                      extension::request_context& context) {
  const auto begin = monotonic_us();
  auto& how = type.ours ? static_cast<extension::executor&>(in_place_) : guarded_;
  auto out = how.run(type, request, context);
  const auto us = monotonic_us() - begin;
  auto& s = *stats_.at(type.position);
  ++s.calls;
  if (out.error != zk::err::ok) ++s.failures;
  if (out.error == zk::err::request_timeout) ++s.timeouts;
  s.total_us += us, s.max_us.raise(us);
  return out;
}

}  // namespace troupe::actors

#pragma once
/// How a request type is run: it is given its request and its view of the tree, and whatever it does, there is an outcome.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "cluster/extension/registry.hpp"
#include "cluster/extension/request_type.hpp"

namespace troupe::extension {

struct outcome {
  zk::err error = zk::err::ok;
  std::string text;  ///< the reply; of an error, a sentence that says what was wrong
};

/// Runs the handler in this thread, with no bound on its time. Catches all that it throws; bounds request and reply.
/// Codes that a client takes for the end of its session do not come out of it.
outcome perform(request_type&, const limits&, std::string_view request, request_context&);

class executor {
 public:
  virtual ~executor() = default;
  /// Back when the handler has returned, or has lost its right to touch `context`.
  virtual outcome run(const registered&, std::string_view request, request_context& context) = 0;
};

/// In the caller's thread. A handler is stopped at its next access to the context once its time is over, by a clock
/// (microseconds) that somebody else must bring along; without one, the numbers of its accesses alone are bounded.
class in_place_executor final : public executor {
 public:
  using clock = std::function<std::int64_t()>;
  explicit in_place_executor(clock now_us = {}) : now_us_(std::move(now_us)) {}
  outcome run(const registered&, std::string_view request, request_context&) override;

 private:
  clock now_us_;
};

/// What a node can do, and how: one for all its parts.
struct request_types {
  registry known;
  std::unique_ptr<executor> how = std::make_unique<in_place_executor>();
};

}  // namespace troupe::extension

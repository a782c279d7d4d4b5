#pragma once
/// A number in a znode, as decimal text (kazoo's Counter), that many add to: the logic of the counter recipe.
///
/// Owns    its writer (exactly_once.hpp), the additions that wait
/// Gives   for each addition, once: the value that it made. Unknown outcomes are found out, also over an expired session
/// Invariant: of the additions that were answered with a value, each is in the number exactly once. One that was answered
/// with an error is not in it, unless the client was closed meanwhile.

#include <deque>
#include <functional>
#include <string>

#include "actors/recipes/exactly_once.hpp"

namespace troupe::recipes {

class counting {
 public:
  using teller = std::function<void(std::int32_t code, std::int64_t value)>;
  counting(surroundings&, std::string path);

  void add(std::int64_t delta, teller);
  void read(teller);                     ///< not older than what anybody was told before
  void end(std::function<void()> then);  ///< when nothing waits any more

 private:
  struct addition {
    std::int64_t delta;
    teller tell;
  };
  void step();
  void ask_value();
  void write(std::int64_t value, std::int32_t version);
  void finish(std::int32_t code, std::int64_t value);

  surroundings& out_;
  const std::string path_;
  exactly_once writer_;
  bool opened_ = false, busy_ = false;
  std::deque<addition> waiting_;
  std::function<void()> end_;
};

}  // namespace troupe::recipes

#pragma once
/// What the logic of a recipe asks of whoever carries it: requests of a client, subscriptions, time, names. No actor in
/// it, so that tests carry the same logic over an ensemble of their own with faults at every step.
///
/// Whoever carries it calls back one thing at a time, never from within a call of these, and in the order in which the
/// client told it: session events, changes and answers.

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "actors/client/values.hpp"

namespace troupe::recipes {

using client_request = std::variant<client::create, client::set_data, client::remove, client::multi, client::get_data,
                                    client::exists, client::get_children, client::sync>;

struct answer {
  std::int32_t code = 0;  ///< 0, a zk::err or a client::code
  std::variant<std::monostate, client::created, client::changed, client::done, client::multi_result, client::data,
               client::existing, client::children>
      value;

  bool ok() const { return code == 0; }
  bool is(zk::err e) const { return code == static_cast<std::int32_t>(e); }
  template <class T>
  const T& as() const {
    return std::get<T>(value);
  }
};

/// What an error says about the request.
enum class fate : std::uint8_t {
  done,
  nothing_done,  ///< for no reason of its own: it may be asked again
  unknown,       ///< it may have been done, or may yet be
  refused,       ///< it was not done, and will not be
  closed,        ///< the client has ended
};

inline fate fate_of(std::int32_t code) {
  switch (code) {
    case 0:
      return fate::done;
    case client::code::connection_loss:
      return fate::unknown;
    case client::code::deadline_passed:
    case client::code::cancelled:
    case client::code::too_many:
    case static_cast<std::int32_t>(zk::err::session_expired):
    case static_cast<std::int32_t>(zk::err::session_moved):
      return fate::nothing_done;
    case client::code::closed:
      return fate::closed;
    default:
      return fate::refused;
  }
}

/// What a subscription tells. An error code ends it.
using happening = std::variant<client::changes, client::state, std::int32_t>;

class surroundings {
 public:
  using number = std::uint64_t;
  virtual void ask(client_request, std::function<void(const answer&)>) = 0;
  virtual number watch(std::string path, client::scope, zxid_t since, bool with_data,
                       std::function<void(const happening&)>) = 0;
  virtual void end_watch(number) = 0;
  virtual number after(std::chrono::milliseconds, std::function<void()>) = 0;
  virtual void forget(number timer) = 0;
  virtual std::string token() = 0;  ///< 32 hexadecimal digits that nobody else has

 protected:
  ~surroundings() = default;
};

/// Before something is asked again that failed for no reason of its own.
inline constexpr std::chrono::milliseconds retry_pause{50};

inline std::string child(std::string_view parent, std::string_view name) {
  return std::string(parent == "/" ? "" : parent).append("/").append(name);
}
inline std::string parent_of(std::string_view path) {
  auto at = path.rfind('/');
  return std::string(at == 0 || at == path.npos ? "/" : path.substr(0, at));
}
inline std::string name_of(std::string_view path) { return std::string(path.substr(path.rfind('/') + 1)); }

/// Sees to it that `path` and everything above it exist; `then` gets 0 or the error that is in the way.
void ensure_path(surroundings&, std::string path, std::function<void(std::int32_t)> then);

}  // namespace troupe::recipes

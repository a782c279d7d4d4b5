#pragma once
/// How values travel in messages between actors: in a box whose ownership moves with the message, so that the sender
/// keeps nothing and nothing mutable is shared.

#include <caf/allowed_unsafe_message_type.hpp>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace troupe {

template <class T>
struct boxed {
  std::shared_ptr<T> value;
  T* operator->() const { return value.get(); }
  T& operator*() const { return *value; }
};

template <class T>
boxed<std::decay_t<T>> box(T&& v) {
  return {std::make_shared<std::decay_t<T>>(std::forward<T>(v))};
}

namespace msg {

/// I/O thread -> every actor that asked for it, at the period that it asked for.
struct tick {
  std::int64_t now_ms;
};  ///< monotonic

}  // namespace msg

}  // namespace troupe

namespace caf {
template <class T>
struct allowed_unsafe_message_type<troupe::boxed<T>> : std::true_type {};
}  // namespace caf

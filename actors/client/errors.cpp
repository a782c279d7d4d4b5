#include <caf/make_message.hpp>

#include "actors/client/messages.hpp"

namespace troupe::client {

namespace {

const auto category = caf::atom("zookeeper");

}  // namespace

caf::error make_error(std::int32_t code, std::string why) {
  auto small = static_cast<std::uint8_t>(-code);  // all codes are from -127 to -1
  if (why.empty()) return {small, category};
  return {small, category, caf::make_message(std::move(why))};
}

std::int32_t code_of(const caf::error& e) {
  return e.category() == category ? -static_cast<std::int32_t>(e.code()) : 0;
}

std::string why_of(const caf::error& e) {
  return e && e.category() == category && e.context().match_elements<std::string>() ? e.context().get_as<std::string>(0)
                                                                                    : std::string();
}

}  // namespace troupe::client

#include "cluster/session/password.hpp"

#include <cstring>

namespace troupe::session {

namespace {

/// SessionTrackerImpl / ZooKeeperServer.superSecret: what ZooKeeper mixes into the session id.
constexpr std::uint64_t super_secret = 0xB3415C00;

/// java.util.Random: a linear congruential generator of 48 bits.
class java_random {
 public:
  explicit java_random(std::uint64_t seed) : state_((seed ^ multiplier) & mask) {}
  std::uint32_t next_int() {
    state_ = (state_ * multiplier + 0xB) & mask;
    return static_cast<std::uint32_t>(state_ >> 16);
  }

 private:
  static constexpr std::uint64_t multiplier = 0x5DEECE66D, mask = (std::uint64_t{1} << 48) - 1;
  std::uint64_t state_;
};

}  // namespace

std::array<char, 16> password_of(session_id session) {
  java_random random(static_cast<std::uint64_t>(session) ^ super_secret);
  std::array<char, 16> out;
  for (std::size_t i = 0; i < out.size(); i += 4) {
    auto n = random.next_int();
    for (std::size_t k = 0; k < 4; ++k) out[i + k] = static_cast<char>(n >> 8 * k);  // nextBytes: low byte first
  }
  return out;
}

bool password_fits(session_id session, std::string_view password) {
  if (session == 0 || password.size() != 16) return false;
  auto want = password_of(session);
  return std::memcmp(want.data(), password.data(), want.size()) == 0;
}

session_id first_session_id(node_id node, std::int64_t now_ms) {
  auto id = static_cast<std::uint64_t>(now_ms) << 24 >> 8 | static_cast<std::uint64_t>(node) << 56;
  if (id == 0x8000000000000000) ++id;  // that value marks container znodes
  return static_cast<session_id>(id);
}

}  // namespace troupe::session

#include "cluster/session/password.hpp"

#include <doctest/doctest.h>

#include <cstring>

using namespace troupe;

TEST_CASE("a session's password is the bytes that java.util.Random gives for its id") {
  // Seed 42, whose first ints are known: -1170105035, 234785527, -1360544799, 205897768; low bytes first.
  auto password = session::password_of(static_cast<session_id>(42 ^ 0xB3415C00));
  std::int32_t ints[4];
  std::memcpy(ints, password.data(), sizeof ints);
  CHECK(ints[0] == -1170105035);
  CHECK(ints[1] == 234785527);
  CHECK(ints[2] == -1360544799);
  CHECK(ints[3] == 205897768);
}

TEST_CASE("a password fits its own session only") {
  auto password = session::password_of(0x100000000000001);
  std::string_view bytes{password.data(), password.size()};
  CHECK(session::password_fits(0x100000000000001, bytes));
  CHECK_FALSE(session::password_fits(0x100000000000002, bytes));
  CHECK_FALSE(session::password_fits(0x100000000000001, bytes.substr(0, 15)));
  CHECK_FALSE(session::password_fits(0x100000000000001, ""));
}

TEST_CASE("no password fits session 0") {
  auto password = session::password_of(0);
  CHECK_FALSE(session::password_fits(0, {password.data(), password.size()}));
}

TEST_CASE("a node's first session id has its id on top and 40 bits of the clock below") {
  auto id = static_cast<std::uint64_t>(session::first_session_id(3, 0x0123456789ABCD));
  CHECK((id >> 56) == 3);
  CHECK((id & 0xFFFF) == 0);
  CHECK((id >> 16 & 0xFFFFFFFFFF) == 0x456789ABCD);
}

TEST_CASE("a node's first session id is never the mark of container znodes") {
  CHECK(static_cast<std::uint64_t>(session::first_session_id(128, 0)) == 0x8000000000000001);
}

TEST_CASE("a node with an id above 127 has negative session ids, as ZooKeeper has") {
  CHECK(session::first_session_id(200, 1'700'000'000'000) < 0);
}

#include <doctest/doctest.h>

#include <string>

#include "persistence/crc32c.hpp"

using namespace troupe::persistence;

TEST_CASE("crc32c gives the values of RFC 3720 appendix B.4") {
  std::string ascending, descending;
  for (int i = 0; i < 32; ++i) ascending += static_cast<char>(i), descending += static_cast<char>(31 - i);
  for (auto f : {&crc32c, &crc32c_portable}) {
    CHECK(f(std::string(32, '\0'), 0) == 0x8a9136aau);
    CHECK(f(std::string(32, '\xff'), 0) == 0x62a8ab43u);
    CHECK(f(ascending, 0) == 0x46dd794eu);
    CHECK(f(descending, 0) == 0x113fdb5cu);
    CHECK(f("123456789", 0) == 0xe3069283u);
    CHECK(f("", 0) == 0u);
  }
}

TEST_CASE("crc32c of a string is that of its end after its beginning, at every length and alignment") {
  std::string s;
  for (int i = 0; i < 70; ++i) s += static_cast<char>(i * 37 + 11);
  std::string_view v = s;
  for (std::size_t from = 0; from < 9; ++from)
    for (auto to = from; to <= v.size(); ++to) {
      auto part = v.substr(from, to - from);
      auto cut = part.size() / 3;
      REQUIRE(crc32c(part) == crc32c_portable(part));
      REQUIRE(crc32c(part.substr(cut), crc32c(part.substr(0, cut))) == crc32c(part));
    }
}

#include "cluster/tree/path.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace troupe::tree;
using namespace std::string_view_literals;

TEST_CASE("a path is valid by the rules of ZooKeeper's PathUtils") {
  for (auto p : {"/"sv, "/a"sv, "/a/b"sv, "/..."sv, "/.a"sv, "/a."sv, "/a/..b"sv, "/ "sv, "/\xc3\xa9"sv, "/\xc2\xa0"sv,
                 "/\xe6\x97\xa5"sv, "/\xed\x9f\xbf"sv, "/\xef\xa4\x80"sv, "/\xef\xbf\xaf"sv})
    CHECK_MESSAGE(valid_path(p), p);
  for (auto p : {""sv, "a"sv, "a/b"sv, "/a/"sv, "//"sv, "/a//b"sv, "/."sv, "/.."sv, "/a/./b"sv, "/a/../b"sv, "/a/.."sv})
    CHECK_MESSAGE(!valid_path(p), p);
}

TEST_CASE("a path with a forbidden character is refused") {
  for (auto p : {"/a\0b"sv, "/\x01"sv, "/\x1f"sv, "/\x7f"sv, "/\xc2\x80"sv, "/\xc2\x9f"sv, "/\xee\x80\x80"sv,
                 "/\xef\xa3\xbf"sv, "/\xef\xbf\xb0"sv, "/\xef\xbf\xbf"sv, "/\xf0\x9f\x98\x80"sv})
    CHECK_FALSE(valid_path(p));
}

TEST_CASE("a path that is not UTF-8 is refused, as Java reads it as U+FFFD") {
  for (auto p : {"/\xff"sv, "/\x80"sv, "/\xc3"sv, "/\xc3/"sv, "/\xc0\xaf"sv, "/\xe0\x80\xaf"sv, "/\xe6\x97"sv,
                 "/\xed\xa0\x80"sv})
    CHECK_FALSE(valid_path(p));
}

TEST_CASE("a sequential name is checked with its number") {
  for (auto p : {"/"sv, "/a/"sv, "/."sv, "/a/.."sv, "/a"sv}) CHECK_MESSAGE(valid_path(p, true), p);
  for (auto p : {""sv, "a"sv, "/a//"sv, "//"sv, "/./"sv, "/a/\x01"sv}) CHECK_FALSE(valid_path(p, true));
}

TEST_CASE("a path splits into its parent and its name") {
  CHECK(parent_of("/a/b") == "/a");
  CHECK(parent_of("/a") == "/");
  CHECK(parent_of("/").empty());
  CHECK(parent_of("a").empty());
  CHECK(name_of("/a/b") == "b");
  CHECK(name_of("/a") == "a");
  CHECK(name_of("/").empty());
}

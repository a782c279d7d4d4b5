#pragma once
/// The watched paths: each stands once, with the connections that watch it. A path is known by a small number as long
/// as it has watchers, so that a watch costs a few bytes on either side.

#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>
#include <vector>

#include "cluster/watch/u32_set.hpp"

namespace troupe::watch {

class path_table {
 public:
  static constexpr std::uint32_t none = u32_set::none;
  /// Numbers fit 31 bits, so that a number and a table fit 32.
  static constexpr std::uint32_t max_paths = 0x7fffffff;

  struct entry {
    std::unique_ptr<char[]> text;
    std::uint32_t size = 0, hash = 0;
    u32_set watchers[2];  ///< connections, by watch_table
    std::string_view path() const { return {text.get(), size}; }
  };

  std::uint32_t find(std::string_view path) const;  ///< none if nobody watches it
  std::uint32_t intern(std::string_view path);      ///< none if there are max_paths
  void release_if_unwatched(std::uint32_t number);
  entry& operator[](std::uint32_t number) { return entries_[number]; }

  std::size_t size() const { return size_; }

 private:
  std::size_t place_of(std::string_view path, std::uint32_t hash) const;
  void grow();

  std::deque<entry> entries_;          ///< by number; a deque never moves what it holds
  std::vector<std::uint32_t> unused_;  ///< numbers to use again
  std::vector<std::uint32_t> index_;   ///< open addressing: numbers, or none; a power of two, at most 3/4 full
  std::size_t size_ = 0;
};

}  // namespace troupe::watch

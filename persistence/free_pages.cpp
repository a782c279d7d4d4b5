#include "persistence/free_pages.hpp"

#include <fcntl.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <string_view>
#include <vector>

#include "persistence/file_io.hpp"

namespace troupe::persistence {

namespace {

// Version 1 of the file's format (LMDB 0.9), on a little-endian machine of 64 bits.
constexpr bool format_known = std::endian::native == std::endian::little && sizeof(std::size_t) == 8;
constexpr std::size_t page_header_bytes = 16, page_number_at = 0, page_flags_at = 10, page_lower_at = 12;
constexpr std::size_t root_of_free_list_at = page_header_bytes + 64, page_txn_at = page_header_bytes + 128;
constexpr unsigned is_branch = 1, is_leaf = 2, is_overflow = 4;
constexpr std::size_t node_header_bytes = 8;
constexpr unsigned is_elsewhere = 1;  // flag of a node: its value stands in overflow pages
constexpr auto no_page = ~std::uint64_t{0};
constexpr int max_depth = 32;

struct not_whole {};

template <class T>
T field(std::string_view in, std::size_t at) {
  T out;
  if (at > in.size() || in.size() - at < sizeof out) throw not_whole{};
  std::memcpy(&out, in.data() + at, sizeof out);
  return out;
}

class free_list {
 public:
  free_list(const std::filesystem::path& file, std::size_t page_size, std::uint64_t from, std::uint64_t to)
      : file_(file), fd_(open_file(file, O_RDONLY)), page_size_(page_size), from_(from), to_(to) {}

  /// The free pages of the range, each once.
  std::size_t count() {
    auto first = read_at(fd_, file_, page_size_, 0), second = read_at(fd_, file_, page_size_, page_size_);
    auto& newest =
        field<std::uint64_t>(first, page_txn_at) < field<std::uint64_t>(second, page_txn_at) ? second : first;
    if (auto root = field<std::uint64_t>(newest, root_of_free_list_at); root != no_page) walk(root, 0);
    std::sort(found_.begin(), found_.end());
    found_.erase(std::unique(found_.begin(), found_.end()), found_.end());
    return found_.size();
  }

 private:
  /// `bytes` from the start of this page, which must be in the file and of this kind.
  std::string page(std::uint64_t number, unsigned kinds, std::size_t bytes) const {
    if (number >= from_) throw not_whole{};
    auto out = read_at(fd_, file_, bytes, number * page_size_);
    if (out.size() < bytes || field<std::uint64_t>(out, page_number_at) != number ||
        !(field<std::uint16_t>(out, page_flags_at) & kinds))
      throw not_whole{};
    return out;
  }

  void walk(std::uint64_t number, int depth) {
    if (depth > max_depth) throw not_whole{};
    auto p = page(number, is_branch | is_leaf, page_size_);
    auto branch = field<std::uint16_t>(p, page_flags_at) & is_branch;
    auto end = field<std::uint16_t>(p, page_lower_at);
    for (std::size_t i = page_header_bytes; i + 2 <= end; i += 2) {
      std::size_t node = field<std::uint16_t>(p, i);
      auto low = field<std::uint32_t>(p, node);
      auto flags = field<std::uint16_t>(p, node + 4);
      auto value = node + node_header_bytes + field<std::uint16_t>(p, node + 6);
      if (branch)
        walk(low | std::uint64_t{flags} << 32, depth + 1);
      else if (flags & is_elsewhere)
        take(std::string_view(page(field<std::uint64_t>(p, value), is_overflow, page_header_bytes + low))
                 .substr(page_header_bytes));
      else
        take(std::string_view(p).substr(std::min(value, p.size())));
    }
  }

  /// One value of the list: how many pages, and their numbers.
  void take(std::string_view list) {
    auto n = field<std::uint64_t>(list, 0);
    if (n > list.size() / 8) throw not_whole{};
    for (std::size_t i = 1; i <= n; ++i)
      if (auto number = field<std::uint64_t>(list, 8 * i); number >= from_ && number < to_) found_.push_back(number);
  }

  const std::filesystem::path& file_;
  unique_fd fd_;
  std::size_t page_size_;
  std::uint64_t from_, to_;
  std::vector<std::uint64_t> found_;
};

}  // namespace

bool pages_are_free(const std::filesystem::path& file, std::size_t page_size, std::uint64_t from, std::uint64_t to) {
  try {
    return format_known && free_list(file, page_size, from, to).count() == to - from;
  } catch (const not_whole&) {
    return false;
  }
}

}  // namespace troupe::persistence

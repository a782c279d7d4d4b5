#pragma once
/// ZooKeeper's client records ("jute"): big-endian, no tags, no alignment. Readers are bounds-checked views into the
/// frame; writers append to a buffer of the caller's.

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::jute {

inline std::uint32_t big(std::uint32_t v) { return __builtin_bswap32(v); }
inline std::uint64_t big(std::uint64_t v) { return __builtin_bswap64(v); }

/// Reads fields in order. After the first field that does not fit, every read yields zero or empty and `ok()` is
/// false, so that a decoder checks once, at the end.
class reader {
 public:
  explicit reader(std::string_view s) : p_(s.data()), end_(s.data() + s.size()) {}

  bool ok() const { return ok_; }
  bool at_end() const { return p_ == end_; }
  bool done() const { return ok_ && p_ == end_; }
  std::size_t left() const { return static_cast<std::size_t>(end_ - p_); }
  std::string_view rest() const { return {p_, left()}; }

  bool boolean() { return take(1) && p_[-1] != 0; }
  std::int32_t i32() {
    if (!take(4)) return 0;
    std::uint32_t v;
    std::memcpy(&v, p_ - 4, 4);
    return static_cast<std::int32_t>(big(v));
  }
  std::int64_t i64() {
    if (!take(8)) return 0;
    std::uint64_t v;
    std::memcpy(&v, p_ - 8, 8);
    return static_cast<std::int64_t>(big(v));
  }
  /// A buffer or ustring. Null (length -1) reads as empty, with *null set.
  std::string_view buffer(bool* null = nullptr) {
    auto n = i32();
    if (null) *null = n == -1;
    if (n == -1) return {};
    if (n < 0 || !take(static_cast<std::size_t>(n))) return fail(), std::string_view{};
    return {p_ - n, static_cast<std::size_t>(n)};
  }
  std::string_view ustring() { return buffer(); }
  /// The count of a vector whose items take at least `min_item` bytes each; -1 (null) reads as 0 with *null set.
  std::size_t count(std::size_t min_item, bool* null = nullptr) {
    auto n = i32();
    if (null) *null = n == -1;
    if (n == -1) return 0;
    if (n < 0 || static_cast<std::size_t>(n) > left() / min_item) return fail(), 0;
    return static_cast<std::size_t>(n);
  }
  void fail() { ok_ = false, p_ = end_; }

 private:
  bool take(std::size_t n) {
    if (left() < n) return fail(), false;
    p_ += n;
    return true;
  }
  const char* p_;
  const char* end_;
  bool ok_ = true;
};

/// Appends fields to a string.
class writer {
 public:
  explicit writer(std::string& out) : out_(out) {}

  void boolean(bool v) { out_.push_back(v ? 1 : 0); }
  void i32(std::int32_t v) {
    auto n = big(static_cast<std::uint32_t>(v));
    out_.append(reinterpret_cast<const char*>(&n), 4);
  }
  void i64(std::int64_t v) {
    auto n = big(static_cast<std::uint64_t>(v));
    out_.append(reinterpret_cast<const char*>(&n), 8);
  }
  void buffer(std::string_view s) {
    i32(static_cast<std::int32_t>(s.size()));
    out_.append(s);
  }
  void null_buffer() { i32(-1); }
  void ustring(std::string_view s) { buffer(s); }

  /// Opens a frame; returns where its length will go.
  std::size_t begin_frame() {
    auto at = out_.size();
    i32(0);
    return at;
  }
  void end_frame(std::size_t at) {
    auto n = big(static_cast<std::uint32_t>(out_.size() - at - 4));
    std::memcpy(out_.data() + at, &n, 4);
  }
  std::string& out() { return out_; }

 private:
  std::string& out_;
};

}  // namespace troupe::jute

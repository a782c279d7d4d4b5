#pragma once
/// The frames of the actor port (schema/client.capnp): 8 bytes of header, then a Cap'n Proto message. Everything stands
/// 8-byte aligned, so that messages are read and built in place.

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace troupe::client {

static_assert(std::endian::native == std::endian::little, "headers are written as they stand in memory");

using word_buffer = std::vector<std::uint64_t>;

struct frame_header {
  std::uint32_t size = 0;  ///< bytes behind the header
  std::uint16_t kind = 0;
  std::uint16_t zero = 0;
};
static_assert(sizeof(frame_header) == 8);
inline constexpr std::uint16_t frame_kind = 5;

/// What a socket brings, cut into frames without a copy. A frame is valid until the next `prepare`.
class frame_buffer {
 public:
  explicit frame_buffer(std::size_t limit) : limit_(limit) {}

  std::span<char> prepare() {
    if (begin_ == end_) begin_ = end_ = 0;
    auto need = wanted_ ? wanted_ : end_ - begin_ + least_space;
    if (words_.size() * 8 - begin_ < need) {
      if (begin_) std::memmove(bytes(), bytes() + begin_, end_ - begin_), end_ -= begin_, begin_ = 0;
      if (words_.size() * 8 < need) words_.resize((need + 7) / 8);
    }
    return {bytes() + end_, words_.size() * 8 - end_};
  }
  void add(std::size_t n) { end_ += n; }
  void clear() { begin_ = end_ = wanted_ = 0; }

  enum class result { frame, incomplete, malformed };
  result next(std::span<const std::uint64_t>& message) {
    wanted_ = 0;
    if (end_ - begin_ < sizeof(frame_header)) return result::incomplete;
    frame_header h;
    std::memcpy(&h, bytes() + begin_, sizeof h);
    if (h.size > limit_ || h.size % 8 || h.zero || h.kind != frame_kind) return result::malformed;
    if (end_ - begin_ < sizeof h + h.size) {
      wanted_ = sizeof h + h.size;
      return result::incomplete;
    }
    message = {words_.data() + begin_ / 8 + 1, h.size / 8};
    begin_ += sizeof h + h.size;
    return result::frame;
  }

 private:
  static constexpr std::size_t least_space = 64 << 10;
  char* bytes() { return reinterpret_cast<char*>(words_.data()); }
  std::size_t limit_;
  word_buffer words_;
  std::size_t begin_ = 0, end_ = 0;  ///< bytes; begin_ is a multiple of 8
  std::size_t wanted_ = 0;           ///< size of the frame that is incomplete, header included; 0: unknown
};

}  // namespace troupe::client

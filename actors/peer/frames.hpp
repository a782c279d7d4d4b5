#pragma once
/// The frames of a link (schema/link.capnp): 8 bytes of header, then the body. Bodies are Cap'n Proto messages, whose
/// size is a multiple of 8; so every body stands 8-byte aligned in the receive buffer and is handed on without a copy.

#include <bit>
#include <cstdint>
#include <deque>
#include <memory>

#include "schema/bytes.hpp"

namespace troupe::peer {

static_assert(std::endian::native == std::endian::little, "headers are written as they stand in memory");

enum class kind : std::uint16_t { hello = 1, heartbeat = 2, election = 3, zab = 4 };

struct header {
  std::uint32_t size = 0;
  std::uint16_t what = 0;
  std::uint16_t zero = 0;
};
static_assert(sizeof(header) == 8);

/// Cuts frames out of what a socket brings. Bodies are slices of the buffer and keep it alive; a buffer that somebody
/// still holds is never written again.
class frame_reader {
 public:
  /// `block_bytes`: of a receive buffer, a multiple of 8; a larger frame gets one of its own.
  explicit frame_reader(std::size_t block_bytes = 256 << 10) : block_bytes_(block_bytes) {}

  /// Room for the next bytes: at least one.
  struct space {
    char* data;
    std::size_t size;
  };
  space prepare();
  void add(std::size_t n) { end_ += n; }

  enum class result { frame, incomplete, malformed };
  /// The next whole frame. `limit`: greatest size of a body.
  result next(std::size_t limit, kind& what, shared_bytes& body);

 private:
  std::shared_ptr<std::uint64_t[]> block_;
  std::size_t block_bytes_;
  std::size_t capacity_ = 0, begin_ = 0, end_ = 0;  ///< bytes; begin_ is a multiple of 8
  std::size_t wanted_ = 0;  ///< size of the frame that is incomplete, header included; 0: unknown
  char* data() const { return reinterpret_cast<char*>(block_.get()); }
};

/// What waits for a socket.
class frame_writer {
 public:
  /// Throws std::logic_error for a body that is no multiple of 8.
  void push(kind, shared_bytes body);
  /// Writes what the socket takes, in as few calls as possible. Bytes written; -1: the link is broken.
  std::int64_t flush(int fd);
  bool empty() const { return frames_.empty(); }
  std::size_t waiting() const { return waiting_; }  ///< bytes

 private:
  struct frame {
    header head;
    shared_bytes body;
  };
  std::deque<frame> frames_;
  std::size_t sent_ = 0;  ///< of the first frame
  std::size_t waiting_ = 0;
};

}  // namespace troupe::peer

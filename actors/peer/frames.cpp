#include "actors/peer/frames.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

namespace troupe::peer {

namespace {

constexpr std::size_t least_space = 16 << 10;  ///< a smaller rest is not worth a system call
constexpr int frames_per_call = 256;           ///< two parts each: below IOV_MAX

}  // namespace

frame_reader::space frame_reader::prepare() {
  auto have = end_ - begin_;
  auto need = wanted_ ? wanted_ : have + least_space;
  if (capacity_ < begin_ + need) {
    bool ours = block_ && block_.use_count() == 1;
#ifdef __SANITIZE_THREAD__
    ours = false;  // it does not understand fences
#else
    std::atomic_thread_fence(std::memory_order_acquire);  // whoever held a slice has finished reading it
#endif
    if (ours && capacity_ >= need) {
      std::memmove(data(), data() + begin_, have);
    } else {
      auto capacity = std::max((need + 7) / 8 * 8, block_bytes_);
      auto block = std::make_shared_for_overwrite<std::uint64_t[]>(capacity / 8);
      if (have) std::memcpy(block.get(), data() + begin_, have);
      block_ = std::move(block), capacity_ = capacity;
    }
    begin_ = 0, end_ = have;
  }
  return {data() + end_, capacity_ - end_};
}

frame_reader::result frame_reader::next(std::size_t limit, kind& what, shared_bytes& body) {
  wanted_ = 0;
  if (end_ - begin_ < sizeof(header)) return result::incomplete;
  header h;
  std::memcpy(&h, data() + begin_, sizeof h);
  if (h.size > limit || h.size % 8 || h.zero || h.what < 1 || h.what > 4) return result::malformed;
  if (end_ - begin_ < sizeof h + h.size) {
    wanted_ = sizeof h + h.size;
    return result::incomplete;
  }
  what = static_cast<kind>(h.what);
  body = h.size ? shared_bytes(block_, data() + begin_ + sizeof h, h.size) : shared_bytes();
  begin_ += sizeof h + h.size;
  return result::frame;
}

void frame_writer::push(kind what, shared_bytes body) {
  if (body.size() % 8 || body.size() > UINT32_MAX)
    throw std::logic_error("a frame of " + std::to_string(body.size()) + " bytes is no Cap'n Proto message");
  waiting_ += sizeof(header) + body.size();
  header h{static_cast<std::uint32_t>(body.size()), static_cast<std::uint16_t>(what), 0};
  frames_.push_back({h, std::move(body)});
}

std::int64_t frame_writer::flush(int fd) {
  std::int64_t total = 0;
  while (!frames_.empty()) {
    iovec parts[2 * frames_per_call];
    std::size_t count = 0, skip = sent_;
    auto add = [&](const void* data, std::size_t size) {
      auto s = std::min(skip, size);
      skip -= s;
      if (size > s) parts[count++] = {static_cast<char*>(const_cast<void*>(data)) + s, size - s};
    };
    for (auto& f : frames_) {
      if (count + 2 > 2 * frames_per_call) break;
      add(&f.head, sizeof f.head), add(f.body.data(), f.body.size());
    }
    msghdr m{};
    m.msg_iov = parts, m.msg_iovlen = count;
    auto n = ::sendmsg(fd, &m, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? total : -1;
    total += n, waiting_ -= static_cast<std::size_t>(n);
    sent_ += static_cast<std::size_t>(n);
    while (!frames_.empty() && sent_ >= sizeof(header) + frames_.front().body.size()) {
      sent_ -= sizeof(header) + frames_.front().body.size();
      frames_.pop_front();
    }
  }
  return total;
}

}  // namespace troupe::peer

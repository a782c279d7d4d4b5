#pragma once
/// One client connection: its socket, what came in but is not a whole frame, what has still to go out.

#include <caf/actor_control_block.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "actors/gateway/actor_translator.hpp"
#include "actors/io/io_thread.hpp"
#include "actors/io/socket.hpp"
#include "schema/ids.hpp"

namespace troupe::gateway {

/// When requests arrived, by batch, to know how long their replies took.
class arrivals {
 public:
  void push(std::int64_t us, std::uint32_t requests, std::size_t bytes) { list_.push_back({us, requests, bytes}); }
  bool empty() const { return head_ == list_.size(); }
  struct answered {
    std::int64_t us;
    std::size_t bytes;
  };  ///< bytes: of the batch, once its last request is answered
  answered pop() {
    auto& b = list_[head_];
    if (--b.requests) return {b.us, 0};
    answered out{b.us, b.bytes};
    if (++head_ == list_.size())
      list_.clear(), head_ = 0;
    else if (head_ >= 64 && head_ * 2 >= list_.size())
      list_.erase(list_.begin(), list_.begin() + static_cast<std::ptrdiff_t>(head_)), head_ = 0;
    return out;
  }

 private:
  struct batch {
    std::int64_t us;
    std::uint32_t requests;
    std::size_t bytes;
  };
  std::vector<batch> list_;
  std::size_t head_ = 0;
};

class connection;

class connection_owner {
 public:
  virtual void on_connection_ready(connection&, std::uint32_t events) = 0;

 protected:
  ~connection_owner() = default;
};

class connection final : public io::fd_handler {
 public:
  connection(connection_owner& owner, conn_id id, io::descriptor fd, io::peer_name peer)
      : id(id), fd(std::move(fd)), peer(std::move(peer)), owner_(owner) {}
  void on_ready(int, std::uint32_t events) override { owner_.on_connection_ready(*this, events); }

  enum class phase : std::uint8_t {
    fresh,      ///< no whole frame yet
    open,       ///< its frames go to the commit actor
    closing,    ///< nothing more is taken; what stands in `out` goes first
    lingering,  ///< our side is shut; what the client still says is thrown away
  };

  const conn_id id;
  io::descriptor fd;
  const io::peer_name peer;
  phase state = phase::fresh;
  bool opened = false;             ///< the commit actor knows of it
  bool paused = false;             ///< not read: a bound was reached
  bool dirty = false;              ///< in the list of those to flush
  bool waiting = false;            ///< in the list of those that a bound over all connections stopped
  std::uint32_t events = 0;        ///< what epoll was last told
  caf::strong_actor_ptr paced_by;  ///< waits for msg::drained
  std::string in, out;
  std::unique_ptr<actor_translator> translator;  ///< of the actor port's connections
  std::size_t out_at = 0;                        ///< sent of `out`
  std::size_t outstanding = 0, outstanding_bytes = 0;
  arrivals arrived;
  /// A reply's size, by the largest of the last ones: thirty bytes of request may ask for a megabyte. At first a guess, so that
  /// a connection whose replies nobody has seen begins with few requests at a time.
  std::size_t reply_bytes = 32 << 10;

  std::size_t unsent() const { return out.size() - out_at; }
  std::size_t expected_output() const { return unsent() + outstanding * reply_bytes; }

  // ---- for `cons` and `stat`
  struct numbers {
    std::uint64_t received = 0, sent = 0;
    std::uint64_t latency_min_us = ~0ull, latency_max_us = 0, latency_sum_us = 0, latency_count = 0,
                  latency_last_us = 0;
    std::int32_t last_op = 0, last_xid = 0;
    zxid_t last_zxid = 0;
    std::int64_t last_response_ms = 0;  ///< wall clock
  } stats;
  std::int64_t established_ms = 0;  ///< wall clock
  session_id session = 0;
  std::int32_t timeout_ms = 0;

 private:
  connection_owner& owner_;
};

}  // namespace troupe::gateway

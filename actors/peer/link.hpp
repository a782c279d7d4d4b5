#pragma once
/// One connection to a peer, or to somebody who has yet to say which peer it is.

#include <cstdint>
#include <string>

#include "actors/io/io_thread.hpp"
#include "actors/io/socket.hpp"
#include "actors/peer/frames.hpp"
#include "schema/ids.hpp"

namespace troupe::peer {

class link;

class link_owner {
 public:
  virtual void on_link_ready(link&, std::uint32_t events) = 0;

 protected:
  ~link_owner() = default;
};

class link final : public io::fd_handler {
 public:
  enum class phase : std::uint8_t {
    connecting,  ///< we dial
    answering,   ///< we dialled and said Hello: the peer's Hello is to come
    accepted,    ///< we were dialled: the peer's Hello is to come
    up,
    gone,
  };
  link(link_owner& owner, io::descriptor fd, node_id peer, phase p)
      : fd(std::move(fd)), peer(peer), state(p), owner_(owner) {}
  void on_ready(int, std::uint32_t events) override { owner_.on_link_ready(*this, events); }

  io::descriptor fd;
  node_id peer;  ///< 0 until it has said who it is
  phase state;
  bool dirty = false;
  std::uint32_t events = 0;  ///< what epoll was last told
  frame_reader in;
  frame_writer out;
  std::int64_t since_ms = 0, heard_ms = 0, sent_ms = 0;
  std::string address;  ///< for the log

 private:
  link_owner& owner_;
};

}  // namespace troupe::peer

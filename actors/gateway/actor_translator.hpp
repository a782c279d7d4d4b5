#pragma once
/// Between what an actor client says (schema/client.capnp) and the frames that the commit processor takes and the watch
/// notifier delivers: one for each connection of the actor port. No socket, no clock, no actor.
///
/// In      bytes of the client -> request_batch items, which are ZooKeeper's: a ConnectRequest for its Hello, xid, op and
///         body for each request, a ping for keepAlive
/// Out     delivered pieces -> frames of ToClient, each with as many items as have gathered
/// Bounds: a frame's length, before it is waited for; requests in a frame; each byte of a message is looked at once (a
/// message whose pointers share their target, to become more than what was sent, is malformed). A frame that is not taken
/// whole is refused, and the connection with it: the reason is made for the client to read, and of our own words only.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/commit/stream.hpp"
#include "schema/ids.hpp"
#include "schema/zookeeper.hpp"

namespace troupe::gateway {

/// Versions of client.capnp's conversation that this node speaks.
inline constexpr std::uint16_t oldest_client_version = 1, newest_client_version = 1;

class actor_translator {
 public:
  struct limits {
    std::size_t max_request = zk::max_frame;  ///< xid, op and body of one request
    std::size_t max_first_frame = 1'024;
  };
  /// A frame of output is closed once it has so many bytes.
  static constexpr std::size_t full_frame = std::size_t{1} << 20;

  explicit actor_translator(limits l) : limits_(l) {}

  // ---- in
  /// The first frame of `bytes`, header included. Empty: it is not whole yet, or `refused`.
  std::string_view first_frame(std::string_view bytes);
  /// Appends what it asks for, as items of `conn`. False: `refused`, and some of it may have been appended.
  bool take(std::string_view frame, conn_id conn, request_batch& out);
  bool refused() const { return !why_.empty(); }
  const std::string& why() const { return why_; }
  /// What came showed that a client of this conversation speaks, so that it will understand a Refused.
  bool understood() const { return understood_; }

  // ---- out
  /// One frame as the notifier delivers it, length included. A view: it must stay until it was written or forgotten.
  void collect(std::string_view piece);
  bool anything() const { return next_ < pieces_.size(); }
  /// Appends one frame with what was collected, or the beginning of it (`full_frame`). `out`: a multiple of 8 bytes.
  void write_frame(std::string& out);
  void forget_collected() { pieces_.clear(), next_ = 0; }
  static void write_refused(std::string& out, std::string_view why);

 private:
  enum class kind : std::uint8_t { welcome, response, event, notification, alive };
  struct piece {
    kind what;
    std::int32_t call = 0, error = 0;  ///< response; event: its type is `call`
    zxid_t zxid = 0;
    std::string_view body;  ///< event: its path
  };
  static std::size_t words_of(const piece&);

  bool refuse(std::string why);
  template <class Hello>
  bool take_hello(Hello, conn_id, request_batch&);
  template <class Requests>
  bool take_requests(Requests, conn_id, request_batch&);
  void write_welcome(const piece&, std::string& out) const;

  const limits limits_;
  bool understood_ = false, greeted_ = false, answered_ = false;  ///< answered: its Hello was
  std::uint16_t version_ = newest_client_version;
  std::string why_;
  std::vector<piece> pieces_;
  std::size_t next_ = 0;  ///< first of `pieces_` that is not written
};

}  // namespace troupe::gateway

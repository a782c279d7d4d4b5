#pragma once
/// Calls of request types of one's own (cluster/extension), as clients write them and as they are answered.
///
/// An actor client sends op `call` (client.capnp). Every other client creates a znode at `/zookeeper/call/NAME` or
/// `/zookeeper/call/NAME@VERSION`, with the request as its data; no such znode ever is: what comes back as the created
/// path is `<that path>/<reply>`. A request that is text (JSON) is answered by text, any other by base64url without
/// padding. The ACL of such a create means nothing, flags are refused.

#include <cstdint>
#include <string>
#include <string_view>

#include "schema/bytes.hpp"
#include "schema/jute.hpp"
#include "schema/zookeeper.hpp"

namespace troupe::commit {

inline constexpr std::string_view call_root = "/zookeeper/call/";
inline bool on_reserved_path(std::string_view path) { return path.starts_with(call_root); }

/// True for the body of a create that is a call. It need not be well-formed otherwise.
inline bool calls(zk::op op, std::string_view body) {
  constexpr std::size_t behind_length = 4;
  return (op == zk::op::create || op == zk::op::create2) && body.size() > behind_length &&
         on_reserved_path(body.substr(behind_length));
}

struct call_request {
  zk::err error = zk::err::ok;
  std::string why;  ///< of an error
  std::string_view name;
  std::uint16_t version = 0;  ///< 0: the newest
  std::string_view request;
  std::string_view path;    ///< of a create: as it was asked for
  shared_bytes keep_alive;  ///< what the views point into, if not into the body
};

/// Reads the body of `call`, or of a create that `calls`.
call_request decode_call(zk::op, std::string_view body);

/// Where a reply goes: what the node that was asked keeps of a call.
struct call_reply_form {
  zk::op op = zk::op::call;
  std::string path;   ///< of a create
  bool text = false;  ///< the request was text
};

/// The body of a successful reply.
void write_call_reply(jute::writer&, const call_reply_form&, std::string_view reply);

/// Header and body of a reply that left no transaction. `text`: the reply, or what was wrong.
void write_call_outcome(jute::writer&, std::int32_t xid, zxid_t, const call_reply_form&, zk::err,
                        std::string_view text);

/// The code as a client sees it: those of the ZooKeeper port may take one that is younger than they are for nonsense, and
/// lose their connection over it (kazoo does), so they get an older one.
zk::err call_error(zk::op, zk::err);

}  // namespace troupe::commit

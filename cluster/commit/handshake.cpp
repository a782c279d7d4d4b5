#include "cluster/commit/handshake.hpp"

#include "cluster/session/password.hpp"

namespace troupe::commit {

std::optional<connect_request> decode_connect(std::string_view frame) {
  jute::reader r(frame);
  connect_request c;
  r.i32();  // protocol version: always 0, never looked at
  c.last_zxid_seen = r.i64(), c.timeout_ms = r.i32(), c.session = r.i64(), c.password = r.buffer();
  c.has_read_only = r.ok() && !r.at_end();
  if (c.has_read_only) r.boolean();
  if (!r.done()) return {};
  return c;
}

void write_connect_response(jute::writer& w, session_id session, std::int32_t timeout_ms, bool with_read_only) {
  std::array<char, 16> password{};
  if (session) password = session::password_of(session);
  w.i32(0), w.i32(session ? timeout_ms : 0), w.i64(session), w.buffer({password.data(), password.size()});
  if (with_read_only) w.boolean(false);
}

}  // namespace troupe::commit

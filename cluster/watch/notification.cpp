#include "cluster/watch/notification.hpp"

#include "schema/client.capnp.h"
#include "schema/jute.hpp"

namespace troupe::watch {

namespace {

constexpr std::size_t header_bytes = 4 + 16;          ///< the frame's length, the reply header
constexpr std::size_t number_at = header_bytes + 16;  ///< behind the segment table of one segment and the root pointer

}  // namespace

void append_notification(std::string& out, zxid_t zxid, std::string_view flat) {
  jute::writer w(out);
  auto frame = w.begin_frame();
  w.i32(zk::xid_notification), w.i64(zxid), w.i32(0);
  out.append(flat);
  w.end_frame(frame);
}

void append_notification(std::string& out, std::int64_t subscription, const transaction_changes& t,
                         std::span<const std::uint32_t> which, bool with_data) {
  std::size_t bytes = 128;
  for (auto i : which) bytes += 64 + t.list[i].path.size() + (with_data ? t.list[i].data.size() : 0);
  capnp::MallocMessageBuilder m(static_cast<unsigned>(bytes / sizeof(capnp::word) + which.size()));
  auto n = m.initRoot<wire::Notification>();
  n.setSubscription(subscription), n.setZxid(t.zxid), n.setTimeMs(t.time_ms);
  auto list = n.initChanges(static_cast<unsigned>(which.size()));
  for (unsigned k = 0; k < which.size(); ++k) {
    auto& c = t.list[which[k]];
    auto to = list[k];
    to.setType(static_cast<std::int32_t>(c.type)), to.setVersion(c.version), to.setEphemeralOwner(c.ephemeral_owner);
    wire::set_text(to.initPath(static_cast<unsigned>(c.path.size())), c.path);
    if (with_data && !c.data.empty()) to.setData(wire::as_data(c.data));
  }
  append_notification(out, t.zxid, wire::flatten(m).view());
}

bool append_copy(std::string& out, std::size_t at, std::size_t size, std::int64_t subscription) {
  std::uint32_t segments = 0;
  std::memcpy(&segments, out.data() + at + header_bytes, 4);  // one less than there are
  if (segments) return false;
  auto copy = out.size();
  out.resize(copy + size);
  std::memcpy(out.data() + copy, out.data() + at, size);
  std::memcpy(out.data() + copy + number_at, &subscription, sizeof subscription);
  return true;
}

}  // namespace troupe::watch

#include "cluster/commit/transaction_builder.hpp"

#include <cstring>

#include "schema/flat_message.hpp"
#include "schema/records.capnp.h"

namespace troupe::commit {

namespace {

/// 16 KiB: nearly every transaction fits, and so needs no allocation but that of its result.
constexpr std::size_t scratch_words = 2048;

using wire::as_data;

void set_text(wire::Change::Builder c, std::string_view path) {
  auto t = c.initPath(static_cast<unsigned>(path.size()));
  std::memcpy(t.begin(), path.data(), path.size());
}

void fill(wire::Change::Builder c, const change_draft& d) {
  using kind = change_draft::kind;
  c.setOp(static_cast<std::int32_t>(d.op));
  if (!d.path.empty()) set_text(c, d.path);
  if (!d.acl_before.empty()) c.setAclBefore(as_data(d.acl_before));
  switch (d.what) {
    case kind::check:
      c.setCheck();
      break;
    case kind::create: {
      auto n = c.initCreate();
      if (d.data.data()) n.setData(as_data(d.data));  // null stays null, as in ZooKeeper
      n.setAcl(as_data(d.acl)), n.setEphemeralOwner(d.session), n.setParentCreates(d.number);
      break;
    }
    case kind::del:
      c.setDelete();
      break;
    case kind::set_data: {
      auto n = c.initSetData();
      if (d.data.data()) n.setData(as_data(d.data));
      n.setVersion(d.number);
      break;
    }
    case kind::set_acl: {
      auto n = c.initSetAcl();
      n.setAcl(as_data(d.acl)), n.setVersion(d.number);
      break;
    }
    case kind::open_session: {
      auto n = c.initOpenSession();
      n.setSession(d.session), n.setTimeoutMs(d.number);
      break;
    }
    case kind::close_session:
      c.setCloseSession(d.session);
      break;
  }
}

}  // namespace

transaction_builder::transaction_builder() : scratch_(scratch_words) {}

shared_bytes transaction_builder::build(session_id session, std::int64_t time_ms, node_id origin,
                                        std::uint64_t request_id) {
  // Its destructor zeroes what it used of the scratch.
  capnp::MallocMessageBuilder m(kj::arrayPtr(reinterpret_cast<capnp::word*>(scratch_.data()), scratch_.size()));
  auto t = m.initRoot<wire::Transaction>();
  t.setSession(session), t.setTimeMs(time_ms), t.setOriginNode(origin), t.setRequestId(request_id);
  auto list = t.initChanges(static_cast<unsigned>(changes.size()));
  for (unsigned i = 0; i < changes.size(); ++i) fill(list[i], changes[i]);
  if (!result.empty()) t.setResult(as_data(result));
  return wire::flatten(m);
}

}  // namespace troupe::commit

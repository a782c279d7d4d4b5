#include "cluster/watch/transaction_changes.hpp"

#include "schema/records.capnp.h"

namespace troupe::watch {

namespace {

tree::acl_ref acl_of(std::string_view bytes) {
  if (bytes.empty()) return {};
  jute::reader r(bytes);
  return std::make_shared<const zk::acl_list>(zk::read_acl(r));
}

}  // namespace

transaction_changes::transaction_changes(const shared_bytes& payload) : message_(payload) {
  auto t = message_.get<wire::Transaction>();
  time_ms = t.getTimeMs();
  for (auto c : t.getChanges()) {
    told_change out;
    switch (c.which()) {
      case wire::Change::CREATE: {
        auto n = c.getCreate();
        out.type = zk::event::node_created, out.data = wire::view(n.getData());
        out.ephemeral_owner = n.getEphemeralOwner(), out.acl = acl_of(wire::view(n.getAcl()));
        break;
      }
      case wire::Change::DELETE:
        out.type = zk::event::node_deleted, out.acl = acl_of(wire::view(c.getAclBefore()));
        break;
      case wire::Change::SET_DATA: {
        auto n = c.getSetData();
        out.type = zk::event::node_data_changed, out.data = wire::view(n.getData()), out.version = n.getVersion();
        out.acl = acl_of(wire::view(c.getAclBefore()));
        break;
      }
      default:
        continue;
    }
    out.path = wire::view(c.getPath());
    list.push_back(std::move(out));
  }
}

}  // namespace troupe::watch

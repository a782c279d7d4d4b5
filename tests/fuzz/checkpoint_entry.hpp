#pragma once
/// Values of a checkpoint's entries from packed fields: changing one byte of the input gives another znode, not a broken
/// pointer.

#include <capnp/message.h>
#include <capnp/serialize.h>

#include "cluster/tree/database.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace troupe::fuzz {

inline capnp::Data::Reader data(std::string_view s) { return {reinterpret_cast<const kj::byte*>(s.data()), s.size()}; }

inline std::string flat(capnp::MessageBuilder& m) {
  auto words = capnp::messageToFlatArray(m);
  auto bytes = words.asChars();
  return {bytes.begin(), bytes.size()};
}

/// A value of packed fields, as it stands in a table of a checkpoint.
inline std::string entry_value(input& in, tree::table where) {
  capnp::MallocMessageBuilder m(32);
  switch (where) {
    case tree::table::meta:
      m.initRoot<wire::StateMeta>().setNextSerial(in.u8());
      break;
    case tree::table::nodes: {
      auto n = m.initRoot<wire::StateNode>();
      n.setParent(in.u8());
      auto name = in.string();
      if (!name.empty()) name.copy(n.initName(static_cast<unsigned>(name.size())).begin(), name.size());
      auto packed = in.u8();
      n.setPzxid(packed & 7), n.setCreates(packed >> 3 & 3), n.setEphemeralOwner(packed >> 5 & 3);
      if (packed & 0x80)
        n.setData(data(in.string())), n.setAcl(in.u8()), n.setAversion(in.u8()), n.setVersion(in.i32());
      break;
    }
    case tree::table::sessions:
      m.initRoot<wire::StateSession>().setTimeoutMs(in.u8());
      break;
    case tree::table::acls: {
      auto raw = in.u8();
      std::string acl;
      jute::writer w(acl);
      zk::write(w, zk::acl_list{{raw, {"ip", "::1"}}});
      m.initRoot<wire::StateAcl>().setAcl(data(raw & 0x80 ? in.string() : std::string_view(acl)));
      break;
    }
  }
  return flat(m);
}

}  // namespace troupe::fuzz

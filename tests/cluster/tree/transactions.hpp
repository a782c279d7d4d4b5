#pragma once
/// Builds transactions and applies them, for the tests of the tree.

#include <capnp/message.h>

#include <string>
#include <string_view>
#include <vector>

#include "cluster/tree/database.hpp"
#include "schema/records.capnp.h"

namespace troupe::tree::test {

/// One change; the fields that its kind needs.
struct step {
  enum class kind { check, create, remove, set_data, set_acl, open, close } what = kind::check;
  std::string path;
  std::string data;
  bool null_data = false;
  std::string acl;          ///< jute; empty = world:anyone
  session_id session = 0;   ///< owner of an ephemeral; session opened or closed
  std::int32_t number = 0;  ///< creates of the parent, version, aversion, or timeout_ms
};

inline step create_node(std::string path, std::string data, std::int32_t parent_creates, session_id owner = 0) {
  return {step::kind::create, std::move(path), std::move(data), false, {}, owner, parent_creates};
}
inline step delete_node(std::string path) { return {step::kind::remove, std::move(path), {}, false, {}, 0, 0}; }
inline step set_data(std::string path, std::string data, std::int32_t version) {
  return {step::kind::set_data, std::move(path), std::move(data), false, {}, 0, version};
}
inline step set_acl(std::string path, std::string acl, std::int32_t aversion) {
  return {step::kind::set_acl, std::move(path), {}, false, std::move(acl), 0, aversion};
}
inline step open_session(session_id s, std::int32_t timeout_ms) {
  return {step::kind::open, {}, {}, false, {}, s, timeout_ms};
}
inline step close_session(session_id s) { return {step::kind::close, {}, {}, false, {}, s, 0}; }

inline capnp::Data::Reader bytes(const std::string& s) {
  return {reinterpret_cast<const capnp::byte*>(s.data()), s.size()};
}

/// What `apply` said is valid until the next transaction.
class applier {
 public:
  explicit applier(database& db) : db_(db) {}

  const std::vector<applied_change>& operator()(zxid_t zxid, std::int64_t time_ms, const std::vector<step>& steps) {
    message_ = std::make_unique<capnp::MallocMessageBuilder>();
    auto txn = message_->initRoot<wire::Transaction>();
    txn.setTimeMs(time_ms);
    auto changes = txn.initChanges(static_cast<unsigned>(steps.size()));
    for (unsigned i = 0; i < steps.size(); ++i) write(steps[i], changes[i]);
    out_.clear();
    db_.apply(zxid, txn.asReader(), out_);
    return out_;
  }

 private:
  static void write(const step& s, wire::Change::Builder c) {
    c.setPath(s.path.c_str());
    c.setOp(static_cast<std::int32_t>(s.what) + 1);
    switch (s.what) {
      case step::kind::check:
        c.setCheck();
        break;
      case step::kind::create: {
        auto b = c.initCreate();
        if (!s.null_data) b.setData(bytes(s.data));
        b.setAcl(bytes(s.acl));
        b.setEphemeralOwner(s.session);
        b.setParentCreates(s.number);
        break;
      }
      case step::kind::remove:
        c.setDelete();
        break;
      case step::kind::set_data: {
        auto b = c.initSetData();
        if (!s.null_data) b.setData(bytes(s.data));
        b.setVersion(s.number);
        break;
      }
      case step::kind::set_acl: {
        auto b = c.initSetAcl();
        b.setAcl(bytes(s.acl));
        b.setVersion(s.number);
        break;
      }
      case step::kind::open: {
        auto b = c.initOpenSession();
        b.setSession(s.session);
        b.setTimeoutMs(s.number);
        break;
      }
      case step::kind::close:
        c.setCloseSession(s.session);
        break;
    }
  }

  database& db_;
  std::unique_ptr<capnp::MallocMessageBuilder> message_;
  std::vector<applied_change> out_;
};

inline std::string acl_of_user(const std::string& user) {
  return canonical({{zk::perm::all, {"digest", user + ":hash"}}});
}

}  // namespace troupe::tree::test

#include <cstdio>

#include "tests/history/answers.hpp"

namespace troupe::history {

std::string hex(std::int64_t v) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(v));
  return text;
}

std::string name(zk::err e) {
  switch (e) {
    case zk::err::ok:
      return "OK";
    case zk::err::system_error:
      return "SYSTEMERROR";
    case zk::err::runtime_inconsistency:
      return "RUNTIMEINCONSISTENCY";
    case zk::err::marshalling_error:
      return "MARSHALLINGERROR";
    case zk::err::unimplemented:
      return "UNIMPLEMENTED";
    case zk::err::bad_arguments:
      return "BADARGUMENTS";
    case zk::err::no_node:
      return "NONODE";
    case zk::err::no_auth:
      return "NOAUTH";
    case zk::err::bad_version:
      return "BADVERSION";
    case zk::err::no_children_for_ephemerals:
      return "NOCHILDRENFOREPHEMERALS";
    case zk::err::node_exists:
      return "NODEEXISTS";
    case zk::err::not_empty:
      return "NOTEMPTY";
    case zk::err::session_expired:
      return "SESSIONEXPIRED";
    case zk::err::invalid_acl:
      return "INVALIDACL";
    case zk::err::session_moved:
      return "SESSIONMOVED";
    default:
      return "error " + std::to_string(static_cast<std::int32_t>(e));
  }
}

std::string name(zk::op o) {
  switch (o) {
    case zk::op::create:
      return "create";
    case zk::op::call:
      return "call";
    case zk::op::del:
      return "delete";
    case zk::op::exists:
      return "exists";
    case zk::op::get_data:
      return "getData";
    case zk::op::set_data:
      return "setData";
    case zk::op::get_acl:
      return "getACL";
    case zk::op::set_acl:
      return "setACL";
    case zk::op::get_children:
      return "getChildren";
    case zk::op::get_children2:
      return "getChildren2";
    case zk::op::sync:
      return "sync";
    case zk::op::ping:
      return "ping";
    case zk::op::check:
      return "check";
    case zk::op::multi:
      return "multi";
    case zk::op::create2:
      return "create2";
    case zk::op::auth:
      return "auth";
    case zk::op::set_watches:
      return "setWatches";
    case zk::op::create_session:
      return "createSession";
    case zk::op::close_session:
      return "closeSession";
    default:
      return "op " + std::to_string(static_cast<std::int32_t>(o));
  }
}

std::string name(zk::event e) {
  switch (e) {
    case zk::event::node_created:
      return "NodeCreated";
    case zk::event::node_deleted:
      return "NodeDeleted";
    case zk::event::node_data_changed:
      return "NodeDataChanged";
    case zk::event::node_children_changed:
      return "NodeChildrenChanged";
  }
  return "event " + std::to_string(static_cast<std::int32_t>(e));
}

}  // namespace troupe::history

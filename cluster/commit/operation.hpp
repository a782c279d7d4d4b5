#pragma once
/// The write operations on znodes as clients send them, alone or in a multi.

#include <cstdint>
#include <string_view>
#include <vector>

#include "schema/jute.hpp"
#include "schema/zookeeper.hpp"

namespace troupe::commit {

/// Views point into the request's body.
struct operation {
  zk::op op = zk::op::check;
  std::string_view path, data;
  zk::acl_list acl;
  bool open_acl = false;  ///< the ACL is world:anyone with all permissions; `acl` is left empty
  std::int32_t flags = 0, version = -1;
};

/// Reads the record of `op` (create, create2, createContainer, createTTL, delete, setData, setACL, check).
/// False if it does not fit or is none of these.
bool decode(zk::op op, jute::reader&, operation&);

/// Reads the body of a multi. False: marshalling error, or an operation that a multi cannot hold.
bool decode_multi(std::string_view body, std::vector<operation>&);

/// Body of the reply to a multi whose operation number `failed` of `count` failed with `code`: results before it say
/// 0, after it RUNTIMEINCONSISTENCY.
void write_failed_multi(jute::writer&, std::size_t count, std::size_t failed, zk::err code);

/// MultiHeader.
void write_multi_header(jute::writer&, std::int32_t type, bool done, std::int32_t err);

}  // namespace troupe::commit

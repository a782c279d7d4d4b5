#pragma once
/// Access control as ZooKeeper 3.9 does it (wire.md section 13 in short): permission bits per (scheme, id), no
/// inheritance, an empty list allows everything, credential scheme `super` bypasses.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "schema/zookeeper.hpp"

namespace troupe::tree {

/// An interned ACL. Null = world:anyone with all permissions, which nearly every znode has.
using acl_ref = std::shared_ptr<const zk::acl_list>;

/// The identities of one connection: always ("ip", address), and what it added by `auth`.
using credentials = std::vector<zk::id>;

/// True if `who` has any of the permission bits `wanted` under `list`.
bool allowed(const acl_ref& list, std::int32_t wanted, std::span<const zk::id> who);

/// What ZooKeeper's fixupACL does at create and setACL: removes duplicates, checks each entry (world:anyone; digest
/// "user:hash" with exactly two parts; ip address or address/bits, IPv4 and IPv6), expands scheme `auth` to one entry
/// per authenticated identity of the caller ("ip" does not count). Empty result = INVALIDACL (-114).
std::optional<zk::acl_list> fix_acl(const zk::acl_list& list, std::span<const zk::id> who);

/// Credential for auth data "user:password" of scheme digest: ("digest", "user:" + base64(sha1("user:password"))).
zk::id digest_id(std::string_view user_password);

/// The jute form that transactions carry and by which ACLs are interned; empty for world:anyone with all permissions.
std::string canonical(const zk::acl_list& list);

}  // namespace troupe::tree

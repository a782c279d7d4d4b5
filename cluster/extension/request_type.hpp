#pragma once
/// Request types of one's own: what a user writes to add one.
///
/// A request type is a class with a handler that looks at the tree and says what is to change. The leader runs it once for
/// each request, in the order of all writes, on the tree as it will be when everything that is pending is applied; what it
/// asks for becomes one transaction, at one zxid, all of it or nothing. What is replicated is the resulting state, so nodes
/// that lack the type apply it all the same. A type that is read-only runs on whatever node the client is connected to.
///
/// The handler acts for its caller: what the caller's session and identities may not do, it may not do either. Whatever
/// leaves it as an exception is the caller's error, and nothing of the request happens.
///
/// Handlers must not block, wait, start threads, or keep a `request_context` or anything from it beyond their return.
/// They need not be deterministic, since their effects are replicated and not their execution; but whoever wants them
/// to run in the simulator takes time and identity from the context alone.

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/tree/acl.hpp"
#include "schema/ids.hpp"
#include "schema/zookeeper.hpp"

namespace troupe::extension {

/// Ends the request with one of ZooKeeper's codes and a sentence for whoever reads it. An actor client gets both, a
/// ZooKeeper client the code.
class request_failed : public std::runtime_error {
 public:
  request_failed(zk::err code, const std::string& why) : std::runtime_error(why), code_(code) {}
  zk::err code() const { return code_; }

 private:
  zk::err code_;
};

struct znode {
  std::string data;
  bool null_data = false;  ///< jute tells null from empty
  std::int32_t version = 0;
  session_id ephemeral_owner = 0;
  std::int64_t child_count = 0;
};

enum class create_mode : std::uint8_t { persistent, persistent_sequential, ephemeral, ephemeral_sequential };

/// The tree as the request sees it, its own changes included, and what it may do to it. Every member throws request_failed
/// where the caller lacks the right (NOAUTH), where the operation is refused as ZooKeeper would refuse it (NONODE,
/// BADVERSION, NOTEMPTY, ...), and where a limit of the type is passed; a handler may catch that and go on.
class request_context {
 public:
  virtual ~request_context() = default;

  // ---- who asks, and when
  virtual session_id session() const = 0;
  virtual const tree::credentials& caller() const = 0;
  virtual std::int64_t now_ms() const = 0;  ///< the time of the transaction: the leader's wall clock

  // ---- reading
  virtual std::optional<znode> get(std::string_view path) = 0;  ///< nothing: no such znode
  virtual bool exists(std::string_view path) = 0;
  virtual std::vector<std::string> children(std::string_view path) = 0;  ///< names, sorted; NONODE

  // ---- changing; a read-only type gets NOTREADONLY
  /// The path that was created: sequential modes append the number. Empty ACL: world:anyone with all permissions.
  virtual std::string create(std::string_view path, std::string_view data, create_mode mode = create_mode::persistent,
                             const zk::acl_list& acl = {}) = 0;
  virtual void set_data(std::string_view path, std::string_view data, std::int32_t version = -1) = 0;
  virtual void remove(std::string_view path, std::int32_t version = -1) = 0;
  virtual void set_acl(std::string_view path, const zk::acl_list& acl, std::int32_t version = -1) = 0;
};

/// Past any of these a request fails with QUOTAEXCEEDED (bytes, operations, reads) or REQUESTTIMEOUT.
struct limits {
  std::size_t request_bytes = 256 << 10, reply_bytes = 256 << 10;
  std::size_t operations = 10'000;  ///< changes
  std::size_t reads = 100'000;      ///< znodes and names looked at
  std::int64_t time_ms = 50;        ///< of the leader's, for one request: everybody else waits meanwhile
};

struct description {
  std::string name;           ///< letters, digits, '-', '_', '.'; 1 to 64 of them; "troupe." is for those that ship
  std::uint16_t version = 1;  ///< of its schemas: both versions may be registered while clients move over
  bool read_only = false;
  limits bounds;
};

/// One request type. The node has one object of it, which handles one request at a time.
class request_type {
 public:
  virtual ~request_type() = default;
  virtual const description& about() const = 0;
  /// `request`: as the client sent it (any alignment). Returns the reply's bytes.
  virtual std::string handle(std::string_view request, request_context&) = 0;
};

}  // namespace troupe::extension

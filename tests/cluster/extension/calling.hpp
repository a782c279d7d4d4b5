#pragma once
/// Calls on the ensemble of tests/cluster/commit/harness.hpp: types made of a function, and both ways to call them.

#include <capnp/message.h>
#include <capnp/serialize.h>

#include "cluster/extension/executor.hpp"
#include "cluster/extension/types/shipped.hpp"
#include "schema/client.capnp.h"
#include "tests/cluster/commit/harness.hpp"

namespace troupe::test {

using extension::request_context;
using extension::request_failed;
using handler = std::function<std::string(std::string_view, request_context&)>;

class scripted final : public extension::request_type {
 public:
  scripted(extension::description about, handler h) : about_(std::move(about)), handler_(std::move(h)) {}
  const extension::description& about() const override { return about_; }
  std::string handle(std::string_view request, request_context& c) override { return handler_(request, c); }

 private:
  extension::description about_;
  handler handler_;
};

inline extension::description named(std::string name, std::uint16_t version = 1, bool read_only = false,
                                    extension::limits bounds = {}) {
  return {.name = std::move(name), .version = version, .read_only = read_only, .bounds = bounds};
}

/// The shipped types, and `more`.
inline std::shared_ptr<extension::request_types> types_with(
    const std::vector<std::shared_ptr<extension::request_type>>& more = {}) {
  auto out = extension::shipped_types();
  for (auto& t : more) out->known.add(t);
  return out;
}

inline ensemble::types_of everywhere(std::shared_ptr<const extension::request_types> types) {
  return [types](node_id) { return types; };
}

inline std::shared_ptr<extension::request_type> type_of(extension::description about, handler h) {
  return std::make_shared<scripted>(std::move(about), std::move(h));
}

/// An ensemble whose nodes have the shipped types and one called "t", made of `h`.
struct with_type {
  explicit with_type(handler h, extension::limits bounds = {}, node_id size = 1, commit::settings cfg = {})
      : e(size, cfg, everywhere(types_with({type_of(named("t", 1, false, bounds), std::move(h))}))) {}
  ensemble e;
};

inline std::string call_body(std::string_view type, std::string_view request, std::uint16_t version = 0) {
  capnp::MallocMessageBuilder m;
  auto c = m.initRoot<wire::Call>();
  c.setType(std::string(type)), c.setVersion(version);
  c.setRequest({reinterpret_cast<const kj::byte*>(request.data()), request.size()});
  auto flat = capnp::messageToFlatArray(m);
  auto bytes = flat.asBytes();
  return {reinterpret_cast<const char*>(bytes.begin()), bytes.size()};
}

/// A client of the actor port.
class actor_client : public client {
 public:
  explicit actor_client(ensemble& e, node_id node = ensemble::leader)
      : client((e.next_conn |= actor_port_bit, e), node) {
    connect();
  }
};

/// What came back from a call: the code, and the reply or what was wrong.
struct replied {
  err code;
  std::string text;
  zxid_t zxid;
};

inline replied answer_of(const seen& s) { return {s.error(), std::string(s.rest().rest()), s.zxid}; }

inline replied call(actor_client& c, std::string_view type, std::string_view request = "", std::uint16_t version = 0) {
  return answer_of(c.call(op::call, call_body(type, request, version)));
}

/// By way of a create; the text is what stands behind the request's path.
inline replied call_by_create(client& c, const std::string& type, std::string_view request = "", op o = op::create) {
  auto path = "/zookeeper/call/" + type;
  auto s = c.call(o, create_body(path, request));
  if (s.error() != err::ok) {
    CHECK(s.rest().at_end());
    return {s.error(), "", s.zxid};
  }
  auto r = s.rest();
  std::string out(r.ustring());
  REQUIRE(out.starts_with(path + "/"));
  if (o == op::create2) CHECK(r.rest() == std::string_view(std::string(68, '\0')));
  return {err::ok, out.substr(path.size() + 1), s.zxid};
}

inline std::string data_at(ensemble& e, std::string_view path, node_id n = ensemble::leader) {
  auto* z = e.db(n).find(path);
  REQUIRE(z);
  return std::string(e.db(n).data_of(*z));
}

}  // namespace troupe::test

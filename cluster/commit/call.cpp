#include "cluster/commit/call.hpp"

#include <capnp/serialize.h>
#include <kj/exception.h>

#include <charconv>

#include "cluster/commit/reply.hpp"
#include "cluster/extension/form.hpp"
#include "schema/client.capnp.h"

namespace troupe::commit {

namespace {

using zk::err;

call_request wrong(err code, std::string why) {
  call_request out;
  out.error = code, out.why = std::move(why);
  return out;
}

call_request decode_message(std::string_view body) {
  auto kept = shared_bytes::copy_of(body);  // as Cap'n Proto wants it to lie
  try {
    capnp::FlatArrayMessageReader message(
        kj::arrayPtr(reinterpret_cast<const capnp::word*>(kept.data()), kept.size() / sizeof(capnp::word)));
    auto call = message.getRoot<wire::Call>();
    auto name = call.getType();
    auto request = call.getRequest();
    call_request out;
    out.name = {name.begin(), name.size()}, out.version = call.getVersion();
    out.request = {reinterpret_cast<const char*>(request.begin()), request.size()};
    out.keep_alive = std::move(kept);
    return out;
  } catch (const kj::Exception& e) {
    return wrong(err::marshalling_error, "the call cannot be read: " + std::string(e.getDescription().cStr()));
  }
}

call_request decode_create(std::string_view body) {
  jute::reader r(body);
  call_request out;
  out.path = r.ustring(), out.request = r.buffer();
  zk::read_acl(r);
  auto flags = r.i32();
  if (!r.ok()) return wrong(err::marshalling_error, "the request cannot be read");
  if (flags != 0) return wrong(err::bad_arguments, "a call is a plain create: persistent, not sequential");
  auto name = out.path.substr(call_root.size());
  if (auto at = name.rfind('@'); at != name.npos) {
    auto number = name.substr(at + 1);
    auto [end, code] = std::from_chars(number.data(), number.data() + number.size(), out.version);
    if (code != std::errc{} || end != number.data() + number.size() || out.version == 0)
      return wrong(err::bad_arguments, "'" + std::string(number) + "' is no version: 1 to 65535");
    name = name.substr(0, at);
  }
  out.name = name;
  return out;
}

constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string base64url(std::string_view s) {
  std::string out;
  out.reserve(s.size() * 4 / 3 + 3);
  for (std::size_t i = 0; i < s.size(); i += 3) {
    std::uint32_t bits = 0;
    auto n = std::min<std::size_t>(3, s.size() - i);
    for (std::size_t j = 0; j < 3; ++j) bits = bits << 8 | (j < n ? static_cast<unsigned char>(s[i + j]) : 0u);
    for (std::size_t j = 0; j <= n; ++j) out.push_back(digits[bits >> (18 - 6 * j) & 63]);
  }
  return out;
}

}  // namespace

call_request decode_call(zk::op op, std::string_view body) {
  return op == zk::op::call ? decode_message(body) : decode_create(body);
}

void write_call_reply(jute::writer& w, const call_reply_form& form, std::string_view reply) {
  if (form.op == zk::op::call) {
    w.out() += reply;
    return;
  }
  bool as_it_is = form.text && extension::is_plain_text(reply, false);
  w.ustring(form.path + "/" + (as_it_is ? std::string(reply) : base64url(reply)));
  if (form.op == zk::op::create2) zk::write(w, zk::stat{});
}

void write_call_outcome(jute::writer& w, std::int32_t xid, zxid_t zxid, const call_reply_form& form, err code,
                        std::string_view text) {
  write_reply_header(w, xid, zxid, call_error(form.op, code));
  if (code == err::ok)
    write_call_reply(w, form, text);
  else if (form.op == zk::op::call)
    w.out() += text;
}

err call_error(zk::op op, err code) {
  if (op == zk::op::call) return code;
  switch (code) {
    case err::request_timeout:
      return err::operation_timeout;
    case err::quota_exceeded:
      return err::bad_arguments;
    case err::ok:
    case err::system_error:
    case err::runtime_inconsistency:
    case err::marshalling_error:
    case err::unimplemented:
    case err::operation_timeout:
    case err::bad_arguments:
    case err::no_node:
    case err::no_auth:
    case err::bad_version:
    case err::no_children_for_ephemerals:
    case err::node_exists:
    case err::not_empty:
    case err::session_expired:
    case err::invalid_acl:
    case err::auth_failed:
    case err::session_moved:
    case err::not_read_only:
      return code;
    default:
      return err::system_error;
  }
}

}  // namespace troupe::commit

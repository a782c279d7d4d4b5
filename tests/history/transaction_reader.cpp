#include "tests/history/transaction_reader.hpp"

#include <capnp/serialize.h>

#include <stdexcept>

#include "schema/bytes.hpp"
#include "schema/records.capnp.h"

namespace troupe::history {

namespace {

std::string text(capnp::Text::Reader t) { return {t.begin(), t.size()}; }
std::string bytes(capnp::Data::Reader d) { return {reinterpret_cast<const char*>(d.begin()), d.size()}; }

zk::acl_list acl(capnp::Data::Reader d) {
  if (d.size() == 0) return {};
  auto copy = bytes(d);
  jute::reader r(copy);
  auto list = zk::read_acl(r);
  if (!r.done()) throw std::runtime_error("an ACL of " + std::to_string(copy.size()) + " bytes is malformed");
  return list;
}

change read(wire::Change::Reader r) {
  using kind = change::kind;
  change c;
  c.op = static_cast<zk::op>(r.getOp());
  c.path = text(r.getPath());
  switch (r.which()) {
    case wire::Change::CHECK:
      break;
    case wire::Change::CREATE:
      c.what = kind::create;
      c.data = bytes(r.getCreate().getData()), c.acl = acl(r.getCreate().getAcl());
      c.ephemeral_owner = r.getCreate().getEphemeralOwner(), c.parent_creates = r.getCreate().getParentCreates();
      break;
    case wire::Change::DELETE:
      c.what = kind::del;
      break;
    case wire::Change::SET_DATA:
      c.what = kind::set_data;
      c.data = bytes(r.getSetData().getData()), c.version = r.getSetData().getVersion();
      break;
    case wire::Change::SET_ACL:
      c.what = kind::set_acl;
      c.acl = acl(r.getSetAcl().getAcl()), c.version = r.getSetAcl().getVersion();
      break;
    case wire::Change::OPEN_SESSION:
      c.what = kind::open_session;
      c.session = r.getOpenSession().getSession(), c.timeout_ms = r.getOpenSession().getTimeoutMs();
      break;
    case wire::Change::CLOSE_SESSION:
      c.what = kind::close_session;
      c.session = r.getCloseSession();
      break;
    default:
      throw std::runtime_error("a change of unknown kind " + std::to_string(static_cast<unsigned>(r.which())));
  }
  return c;
}

}  // namespace

txn read_transaction(zxid_t zxid, std::string_view payload) try {
  auto aligned = shared_bytes::copy_of(payload);
  capnp::ReaderOptions options;
  options.traversalLimitInWords = 1024 + 2 * payload.size();
  capnp::FlatArrayMessageReader message(
      kj::arrayPtr(reinterpret_cast<const capnp::word*>(aligned.data()), payload.size() / sizeof(capnp::word)),
      options);
  auto r = message.getRoot<wire::Transaction>();
  txn t;
  t.zxid = zxid, t.session = r.getSession(), t.time_ms = r.getTimeMs(), t.origin = r.getOriginNode();
  t.request_id = r.getRequestId();
  for (auto c : r.getChanges()) t.changes.push_back(read(c));
  return t;
} catch (const kj::Exception& e) {
  throw std::runtime_error("not a transaction: " + std::string(e.getDescription().cStr()));
}

}  // namespace troupe::history

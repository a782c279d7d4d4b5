#include "cluster/commit/call_context.hpp"

#include <algorithm>

namespace troupe::commit {

using extension::create_mode;
using extension::request_failed;
using extension::znode;
using zk::err;

namespace {

const char* sentence(err code) {
  switch (code) {
    case err::no_node:
      return "there is no such znode";
    case err::no_auth:
      return "the caller has no right to this";
    case err::bad_version:
      return "the znode has another version";
    case err::node_exists:
      return "the znode exists";
    case err::not_empty:
      return "the znode has children";
    case err::no_children_for_ephemerals:
      return "an ephemeral znode has no children";
    case err::invalid_acl:
      return "the ACL is not well-formed";
    case err::bad_arguments:
      return "this cannot be";
    case err::quota_exceeded:
      return "the session has too many ephemerals";
    default:
      return "refused";
  }
}

/// What a change takes in a transaction, beside its path and data. Rounded up.
constexpr std::size_t change_bytes = 128;

}  // namespace

// ---- both

void counting_context::refuse(err code, std::string_view path) {
  throw request_failed(code, std::string(path) + ": " + sentence(code));
}

void counting_context::count_reads(std::size_t n) {
  reads_ += n;
  if (reads_ > about_.bounds.reads)
    throw request_failed(err::quota_exceeded, "the handler looked at more than " + std::to_string(about_.bounds.reads) +
                                                  " znodes and names");
}

void counting_context::count_operation() {
  if (about_.read_only) throw request_failed(err::not_read_only, "a type that is read-only changes nothing");
  if (++operations_ > about_.bounds.operations)
    throw request_failed(err::quota_exceeded,
                         "the handler asked for more than " + std::to_string(about_.bounds.operations) + " changes");
}

void counting_context::need_read(const tree::acl_ref& acl, std::string_view path) const {
  if (!tree::allowed(acl, zk::perm::read, creds_)) refuse(err::no_auth, path);
}

// ---- reading_context

const tree::znode* reading_context::find(std::string_view path) {
  count_reads(1);
  auto* n = db_.find(path);
  if (n) need_read(db_.acl_of(*n), path);
  return n;
}

std::optional<znode> reading_context::get(std::string_view path) {
  auto* n = find(path);
  if (!n) return {};
  auto data = db_.data_of(*n);
  auto stat = db_.stat_of(*n);
  return znode{std::string(data), data.data() == nullptr, stat.version, stat.ephemeral_owner, stat.num_children};
}

bool reading_context::exists(std::string_view path) { return find(path) != nullptr; }

std::vector<std::string> reading_context::children(std::string_view path) {
  auto* n = find(path);
  if (!n) refuse(err::no_node, path);
  count_reads(db_.child_count(*n));
  std::vector<std::string> out;
  out.reserve(db_.child_count(*n));
  db_.for_each_child(*n, [&](std::string_view name) { out.emplace_back(name); });
  std::sort(out.begin(), out.end());
  return out;
}

namespace {
[[noreturn]] void only_reads() { throw request_failed(err::not_read_only, "a type that is read-only changes nothing"); }
}  // namespace

std::string reading_context::create(std::string_view, std::string_view, create_mode, const zk::acl_list&) {
  only_reads();
}
void reading_context::set_data(std::string_view, std::string_view, std::int32_t) { only_reads(); }
void reading_context::remove(std::string_view, std::int32_t) { only_reads(); }
void reading_context::set_acl(std::string_view, const zk::acl_list&, std::int32_t) { only_reads(); }

// ---- changing_context

node_state changing_context::look(std::string_view path) {
  count_reads(1);
  auto n = pending_.look(path);
  if (n.exists) need_read(n.acl, path);
  return n;
}

std::optional<znode> changing_context::get(std::string_view path) {
  auto n = look(path);
  if (!n.exists) return {};
  auto data = pending_.data_of(path, txn_);
  return znode{std::string(data), data.data() == nullptr, n.version, n.ephemeral_owner, n.children};
}

bool changing_context::exists(std::string_view path) { return look(path).exists; }

std::vector<std::string> changing_context::children(std::string_view path) {
  auto n = look(path);
  if (!n.exists) refuse(err::no_node, path);
  count_reads(static_cast<std::size_t>(n.children));
  return pending_.children_of(path);
}

/// The views of the operation are replaced by ones that live as long as the transaction is being prepared.
void changing_context::change(operation& o) {
  count_operation();
  auto bytes = o.path.size() + o.data.size() + change_bytes;
  for (auto& a : o.acl) bytes += a.who.scheme.size() + a.who.name.size() + change_bytes;
  if (bytes > bytes_left_) throw request_failed(err::marshalling_error, "the transaction would be too large");
  bytes_left_ -= bytes;  // of one that is refused too: its copy is kept all the same
  o.path = txn_.keep(std::string(o.path));
  if (o.data.data()) o.data = txn_.keep(std::string(o.data));
  if (auto e = prepare_operation(o, who(), pending_, txn_); e != err::ok) refuse(e, o.path);
}

std::string changing_context::create(std::string_view path, std::string_view data, create_mode mode,
                                     const zk::acl_list& acl) {
  constexpr std::int32_t ephemeral = 1, sequential = 2;
  operation o;
  o.op = zk::op::create, o.path = path, o.data = data, o.acl = acl, o.open_acl = acl.empty();
  if (mode == create_mode::ephemeral || mode == create_mode::ephemeral_sequential) o.flags |= ephemeral;
  if (mode == create_mode::persistent_sequential || mode == create_mode::ephemeral_sequential) o.flags |= sequential;
  change(o);
  return std::string(txn_.changes.back().path);
}

void changing_context::set_data(std::string_view path, std::string_view data, std::int32_t version) {
  operation o;
  o.op = zk::op::set_data, o.path = path, o.data = data, o.version = version;
  change(o);
}

void changing_context::remove(std::string_view path, std::int32_t version) {
  operation o;
  o.op = zk::op::del, o.path = path, o.version = version;
  change(o);
}

void changing_context::set_acl(std::string_view path, const zk::acl_list& acl, std::int32_t version) {
  operation o;
  o.op = zk::op::set_acl, o.path = path, o.acl = acl, o.open_acl = acl.empty(), o.version = version;
  change(o);
}

}  // namespace troupe::commit

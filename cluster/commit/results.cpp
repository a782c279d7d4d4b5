#include "cluster/commit/results.hpp"

#include "cluster/commit/operation.hpp"

namespace troupe::commit {

namespace {

void write_one(jute::writer& w, const tree::applied_change& c) {
  switch (static_cast<zk::op>(c.op)) {
    case zk::op::create:
      return w.ustring(c.path);
    case zk::op::create2:
      return w.ustring(c.path), zk::write(w, c.st);
    case zk::op::set_data:
    case zk::op::set_acl:
      return zk::write(w, c.st);
    default:
      return;
  }
}

}  // namespace

void write_result(jute::writer& w, zk::op request, std::span<const tree::applied_change> changes) {
  if (request != zk::op::multi) {
    if (!changes.empty()) write_one(w, changes.front());
    return;
  }
  for (auto& c : changes) {
    write_multi_header(w, c.op, false, 0);
    write_one(w, c);
  }
  write_multi_header(w, -1, true, -1);
}

}  // namespace troupe::commit

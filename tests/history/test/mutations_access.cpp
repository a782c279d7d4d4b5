/// Who may do what: ACLs that are not heeded, or heeded without need.

#include "tests/history/test/mutation_view.hpp"

namespace troupe::history::test {

namespace {

/// The znode of this reply was created with an ACL that nobody has `permission` in, and its ACL was never set.
bool take_away(view& v, const entry& of, const std::string& path, std::int32_t permission) {
  if (!of.got.stat || of.got.stat->aversion != 0) return false;
  auto* t = v.at(of.got.stat->czxid);
  if (!t || t->changes.size() != 1) return false;
  for (auto& e : v.h.entries) {
    if (e.what != kind::reply || e.zxid != t->zxid || e.got.path != path || !v.granted(e)) continue;
    auto& r = v.h.entries[v.calls.at(e.call)].asked;
    if ((r.op != zk::op::create && r.op != zk::op::create2) || !r.acl.empty()) continue;
    r.acl = t->changes[0].acl = {{zk::perm::all & ~permission, {"world", "anyone"}}};
    return true;
  }
  return false;
}

bool read_against_its_acl(history& h, dice& d) {
  view v(h);
  auto* e = v.reply_to(d, [&](auto& x, auto& r) { return r.op == zk::op::get_data && v.granted(x); });
  return e && take_away(v, *e, v.asked(*e).path, zk::perm::read);
}

bool write_against_its_acl(history& h, dice& d) {
  view v(h);
  auto* e = v.reply_to(d, [&](auto& x, auto& r) { return r.op == zk::op::set_data && v.granted(x); });
  return e && take_away(v, *e, v.asked(*e).path, zk::perm::write);
}

bool read_refused(history& h, dice& d) {
  view v(h);
  auto* e = v.reply_to(d, [&](auto& x, auto& r) {
    return (r.op == zk::op::get_data || r.op == zk::op::get_children || r.op == zk::op::get_acl) && v.granted(x);
  });
  if (!e) return false;
  e->got = {}, e->got.error = zk::err::no_auth;
  return true;
}

bool write_refused_for_another_reason(history& h, dice& d) {
  view v(h);
  auto* e = v.reply_to(d, [&](auto& x, auto&) { return v.writes(x) && x.got.error != zk::err::ok; });
  if (!e) return false;
  e->got.error = e->got.error == zk::err::no_auth ? zk::err::no_node : zk::err::no_auth;
  return true;
}

bool another_acl(history& h, dice& d) {
  view v(h);
  auto* e = v.reply_to(d, [&](auto& x, auto& r) { return r.op == zk::op::get_acl && v.granted(x); });
  if (!e) return false;
  e->got.acl.push_back({zk::perm::read, {"digest", "stranger:hash"}});
  return true;
}

}  // namespace

std::vector<mutation> access_mutations() {
  return {
      {"a read is granted against the ACL", "reads", read_against_its_acl},
      {"a write is granted against the ACL", "results", write_against_its_acl},
      {"a read is refused though the ACL allows it", "reads", read_refused},
      {"a write is refused for its ACL instead of the reason that it has", "errors", write_refused_for_another_reason},
      {"getACL shows another ACL", "reads", another_acl},
  };
}

}  // namespace troupe::history::test

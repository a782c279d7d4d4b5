#include "tests/history/answers.hpp"

#include <algorithm>

#include "tests/history/calls.hpp"
#include "tests/history/trial.hpp"

namespace troupe::history {

using zk::err;

namespace {

std::string instead(err got, err right) { return "the answer was " + name(got) + ", but " + name(right) + " is right"; }

std::string fault_of_stat(const result& got, const model::node& n) {
  if (!got.stat) return {};
  return difference(*got.stat, model::stat_of(n));
}

std::string fault_of_children(const result& got, const model::node& n) {
  if (std::equal(got.children.begin(), got.children.end(), n.children.begin(), n.children.end())) return {};
  std::string there, seen;
  for (auto& c : n.children) there += ' ' + std::string(c);
  for (auto& c : got.children) seen += ' ' + c;
  return "the children were" + (seen.empty() ? " none" : seen) + ", but" + (there.empty() ? " none" : there) +
         " is right";
}

/// Who may not administer a znode doesn't see the hashes of its passwords.
zk::acl_list shown(const model::node& n, const caller& who) {
  if (!n.acl) return {{zk::perm::all, {"world", "anyone"}}};
  auto list = *n.acl;
  if (!allowed(n.acl, zk::perm::admin, who))
    for (auto& a : list)
      if (a.who.scheme == "digest") a.who.name = a.who.name.substr(0, a.who.name.find(':')) + ":x";
  return list;
}

zk::acl_list spelt_out(const zk::acl_list& l) {
  return l.empty() ? zk::acl_list{{zk::perm::all, {"world", "anyone"}}} : l;
}

/// Refusals that tell of limits and not of the tree: nothing can be claimed about them.
bool by_limit(err e) { return e == err::system_error || e == err::quota_exceeded || e == err::marshalling_error; }

bool same_acl(const zk::acl_list& there, const zk::acl_list& asked, const caller& who) {
  zk::acl_list acl;
  return resolve_acl(asked, who, acl) && acl == there;
}

std::int32_t wanted_permission(zk::op o) {
  return o == zk::op::get_acl ? zk::perm::read | zk::perm::admin : zk::perm::read;
}

}  // namespace

std::string fault_of_read(const model& m, const caller& who, const request& r, const result& got) {
  auto* n = m.find(r.path);
  auto right = err::ok;
  if (!n)
    right = err::no_node;
  else if (!allowed(n->acl, wanted_permission(r.op), who))
    right = err::no_auth;
  if (r.op == zk::op::exists && r.path.find('\0') != r.path.npos) right = err::bad_arguments;
  if (got.error != right) return instead(got.error, right);
  if (right != err::ok) return {};
  switch (r.op) {
    case zk::op::exists:
      return got.stat ? fault_of_stat(got, *n) : "the answer has no Stat";
    case zk::op::get_data:
      if (got.data != n->data)
        return "the data were '" + got.data.substr(0, 60) + "', but '" + std::string(n->data.substr(0, 60)) +
               "' is right";
      return fault_of_stat(got, *n);
    case zk::op::get_acl:
      if (spelt_out(got.acl) != shown(*n, who)) return "the ACL is another one";
      return fault_of_stat(got, *n);
    case zk::op::get_children:
    case zk::op::get_children2: {
      auto wrong = fault_of_children(got, *n);
      return wrong.empty() ? fault_of_stat(got, *n) : wrong;
    }
    default:
      return {};
  }
}

std::string fault_of_refusal(const model& m, const caller& who, const request& r, const result& got) {
  if (by_limit(got.error)) return {};
  if (r.op == zk::op::call && m.alive(who.session)) {
    auto right = perform_call(m, who, r);
    if (got.error != right.error) return instead(got.error, right.error);
    if (right.error != err::ok) return {};
    if (!right.parts.empty()) return "it left no transaction, but had something to change";
    return got.data == right.reply ? "" : "the reply was " + got.data + ", but " + right.reply + " is right";
  }
  trial t(m, who);
  auto [right, at] = t.perform_all(r);
  if (r.op != zk::op::multi || right == err::session_expired || got.error != err::ok)
    return got.error == right ? "" : instead(got.error, right);
  if (got.parts.size() != r.parts.size())
    return "the multi of " + std::to_string(r.parts.size()) + " has " + std::to_string(got.parts.size()) + " results";
  if (right == err::ok && !r.parts.empty()) at = r.parts.size();
  for (std::size_t i = 0; i < r.parts.size(); ++i) {
    auto e = i < at ? err::ok : i == at ? right : err::runtime_inconsistency;
    if (by_limit(got.parts[i].error)) return {};
    if (got.parts[i].error != e) return "part " + std::to_string(i) + ": " + instead(got.parts[i].error, e);
  }
  return {};
}

bool could_be(const change& c, const request& part, const caller& who) {
  if (c.op != part.op) return false;
  switch (part.op) {
    case zk::op::create:
    case zk::op::create2: {
      if (c.what != change::kind::create || c.data != part.data) return false;
      if (c.ephemeral_owner != (part.flags & request::ephemeral ? who.session : 0)) return false;
      if (!same_acl(c.acl, part.acl, who)) return false;
      if (!(part.flags & request::sequential)) return c.path == part.path;
      return c.path.starts_with(part.path) && c.path.size() >= part.path.size() + 10 &&
             c.path.find('/', part.path.size()) == c.path.npos;
    }
    case zk::op::del:
      return c.what == change::kind::del && c.path == part.path;
    case zk::op::set_data:
      return c.what == change::kind::set_data && c.path == part.path && c.data == part.data &&
             (part.version == -1 || c.version == next_version(part.version));
    case zk::op::set_acl:
      return c.what == change::kind::set_acl && c.path == part.path && same_acl(c.acl, part.acl, who) &&
             (part.version == -1 || c.version == next_version(part.version));
    case zk::op::check:
      return c.what == change::kind::check && c.path == part.path;
    default:
      return false;
  }
}

bool could_be(const txn& t, const request& r, const caller& who) {
  if (t.changes.empty()) return false;
  if (r.op == zk::op::close_session) {
    auto& last = t.changes.back();
    return last.what == change::kind::close_session && last.session == t.session && t.origin != 0;
  }
  if (r.op == zk::op::call) return could_be_call(t, r);
  if (r.op != zk::op::multi) return t.changes.size() == 1 && could_be(t.changes[0], r, who);
  if (t.changes.size() != r.parts.size()) return false;
  for (std::size_t i = 0; i < r.parts.size(); ++i)
    if (!could_be(t.changes[i], r.parts[i], who)) return false;
  return true;
}

std::string misfit(const change& c, const request& part, const std::string& path, const caller& who) {
  if (!could_be(c, part, who)) return name(part.op) + " " + part.path + " did not become what the log has";
  if (c.what == change::kind::create && c.path != path) return "it created " + c.path + ", but " + path + " is right";
  return {};
}

std::string fault_of_result(const model& m, const change& c, const request& part, const result& got) {
  if (got.error != err::ok) return instead(got.error, err::ok);
  bool creates = c.what == change::kind::create;
  if (creates && got.path != c.path) return "the answer was path " + got.path + ", but the log has " + c.path;
  bool has_stat = part.op == zk::op::create2 || part.op == zk::op::set_data || part.op == zk::op::set_acl;
  if (!has_stat) return {};
  if (!got.stat) return "the answer has no Stat";
  auto* n = m.find(c.path);
  return n ? difference(*got.stat, model::stat_of(*n)) : "";
}

set_watches_answer answer_set_watches(const model& m, const caller& who, const request& r) {
  using e = zk::event;
  set_watches_answer out;
  auto tell = [&](e what, std::string_view path, const model::node* n) {
    if (!n || allowed(n->acl, zk::perm::read, who)) out.events.push_back({what, path});
  };
  for (auto& p : r.data_watches) {
    auto* n = m.find(p);
    if (!n)
      tell(e::node_deleted, p, n);
    else if (n->mzxid > r.zxid)
      tell(e::node_data_changed, p, n);
    else
      out.left.emplace_back(false, p);
  }
  for (auto& p : r.exist_watches) {
    if (auto* n = m.find(p))
      tell(e::node_created, p, n);
    else
      out.left.emplace_back(false, p);
  }
  for (auto& p : r.child_watches) {
    auto* n = m.find(p);
    if (!n)
      tell(e::node_deleted, p, n);
    else if (n->pzxid > r.zxid)
      tell(e::node_children_changed, p, n);
    else
      out.left.emplace_back(true, p);
  }
  return out;
}

std::string difference(const zk::stat& got, const zk::stat& right) {
  std::string out;
  auto field = [&](const char* what, std::int64_t a, std::int64_t b, bool as_hex) {
    if (a == b || !out.empty()) return;
    auto text = [&](std::int64_t v) { return as_hex ? hex(v) : std::to_string(v); };
    out = std::string("its ") + what + " was " + text(a) + ", but " + text(b) + " is right";
  };
  field("version", got.version, right.version, false), field("cversion", got.cversion, right.cversion, false);
  field("aversion", got.aversion, right.aversion, false), field("czxid", got.czxid, right.czxid, true);
  field("mzxid", got.mzxid, right.mzxid, true), field("pzxid", got.pzxid, right.pzxid, true);
  field("ctime", got.ctime, right.ctime, false), field("mtime", got.mtime, right.mtime, false);
  field("ephemeralOwner", got.ephemeral_owner, right.ephemeral_owner, true);
  field("dataLength", got.data_length, right.data_length, false);
  field("numChildren", got.num_children, right.num_children, false);
  return out;
}

}  // namespace troupe::history

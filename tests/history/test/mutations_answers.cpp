#include "tests/history/test/mutation_view.hpp"

namespace troupe::history::test {

namespace {

bool wrong_version_in_stat(history& h, dice& d) {
  view v(h);
  auto* e = v.reply_to(d, [&](auto& x, auto&) { return v.writes(x) && v.granted(x) && x.got.stat; });
  if (!e) return false;
  e->got.stat->version += 1;
  return true;
}

bool wrong_path(history& h, dice& d) {
  view v(h);
  auto* e = v.reply_to(d, [&](auto& x, auto& r) { return r.op == zk::op::create && v.granted(x); });
  if (!e) return false;
  e->got.path += "0";
  return true;
}

bool granted_against_its_version(history& h, dice& d) {
  view v(h);
  auto* e =
      v.reply_to(d, [&](auto& x, auto& r) { return r.op == zk::op::set_data && v.granted(x) && r.version == -1; });
  if (!e) return false;
  // It asked for a version that was not there, and was granted all the same; the log holds what it made.
  auto& r = h.entries[v.calls.at(e->call)].asked;
  auto* t = v.at(e->zxid);
  r.version = t->changes[0].version + 6;
  t->changes[0].version = r.version + 1, e->got.stat->version = r.version + 1;
  return true;
}

bool wrong_error(history& h, dice& d) {
  view v(h);
  auto* e = v.reply_to(d, [&](auto& x, auto&) {
    return v.writes(x) && (x.got.error == zk::err::no_node || x.got.error == zk::err::node_exists ||
                           x.got.error == zk::err::bad_version || x.got.error == zk::err::not_empty);
  });
  if (!e) return false;
  e->got.error = e->got.error == zk::err::no_node ? zk::err::not_empty : zk::err::no_node;
  return true;
}

bool wrong_part_of_a_refused_multi(history& h, dice& d) {
  view v(h);
  auto* e = v.reply_to(d, [&](auto& x, auto&) { return !x.got.parts.empty() && !v.granted(x); });
  if (!e) return false;
  auto& error = e->got.parts[d.below(e->got.parts.size())].error;
  switch (error) {
    case zk::err::ok:
      error = zk::err::runtime_inconsistency;
      break;
    case zk::err::runtime_inconsistency:
      error = zk::err::ok;
      break;
    default:
      error = error == zk::err::no_node ? zk::err::bad_version : zk::err::no_node;
  }
  return true;
}

bool refused_for_nothing(history& h, dice& d) {
  view v(h);
  auto* e = v.reply_to(d, [&](auto& x, auto& r) { return r.op == zk::op::sync && v.granted(x); });
  if (!e) return false;
  e->got.error = zk::err::no_node;
  return true;
}

bool acknowledged_early(history& h, dice& d) {
  view v(h);
  auto* e = v.reply_to(d, [&](auto& x, auto&) { return v.writes(x) && v.granted(x) && x.got.parts.empty(); });
  if (!e || !v.at(e->zxid - 1)) return false;
  e->zxid -= 1;
  return true;
}

bool writes_of_a_session_swapped(history& h, dice& d) {
  view v(h);
  auto* second = v.reply_to(d, [&](auto& x, auto&) { return v.writes(x) && v.granted(x); });
  if (!second) return false;
  entry* first = nullptr;
  for (auto& e : h.entries)
    if (&e < second && e.what == kind::reply && e.session == second->session && e.client == second->client &&
        v.writes(e) && v.granted(e))
      first = &e;
  if (!first || first->zxid == second->zxid) return false;
  auto *a = v.at(first->zxid), *b = v.at(second->zxid);
  std::swap(a->changes, b->changes), std::swap(first->zxid, second->zxid);
  return true;
}

bool stale_data(history& h, dice& d) {
  view v(h);
  auto* e = v.reply_to(d, [&](auto& x, auto& r) { return r.op == zk::op::get_data && v.granted(x); });
  if (!e) return false;
  e->got.data += " of yesterday";
  return true;
}

bool wrong_version_read(history& h, dice& d) {
  view v(h);
  auto* e = v.reply_to(d, [&](auto& x, auto& r) { return r.op == zk::op::get_data && v.granted(x); });
  if (!e) return false;
  e->got.stat->version += d.one_in(2) ? 1 : -1;
  return true;
}

bool wrong_stat_read(history& h, dice& d) {
  view v(h);
  auto* e = v.reply_to(
      d, [&](auto& x, auto& r) { return (r.op == zk::op::exists || r.op == zk::op::get_children2) && v.granted(x); });
  if (!e) return false;
  auto& s = *e->got.stat;
  switch (d.below(5)) {
    case 0:
      ++s.cversion;
      break;
    case 1:
      --s.pzxid;
      break;
    case 2:
      ++s.mtime;
      break;
    case 3:
      s.ephemeral_owner ^= 1;
      break;
    default:
      ++s.num_children;
  }
  return true;
}

bool child_missing(history& h, dice& d) {
  view v(h);
  auto* e = v.one(d, [](auto& x) { return x.what == kind::reply && !x.got.children.empty(); });
  if (!e) return false;
  e->got.children.erase(e->got.children.begin() + static_cast<std::ptrdiff_t>(d.below(e->got.children.size())));
  return true;
}

bool child_too_many(history& h, dice& d) {
  view v(h);
  auto* e = v.reply_to(d, [&](auto& x, auto& r) {
    return (r.op == zk::op::get_children || r.op == zk::op::get_children2) && v.granted(x);
  });
  if (!e) return false;
  e->got.children.push_back("~ghost");
  return true;
}

bool read_of_nothing(history& h, dice& d) {
  view v(h);
  auto* e =
      v.reply_to(d, [&](auto& x, auto& r) { return r.op == zk::op::get_data && x.got.error == zk::err::no_node; });
  if (!e) return false;
  e->got.error = zk::err::ok, e->got.stat.emplace();
  return true;
}

bool read_of_the_uncommitted(history& h, dice& d) {
  view v(h);
  auto* e = v.reply_to(d, [&](auto& x, auto& r) { return r.op == zk::op::get_data && v.granted(x); });
  if (!e) return false;
  e->zxid = h.log.back().zxid + 1;
  return true;
}

}  // namespace

std::vector<mutation> answer_mutations() {
  return {
      {"a write is acknowledged with another transaction's zxid", "acknowledged", acknowledged_early},
      {"the Stat of a write has a wrong version", "results", wrong_version_in_stat},
      {"a create answers another path", "results", wrong_path},
      {"a write is granted against the version it asked for", "results", granted_against_its_version},
      {"a refusal has the wrong error", "errors", wrong_error},
      {"a part of a refused multi has the wrong error", "errors", wrong_part_of_a_refused_multi},
      {"a sync is refused for nothing", "errors", refused_for_nothing},
      {"two writes of a session change places", "issue_order", writes_of_a_session_swapped},
      {"a read has other data", "reads", stale_data},
      {"a read has another version", "reads", wrong_version_read},
      {"a read has a wrong Stat", "reads", wrong_stat_read},
      {"a child is missing", "reads", child_missing},
      {"a child too many", "reads", child_too_many},
      {"data of a znode that is not there", "reads", read_of_nothing},
      {"a read as of a zxid that was never committed", "reads", read_of_the_uncommitted},
  };
}

}  // namespace troupe::history::test

#include "tests/history/test/reference_requests.hpp"

namespace troupe::history::test {

namespace {
const zk::id the_user{"digest", "user:hash"};
}

std::vector<request> request_source::on_registers() {
  std::vector<request> before;
  request r;
  auto key = "/r" + std::to_string(dice_.below(2));
  switch (dice_.below(8)) {
    case 0:
      r.op = zk::op::create, r.path = key, r.data = value();
      break;
    case 1:
    case 2:
      r.op = zk::op::set_data, r.path = key, r.data = value();
      if (!dice_.one_in(3)) r.version = static_cast<std::int32_t>(dice_.below(6));
      break;
    case 3:
      r.op = zk::op::create, r.path = "/lock", r.flags = request::ephemeral;
      break;
    case 4:
      r.op = zk::op::del, r.path = dice_.one_in(3) ? key : "/lock";
      break;
    default:
      r.op = zk::op::sync, r.path = key;
      before.push_back(r);
      r = {};
      r.op = zk::op::get_data, r.path = key;
  }
  before.push_back(r);
  return before;
}

std::string request_source::path() {
  static const char* const some[] = {"/a", "/a", "/a", "/b", "/q", "/q", "/a/x", "/a/y", "/b/deep", "/none/such"};
  if (dice_.one_in(4) && !tree_.nodes.empty()) {
    auto it = tree_.nodes.begin();
    std::advance(it, static_cast<std::ptrdiff_t>(dice_.below(tree_.nodes.size())));
    if (!it->first.starts_with("/zookeeper")) return it->first;
  }
  return some[dice_.below(std::size(some))];
}

std::string request_source::child() {
  auto p = path();
  return p == "/" ? "/a" : p;
}

request request_source::write() {
  request r;
  r.path = child();
  switch (dice_.below(6)) {
    case 0:
    case 1:
      r.op = dice_.one_in(2) ? zk::op::create : zk::op::create2;
      r.data = value();
      r.flags = dice_.one_in(3) ? static_cast<std::int32_t>(dice_.below(4)) : 0;
      if (r.flags & request::sequential) r.path = dice_.one_in(2) ? "/q/n-" : "/a/n-";
      if (dice_.one_in(8)) r.acl = {{zk::perm::all, the_user}, {zk::perm::del, {"world", "anyone"}}};
      break;
    case 2:
      r.op = zk::op::del, r.version = version();
      break;
    default:
      r.op = zk::op::set_data, r.data = value(), r.version = version();
  }
  return r;
}

request request_source::any() {
  request r;
  r.path = path();
  switch (dice_.below(20)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
    case 5:
      return write();
    case 6:
      r = {};
      r.op = zk::op::multi;
      for (auto n = 1 + dice_.below(3); n; --n) {
        auto part = write();
        if (dice_.one_in(4)) part.op = zk::op::check, part.flags = 0, part.acl = {}, part.data = {};
        r.parts.push_back(std::move(part));
      }
      return r;
    case 7:
      r.op = zk::op::sync;
      return r;
    case 8:
      r.op = zk::op::ping, r.path = {};
      return r;
    case 9:
      r.path = {};
      if (dice_.one_in(8)) r.op = zk::op::close_session;
      return r;
    case 10:
      r = {};
      r.op = zk::op::auth, r.path = the_user.scheme, r.data = the_user.name;
      return r;
    case 11:
      r.op = zk::op::get_acl;
      return r;
    case 12:
      r.path = child();
      r.op = zk::op::set_acl, r.version = version();
      if (dice_.one_in(2)) r.acl = {{zk::perm::all, the_user}, {zk::perm::admin | zk::perm::del, {"world", "anyone"}}};
      return r;
    case 13:
    case 14:
      r.op = zk::op::exists;
      break;
    case 15:
    case 16:
      r.op = dice_.one_in(2) ? zk::op::get_children : zk::op::get_children2;
      break;
    default:
      r.op = zk::op::get_data;
  }
  r.watch = !dice_.one_in(4);
  return r;
}

}  // namespace troupe::history::test

/// What simulated clients ask: a few paths that all of them fight for, every operation, values that are never used twice.

#include <array>

#include "tests/sim/client.hpp"

namespace troupe::sim {

using zk::op;

std::string client::data() {
  std::string value = "c";
  return value.append(std::to_string(id_)).append("-").append(std::to_string(++next_data_));
}

std::string client::any_key() {
  std::string key = "/k";
  return key.append(std::to_string(world_.draw(static_cast<std::uint64_t>(world_.set.keys))));
}

std::string client::any_path() {
  auto key = any_key();
  switch (world_.draw(6)) {
    case 0:
    case 1:
      return key.append("/c").append(1, static_cast<char>('0' + world_.draw(3)));
    case 2:
      if (!made_.empty()) return made_[world_.draw(made_.size())];
      [[fallthrough]];
    default:
      return key;
  }
}

history::request client::choose() {
  if (reader_) {
    if (world_.one_in(3)) return choose_read();
    history::request r;
    r.op = op::sync, r.path = any_path();
    return r;
  }
  auto dice = world_.draw(100);
  if (dice < 50) return choose_write();
  if (dice < 86) return choose_read();
  if (dice < 90) return choose_multi();
  if (dice < 94) return choose_call();
  history::request r;
  if (dice < 98) {
    r.op = op::sync, r.path = any_path();
  } else {
    r.op = op::close_session;
  }
  return r;
}

history::request client::choose_write() {
  history::request r;
  r.path = any_path();
  auto dice = world_.draw(20);
  if (dice < 8) {
    r.op = world_.one_in(2) ? op::create : op::create2;
    r.data = data();
    if (world_.one_in(3)) r.flags |= history::request::ephemeral;
    if (world_.one_in(4)) {
      r.flags |= history::request::sequential;
      r.path = any_key().append("/s-");
    }
  } else if (dice < 14) {
    r.op = op::set_data, r.data = data();
  } else if (dice < 18) {
    r.op = op::del;
    if (!made_.empty() && world_.one_in(2)) {
      r.path = made_.back();
      made_.pop_back();
    }
  } else {
    r.op = op::set_acl;
  }
  if (r.op == op::set_acl) {
    if (world_.one_in(2)) r.version = static_cast<std::int32_t>(world_.draw(2));
    // Nobody may read it until another call opens it again.
    if (world_.one_in(3)) r.acl = {{zk::perm::all & ~zk::perm::read, {"world", "anyone"}}};
  } else if (r.op != op::create && r.op != op::create2 && world_.one_in(3)) {
    auto it = versions_.find(r.path);
    r.version = it == versions_.end() ? 0 : it->second;
  }
  return r;
}

history::request client::choose_read() {
  static constexpr std::array kinds{op::get_data,     op::get_data,      op::exists, op::exists,
                                    op::get_children, op::get_children2, op::get_acl};
  history::request r;
  r.op = kinds[world_.draw(kinds.size())];
  r.path = world_.one_in(15) ? "/" : any_path();
  r.watch = r.op != op::get_acl && world_.one_in(2);
  return r;
}

/// Request types that ship: counters, and a queue that is filled, emptied and removed. Their paths are their own, so that
/// the registers of the other operations stay registers.
history::request client::choose_call() {
  history::request r;
  r.op = op::call, r.path = "/q";
  switch (world_.draw(8)) {
    case 0:
      r.op = op::create, r.data = data();
      break;
    case 1:
    case 2:
      r.op = op::create, r.data = data(), r.path = "/q/s-", r.flags = history::request::sequential;
      break;
    case 3:
    case 4:
      r.data = "take", r.version = static_cast<std::int32_t>(1 + world_.draw(3));
      break;
    case 5:
      r.data = "delete";
      break;
    default:
      r.data = "add", r.path = world_.one_in(2) ? "/n0" : "/n1";
      r.version = static_cast<std::int32_t>(world_.draw(5)) - 1;
      break;
  }
  return r;
}

history::request client::choose_multi() {
  history::request r;
  r.op = op::multi;
  for (auto n = 1 + world_.draw(3); n; --n) {
    auto part = choose_write();
    if (part.op == op::set_acl)
      part.op = op::check, part.version = world_.one_in(2) ? -1 : 0, part.data.clear(), part.acl.clear();
    r.parts.push_back(std::move(part));
  }
  return r;
}

}  // namespace troupe::sim

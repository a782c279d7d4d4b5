#include "tests/chaos/final_reader.hpp"

#include <algorithm>
#include <sstream>

namespace troupe::chaos {

namespace {

constexpr std::int32_t timeout_ms = 6000;

std::string text_of(const history::result& r) {
  auto& s = *r.stat;
  std::ostringstream out;
  out << std::hex << "czxid=" << s.czxid << " mzxid=" << s.mzxid << " pzxid=" << s.pzxid
      << " owner=" << s.ephemeral_owner << std::dec << " ctime=" << s.ctime << " mtime=" << s.mtime
      << " version=" << s.version << " cversion=" << s.cversion << " aversion=" << s.aversion
      << " children=" << s.num_children << " data=" << r.data.size() << ":" << r.data.substr(0, 40);
  return out.str();
}

}  // namespace

final_reader::final_reader(int epoll, recorder& r, history::client_id client, server s)
    : server_(s), session_(epoll, *this, r, client, client * 7919, {s}, timeout_ms) {}

void final_reader::begin() { wanted_ = true, reading_ = false; }

void final_reader::ask(zk::op op, const std::string& path) {
  if (!session_.open()) return;
  history::request r;
  r.op = op, r.path = path;
  ++waiting_;
  session_.ask(std::move(r));
}

void final_reader::tick(std::int64_t now) {
  session_.tick(now);
  if (failed_) wanted_ = true, failed_ = false;
  if (!session_.open()) return;
  if (wanted_) {
    if (session_.outstanding() > 0) return;
    wanted_ = false, reading_ = true, waiting_ = 0;
    tree_.clear(), ephemerals_.clear();
    todo_ = {"/"};
    ask(zk::op::sync, "/");
  }
  while (!todo_.empty() && session_.open() && session_.outstanding() < max_outstanding) {
    auto path = std::move(todo_.back());
    todo_.pop_back();
    ask(zk::op::get_data, path), ask(zk::op::get_acl, path), ask(zk::op::get_children, path);
  }
}

void final_reader::on_reply(client_session& s, const history::request& asked, const history::result& got) {
  --waiting_;
  served_ = std::max(served_, s.seen_zxid());
  auto& text = tree_[asked.path];
  if (got.error != zk::err::ok && got.error != zk::err::no_auth) {  // it went away between two answers
    text += " error=" + std::to_string(static_cast<int>(got.error));
    return;
  }
  if (got.error == zk::err::no_auth)
    text += " no-auth";
  else if (asked.op == zk::op::get_data)
    text += text_of(got);
  if (asked.op == zk::op::get_data && got.stat && got.stat->ephemeral_owner != 0) ephemerals_.push_back(asked.path);
  for (auto& a : got.acl) text += " acl=" + std::to_string(a.perms) + ":" + a.who.scheme + ":" + a.who.name;
  for (auto& name : got.children) todo_.push_back((asked.path == "/" ? "" : asked.path) + "/" + name);
}

std::string differences(const tree_text& a, const tree_text& b, std::size_t lines) {
  std::string out;
  for (auto i = a.begin(), j = b.begin(); lines > 0 && (i != a.end() || j != b.end());) {
    bool left = j == b.end() || (i != a.end() && i->first <= j->first);
    bool right = i == a.end() || (j != b.end() && j->first <= i->first);
    if (!left || !right || i->second != j->second) {
      auto& path = left ? i->first : j->first;
      out += path + "\n  " + (left ? i->second : "-") + "\n  " + (right ? j->second : "-") + "\n";
      --lines;
    }
    if (left) ++i;
    if (right) ++j;
  }
  return out;
}

}  // namespace troupe::chaos

#include <algorithm>
#include <map>
#include <set>

#include "tests/history/index.hpp"
#include "tests/history/wgl.hpp"

namespace troupe::history {

namespace {

using op_kind = operation::kind;

/// Cuts a history into one list of operations per znode.
class cutter {
 public:
  explicit cutter(const index& x) : x_(x) {}

  std::map<std::string, std::vector<operation>> cut() {
    for (auto& c : x_.calls) add(c);
    for (auto& conn : x_.connections) add_reads(conn);
    for (auto& n : x_.h.base.nodes) excluded_.insert(n.path);
    for (auto& path : excluded_) keys_.erase(path);
    std::erase_if(keys_, [&](auto& k) { return named_by_server(k.first); });
    for (auto& [path, sessions] : owners_)
      if (auto it = keys_.find(path); it != keys_.end())
        for (auto s : sessions) add_end(s, it->second);
    return std::move(keys_);
  }

 private:
  bool named_by_server(const std::string& path) const {
    return std::any_of(prefixes_.begin(), prefixes_.end(), [&](auto& p) {
      return path.size() >= p.size() + 10 && path.starts_with(p) && path.find('/', p.size()) == path.npos;
    });
  }

  std::int32_t number_of(const std::string& data) {
    return values_.emplace(data, static_cast<std::int32_t>(values_.size())).first->second;
  }

  void add(const call& c) {
    if (!c.writes() || c.asked->op == zk::op::close_session) return;
    if (c.asked->op == zk::op::call) return void(excluded_.insert(c.asked->path));  // no register's operation
    if (c.asked->op != zk::op::multi) return add_write(c, *c.asked, c.got);
    if (c.replied() && !c.succeeded()) {  // later parts hang on those before them: only the first one's refusal tells
      if (!c.got->parts.empty() && c.got->parts[0].error != zk::err::ok)
        add_write(c, c.asked->parts[0], &c.got->parts[0]);
      return;
    }
    parts_of_.clear();
    for (std::size_t i = 0; i < c.asked->parts.size(); ++i)
      add_write(c, c.asked->parts[i], c.replied() && i < c.got->parts.size() ? &c.got->parts[i] : nullptr, true);
    for (auto& [path, o] : parts_of_) keys_[path].push_back(std::move(o));
  }

  void add_write(const call& c, const request& r, const result* got, bool part = false) {
    if (r.flags & request::sequential) return void(prefixes_.insert(r.path));
    operation o;
    o.begin = o.entry = c.at;
    if (got) o.end = c.end, o.error = got->error;
    o.asked = r.version;
    switch (r.op) {
      case zk::op::create:
      case zk::op::create2:
        o.what = op_kind::create, o.value = number_of(r.data), o.asked = -1;
        if (r.flags & request::ephemeral) o.session = c.session, owners_[r.path].insert(c.session);
        if (!told(o, {zk::err::node_exists})) return;
        break;
      case zk::op::set_data:
        o.what = op_kind::set, o.value = number_of(r.data);
        if (got && got->stat) o.version = got->stat->version;
        if (!told(o, {zk::err::no_node, zk::err::bad_version})) return;
        break;
      case zk::op::del:
        o.what = op_kind::remove;
        if (!told(o, {zk::err::no_node, zk::err::bad_version})) return;
        break;
      case zk::op::check:
        if (got && got->error != zk::err::ok) return;
        o.what = op_kind::read, o.value = -1, o.version = r.version;
        break;
      default:
        return;
    }
    if (!part) return keys_[r.path].push_back(o);
    auto [at, first] = parts_of_.emplace(r.path, o);
    if (!first) at->second.more.push_back(o);
  }

  /// Whether the outcome tells something about this one znode: its success, its loss, or one of these refusals.
  static bool told(const operation& o, std::initializer_list<zk::err> errors) {
    return o.end == operation::never || o.error == zk::err::ok ||
           std::find(errors.begin(), errors.end(), o.error) != errors.end();
  }

  void add_reads(const connection& conn) {
    for (std::size_t i = 0; i + 1 < conn.calls.size(); ++i) {
      auto &sync = x_.calls[conn.calls[i]], &read = x_.calls[conn.calls[i + 1]];
      auto& r = *read.asked;
      if (sync.asked->op != zk::op::sync || !sync.succeeded() || !read.replied()) continue;
      if (r.op != zk::op::get_data && r.op != zk::op::exists) continue;
      if (read.got->error != zk::err::ok && read.got->error != zk::err::no_node) continue;
      operation o;
      o.begin = sync.at, o.end = read.end, o.entry = read.at, o.error = read.got->error, o.what = op_kind::read;
      o.value = r.op == zk::op::get_data ? number_of(read.got->data) : -1;
      if (read.got->stat) o.version = read.got->stat->version;
      keys_[r.path].push_back(o);
    }
  }

  /// The end of a session takes its ephemerals along: when it is told, or at any time after its beginning.
  void add_end(session_id s, std::vector<operation>& out) {
    operation o;
    o.what = op_kind::end_session, o.session = s;
    auto& mine = x_.sessions.at(s);
    o.begin = o.entry = x_.connections[mine.connections.front()].begin;
    for (auto i : mine.calls) {
      auto& c = x_.calls[i];
      if (c.asked->op == zk::op::close_session && c.succeeded()) o.begin = c.at, o.end = c.end;
    }
    if (o.end == operation::never)
      for (auto i : x_.connects)
        if (auto& c = x_.calls[i]; c.how == call::outcome::expired && c.session == s) o.end = std::min(o.end, c.end);
    out.push_back(o);
  }

  const index& x_;
  std::map<std::string, std::vector<operation>> keys_;
  std::map<std::string, operation> parts_of_;  ///< a multi, by znode
  std::map<std::string, std::int32_t> values_;
  std::map<std::string, std::set<session_id>> owners_;
  std::set<std::string> excluded_{"/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"};
  std::set<std::string> prefixes_;  ///< of sequential names
};

}  // namespace

std::map<std::string, std::vector<operation>> operations_by_znode(const history& h) {
  const options defaults;
  findings ignored(defaults);  // check() tells what is wrong with the recording
  auto x = make_index(h, ignored);
  return cutter(x).cut();
}

linearizability_result check_linearizable(const history& h, const wgl_options& bounds) {
  linearizability_result out;
  for (auto& [path, ops] : operations_by_znode(h)) {
    auto verdict = linearizable(ops, bounds);
    if (verdict == linearizability::unknown)
      ++out.undecided;
    else
      out.operations += ops.size(), ++out.znodes;
    if (verdict == linearizability::yes || out.verdict == linearizability::no) continue;
    out.verdict = verdict, out.path = path;
    if (verdict != linearizability::no) continue;
    for (auto& o : ops) out.entries.push_back(o.entry);
    std::sort(out.entries.begin(), out.entries.end());
  }
  return out;
}

}  // namespace troupe::history

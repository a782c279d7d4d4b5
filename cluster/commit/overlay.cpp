#include "cluster/commit/overlay.hpp"

#include <algorithm>
#include <stdexcept>

#include "cluster/planted_bug.hpp"

namespace troupe::commit {

void overlay::reset(const tree::database* db) {
  db_ = db;
  nodes_.clear(), sessions_.clear(), transactions_.clear(), marks_.clear();
  nodes_touched_.clear(), sessions_touched_.clear();
  ephemeral_bytes_.clear(), counted_.clear();
  committed_ = applied_ = 0;
}

node_state overlay::from_database(std::string_view path) const {
  node_state s;
  auto* n = db_->find(path);
  if (!n) return s;
  auto st = db_->stat_of(*n);
  s.exists = true;
  s.version = st.version, s.aversion = st.aversion, s.creates = db_->creates_of(*n);
  s.children = static_cast<std::int64_t>(db_->child_count(*n));
  s.ephemeral_owner = st.ephemeral_owner;
  s.acl = db_->acl_of(*n);
  return s;
}

node_state overlay::look(std::string_view path) const {
  auto it = nodes_.find(path);
  return it != nodes_.end() ? it->second.state : from_database(path);
}

bool overlay::session_alive(session_id id) const {
  auto it = sessions_.find(id);
  if (it != sessions_.end() && it->second.closing) return false;
  if (it != sessions_.end() && it->second.opened) return true;
  return db_->find_session(id) != nullptr;
}

std::vector<std::string> overlay::ephemerals_of(session_id id) const {
  auto out = db_->ephemerals_of(id);
  if (auto it = sessions_.find(id); it != sessions_.end() && !planted(planted_bug::zk_2355))
    for (auto& e : it->second.ephemerals) out.push_back(e.path);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  std::erase_if(out, [&](const std::string& path) {
    auto it = nodes_.find(path);  // what is not pending is as the database says
    return it != nodes_.end() && (!it->second.state.exists || it->second.state.ephemeral_owner != id);
  });
  return out;
}

std::size_t overlay::ephemeral_bytes(session_id id) {
  auto [it, first] = ephemeral_bytes_.try_emplace(id, 0);
  if (first)
    for (auto& path : ephemerals_of(id)) it->second += ephemeral_cost(path, look(path).acl);
  return it->second;
}

std::size_t overlay::ephemeral_cost(std::string_view path, const tree::acl_ref& acl) {
  auto n = path.size() + 64;
  if (acl)
    for (auto& a : *acl) n += a.who.scheme.size() + a.who.name.size() + 12;
  return n;
}

void overlay::count_ephemeral(session_id id, std::int64_t bytes) {
  ephemeral_bytes_[id] += static_cast<std::size_t>(bytes);
  counted_.emplace_back(id, bytes);
}

void overlay::begin() {
  if (!nodes_touched_.empty() || !sessions_touched_.empty())
    throw std::logic_error("overlay: transaction " + std::to_string(current()) + " was not finished");
}

node_state& overlay::touch(std::string_view path) {
  auto it = nodes_.find(path);
  bool inserted = it == nodes_.end();
  if (inserted) it = nodes_.emplace(std::string(path), node_entry{from_database(path), 0}).first;
  if (it->second.last != current()) {
    nodes_touched_.push_back({&*it, it->second, inserted});
    it->second.last = current();
  }
  return it->second.state;
}

overlay::session_entry& overlay::touch_session(session_id id) {
  auto [it, inserted] = sessions_.try_emplace(id);
  auto& s = it->second;
  if (s.last != current()) {
    sessions_touched_.push_back({id, s.opened, s.closing, s.last, inserted});
    s.last = current();
  }
  return s;
}

void overlay::add_ephemeral(session_id id, std::string_view path, const tree::acl_ref& acl) {
  ephemeral_bytes(id);  // counts those that are there already
  count_ephemeral(id, static_cast<std::int64_t>(ephemeral_cost(path, acl)));
  touch_session(id).ephemerals.push_back({current(), std::string(path)});
}

void overlay::remove_ephemeral(session_id id, std::string_view path, const tree::acl_ref& acl) {
  if (ephemeral_bytes_.contains(id)) count_ephemeral(id, -static_cast<std::int64_t>(ephemeral_cost(path, acl)));
}

void overlay::change_ephemeral(session_id id, std::string_view path, const tree::acl_ref& from,
                               const tree::acl_ref& to) {
  if (ephemeral_bytes_.contains(id))
    count_ephemeral(id, static_cast<std::int64_t>(ephemeral_cost(path, to)) -
                            static_cast<std::int64_t>(ephemeral_cost(path, from)));
}

void overlay::open_session(session_id id) { touch_session(id).opened = true; }

void overlay::close_session(session_id id) {
  touch_session(id).closing = true;
  ephemeral_bytes_.erase(id);  // a close is never rolled back
}

void overlay::commit(shared_bytes transaction) {
  ++committed_;
  transactions_.push_back(std::move(transaction));
  for (auto& t : nodes_touched_) marks_.push_back({committed_, t.at, 0});
  for (auto& t : sessions_touched_) marks_.push_back({committed_, nullptr, t.id});
  nodes_touched_.clear(), sessions_touched_.clear(), counted_.clear();
}

void overlay::rollback() {
  for (auto& [id, bytes] : counted_) ephemeral_bytes_[id] -= static_cast<std::size_t>(bytes);
  for (auto& t : nodes_touched_) {
    if (t.inserted)
      nodes_.erase(nodes_.find(t.at->first));
    else if (planted(planted_bug::zk_1624))
      t.at->second.last = t.before.last;
    else
      t.at->second = std::move(t.before);
  }
  for (auto& t : sessions_touched_) {
    auto& s = sessions_.at(t.id);
    while (!s.ephemerals.empty() && s.ephemerals.back().number == current()) s.ephemerals.pop_back();
    s.opened = t.opened, s.closing = t.closing, s.last = t.last;
    if (t.inserted) sessions_.erase(t.id);
  }
  nodes_touched_.clear(), sessions_touched_.clear(), counted_.clear();
}

void overlay::forget_session(session_id id, std::uint64_t number) {
  auto it = sessions_.find(id);
  auto& ephemerals = it->second.ephemerals;
  while (!ephemerals.empty() && ephemerals.front().number <= number) ephemerals.pop_front();
  if (it->second.last == number) sessions_.erase(it);
}

void overlay::applied() {
  if (applied_ == committed_)
    throw std::logic_error("commit: a transaction was applied that this leader did not prepare (" +
                           std::to_string(committed_) + " were)");
  ++applied_;
  transactions_.pop_front();
  for (; !marks_.empty() && marks_.front().number == applied_; marks_.pop_front()) {
    auto& m = marks_.front();
    if (!m.node)
      forget_session(m.session, applied_);
    else if (m.node->second.last == applied_)
      nodes_.erase(nodes_.find(m.node->first));
  }
}

}  // namespace troupe::commit

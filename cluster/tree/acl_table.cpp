#include "cluster/tree/acl_table.hpp"

#include <stdexcept>
#include <vector>

namespace troupe::tree {

namespace {

bool parse(std::string_view jute, zk::acl_list& out) {
  jute::reader r(jute);
  out = zk::read_acl(r);
  return r.done();
}

}  // namespace

std::uint32_t acl_table::acquire(std::string_view jute) {
  if (jute.empty()) return 0;
  if (auto known = by_jute_.find(jute); known != by_jute_.end()) {
    ++entries_.at(known->second).count;
    return known->second;
  }
  zk::acl_list list;
  if (!parse(jute, list)) throw std::invalid_argument("its ACL is not a jute vector<ACL>");
  auto form = canonical(list);
  if (form != jute) return acquire(form);
  // An id that was given back may still have to be erased from the checkpoint.
  do ++last_id_;
  while (last_id_ == 0 || entries_.contains(last_id_) || changes_.contains(last_id_));
  auto& e = entries_[last_id_];
  e = {std::make_shared<const zk::acl_list>(std::move(list)), std::move(form), 1, false};
  by_jute_.emplace(e.jute, last_id_);
  changes_.emplace(last_id_, &e.jute);
  return last_id_;
}

void acl_table::acquire(std::uint32_t id) {
  if (id != 0) ++entries_[id].count;
}

void acl_table::release(std::uint32_t id) {
  if (id == 0) return;
  auto at = entries_.find(id);
  if (at == entries_.end() || at->second.count == 0)
    throw std::logic_error("acl_table: released more often than acquired");
  if (--at->second.count > 0) return;
  by_jute_.erase(at->second.jute);
  if (at->second.saved)
    changes_[id] = nullptr;
  else
    changes_.erase(id);
  entries_.erase(at);
}

void acl_table::clear_changes() {
  for (auto& [id, jute] : changes_)
    if (jute) entries_.at(id).saved = true;
  changes_.clear();
}

void acl_table::load(std::uint64_t id, std::string_view jute) {
  zk::acl_list list;
  if (id == 0 || id > UINT32_MAX) throw std::runtime_error("no such ACL id");
  if (!parse(jute, list)) throw std::runtime_error("not a jute vector<ACL>");
  auto& e = entries_[static_cast<std::uint32_t>(id)];
  if (e.list) throw std::runtime_error("an ACL id comes twice");
  e.list = std::make_shared<const zk::acl_list>(std::move(list));
  e.jute = jute;
  e.saved = true;
  if (!by_jute_.emplace(e.jute, static_cast<std::uint32_t>(id)).second) throw std::runtime_error("an ACL comes twice");
  last_id_ = std::max(last_id_, static_cast<std::uint32_t>(id));
}

std::uint32_t acl_table::loaded() {
  std::vector<std::uint32_t> unused;
  for (auto& [id, e] : entries_) {
    if (!e.list) return id;
    if (e.count == 0) unused.push_back(id);
  }
  for (auto id : unused) {
    by_jute_.erase(entries_.at(id).jute);
    entries_.erase(id);
    changes_[id] = nullptr;
  }
  return 0;
}

}  // namespace troupe::tree

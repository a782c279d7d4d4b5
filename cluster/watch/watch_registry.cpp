#include "cluster/watch/watch_registry.hpp"

namespace troupe::watch {

std::uint32_t watch_registry::number_of(conn_id id) {
  auto [i, fresh] = numbers_.try_emplace(id, 0);
  if (!fresh) return i->second;
  if (unused_.empty()) {
    i->second = static_cast<std::uint32_t>(connections_.size());
    connections_.emplace_back();
  } else {
    i->second = unused_.back();
    unused_.pop_back();
  }
  connections_[i->second].id = id;
  return i->second;
}

watch_registry::added watch_registry::add(conn_id id, watch_table table, std::string_view path) {
  auto number = number_of(id);
  auto& c = connections_[number];
  if (c.refused) return added::ignored;
  auto t = static_cast<int>(table);
  auto at = paths_.intern(path);
  if (at != path_table::none && c.watches.contains(key(at, t))) return added::yes;
  if (at == path_table::none || c.watches.size() >= limits_.watches_per_connection ||
      c.path_bytes + path.size() > limits_.path_bytes_per_connection) {
    if (at != path_table::none) paths_.release_if_unwatched(at);
    refuse(id);
    return added::refused;
  }
  if (c.watches.empty()) ++watching_;
  c.watches.insert(key(at, t));
  c.path_bytes += path.size();
  paths_[at].watchers[t].insert(number);
  ++counts_[t];
  return added::yes;
}

void watch_registry::identify(conn_id id, std::shared_ptr<const tree::credentials> creds) {
  connections_[number_of(id)].creds = std::move(creds);
}

std::shared_ptr<const tree::credentials> watch_registry::credentials_of(conn_id id) const {
  auto i = numbers_.find(id);
  return i == numbers_.end() ? nullptr : connections_[i->second].creds;
}

void watch_registry::refuse(conn_id id) {
  auto number = number_of(id);
  if (connections_[number].refused) return;
  forget_watches(number);
  connections_[number].refused = true, ++refused_;
}

bool watch_registry::refused(conn_id id) const {
  auto i = numbers_.find(id);
  return i != numbers_.end() && connections_[i->second].refused;
}

void watch_registry::drop(conn_id id) {
  auto i = numbers_.find(id);
  if (i == numbers_.end()) return;
  forget_watches(i->second);
  auto& c = connections_[i->second];
  if (c.refused) --refused_;
  c = {};
  unused_.push_back(i->second);
  numbers_.erase(i);
}

void watch_registry::forget_watches(std::uint32_t conn) {
  auto& c = connections_[conn];
  if (!c.watches.empty()) --watching_;
  auto watches = std::move(c.watches);
  c.path_bytes = 0;
  watches.for_each([&](std::uint32_t k) {
    paths_[k / 2].watchers[k % 2].erase(conn);
    --counts_[k % 2];
    paths_.release_if_unwatched(k / 2);
  });
}

const watch_registry::connection& watch_registry::use_up(std::uint32_t conn, std::uint32_t path, int table) {
  auto& c = connections_[conn];
  c.watches.erase(key(path, table));
  c.path_bytes -= paths_[path].size;
  --counts_[table];
  if (c.watches.empty()) --watching_;
  return c;
}

}  // namespace troupe::watch

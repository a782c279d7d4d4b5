#include "cluster/tree/database.hpp"

#include <algorithm>

#include "cluster/tree/database_impl.hpp"

namespace troupe::tree {

database::impl::impl() {
  root = znode::make("", "", false);
  root->serial = next_serial++;
  node_count = 1;
  data_size = 1;
  mark(root);
  for (std::string_view path : {"/zookeeper", "/zookeeper/quota", "/zookeeper/config"}) {
    const auto slash = path.rfind('/');
    auto* z = znode::make(path.substr(slash + 1), "", false);
    z->serial = next_serial++;
    attach(z, *find(slash == 0 ? path.substr(0, 1) : path.substr(0, slash)), path);
    mark(z);
  }
}

database::impl::~impl() { clear(); }

void database::impl::clear() {
  index.for_each([](znode* z) { znode::free(z); });
  if (root) znode::free(root);
  root = nullptr;
  index.clear();
  dirty.clear();
  node_count = ephemeral_count = data_size = 0;
}

znode* database::impl::find(std::string_view path) const {
  if (path == "/") return root;
  const auto* e = index.find(path_index::hash(path), path);
  return e ? path_index::node_of(*e) : nullptr;
}

zk::stat database::impl::stat_of(const znode& z) {
  zk::stat s;
  s.czxid = z.czxid;
  s.mzxid = z.mzxid;
  s.ctime = z.ctime_ms;
  s.mtime = z.mtime_ms;
  s.version = z.version;
  // Creates and deletes together; like ZooKeeper's int, it may wrap. Built-in znodes count children nobody created.
  s.cversion = static_cast<std::int32_t>(2 * static_cast<std::uint32_t>(z.creates()) - z.child_count());
  s.aversion = z.aversion();
  s.ephemeral_owner = z.has(znode::has_owner) ? z.owner().session->id : 0;
  s.data_length = static_cast<std::int32_t>(z.data_size);
  s.num_children = static_cast<std::int32_t>(z.child_count());
  s.pzxid = z.pzxid();
  return s;
}

std::string database::impl::path_of(const znode& z) {
  std::size_t size = 0;
  for (auto* n = &z; n->parent; n = n->parent->self) size += n->name().size() + 1;
  if (size == 0) return "/";
  std::string path(size, '/');
  for (auto* n = &z; n->parent; n = n->parent->self) {
    const auto name = n->name();
    size -= name.size();
    name.copy(path.data() + size, name.size());
    --size;
  }
  return path;
}

children& database::impl::kids_of(znode& z) {
  if (!z.kids) {
    z.kids = new children;
    z.kids->self = &z;
    z.kids->pzxid = z.czxid;
  }
  return *z.kids;
}

void database::impl::attach(znode* z, znode& parent, std::string_view path) {
  kids_of(parent).add(z);
  index.insert(path_index::hash(path), z);
  ++node_count;
  data_size += path.size() + z->data_size;
}

void database::impl::own(znode* z, session_record& s) {
  z->set_owner({&s, static_cast<std::uint32_t>(s.ephemerals.size())});
  s.ephemerals.push_back(z);
  ++ephemeral_count;
}

void database::impl::relocate(const znode* from, znode* to, path_index::entry* e) {
  if (from == to) return;
  if (e) path_index::relocate(e, to);
  if (to->parent)
    to->parent->slots[to->slot] = to;
  else
    root = to;
  if (to->kids) to->kids->self = to;
  if (to->dirty) dirty[to->dirty - 1] = to;
  if (to->has(znode::has_owner)) {
    const auto owner = to->owner();
    owner.session->ephemerals[owner.slot] = to;
  }
}

void database::impl::mark(znode* z) {
  if (z->dirty) return;
  dirty.push_back(z);
  z->dirty = static_cast<std::uint32_t>(dirty.size());
}

void database::impl::unmark(znode* z) {
  if (z->dirty) {
    dirty.back()->dirty = z->dirty;
    dirty[z->dirty - 1] = dirty.back();
    dirty.pop_back();
    z->dirty = 0;
  }
  if (z->serial < saved_serial) removed.push_back(z->serial);
}

// ---- the interface

database::database() : impl_(std::make_unique<impl>()) {}
database::~database() = default;

const znode* database::find(std::string_view path) const { return impl_->find(path); }
zk::stat database::stat_of(const znode& z) const { return impl::stat_of(z); }
std::string_view database::data_of(const znode& z) const { return z.data(); }
acl_ref database::acl_of(const znode& z) const { return impl_->acls.list_of(z.acl); }
std::int32_t database::creates_of(const znode& z) const { return z.creates(); }
std::size_t database::child_count(const znode& z) const { return z.child_count(); }
std::string database::path_of(const znode& z) const { return impl::path_of(z); }

void database::for_each_child(const znode& z, const std::function<void(std::string_view name)>& f) const {
  for (std::uint32_t i = 0; i < z.child_count(); ++i) f(z.kids->slots[i]->name());
}

std::size_t database::descendants_of(const znode& z) const {
  std::size_t n = 0;
  // Not by recursion: a client decides how deep the tree is.
  std::vector<const znode*> open{&z};
  while (!open.empty()) {
    const auto* at = open.back();
    open.pop_back();
    n += at->child_count();
    for (std::uint32_t i = 0; i < at->child_count(); ++i)
      if (at->kids->slots[i]->kids) open.push_back(at->kids->slots[i]);
  }
  return n;
}

void database::write_children(const znode& z, jute::writer& w) const {
  constexpr std::uint32_t ahead = 8;  // children lie scattered in memory: ask for them before they are needed
  const auto count = z.child_count();
  w.i32(static_cast<std::int32_t>(count));
  for (std::uint32_t i = 0; i < count; ++i) {
    if (i + ahead < count) __builtin_prefetch(z.kids->slots[i + ahead] + 1);
    w.ustring(z.kids->slots[i]->name());
  }
}

const database::session_info* database::find_session(session_id id) const {
  const auto at = impl_->sessions.find(id);
  return at != impl_->sessions.end() && at->second.open ? &at->second.info : nullptr;
}

void database::for_each_session(const std::function<void(session_id, const session_info&)>& f) const {
  for (auto& [id, s] : impl_->sessions) f(id, s.info);
}

std::size_t database::session_count() const { return impl_->sessions.size(); }

std::vector<std::string> database::ephemerals_of(session_id id) const {
  std::vector<std::string> paths;
  const auto at = impl_->sessions.find(id);
  if (at == impl_->sessions.end()) return paths;
  paths.reserve(at->second.ephemerals.size());
  for (auto* z : at->second.ephemerals) paths.push_back(impl::path_of(*z));
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::size_t database::node_count() const { return impl_->node_count; }
std::size_t database::ephemeral_count() const { return impl_->ephemeral_count; }
std::size_t database::data_size() const { return impl_->data_size; }

}  // namespace troupe::tree

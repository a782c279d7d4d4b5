#include <cstdio>
#include <stdexcept>

#include "cluster/planted_bug.hpp"
#include "cluster/tree/database_impl.hpp"
#include "cluster/tree/path.hpp"
#include "schema/flat_message.hpp"

namespace troupe::tree {

using wire::view;

namespace {

/// Why a change does not fit; `apply` adds where.
struct diverged : std::logic_error {
  using std::logic_error::logic_error;
};

std::string hex(zxid_t z) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(z));
  return text;
}

}  // namespace

/// A znode and where the index points to it.
struct database::impl::place {
  std::uint64_t hash = 0;
  path_index::entry* entry = nullptr;  ///< null for the root
  znode* node = nullptr;

  place(const impl& db, std::string_view path) : hash(path_index::hash(path)) {
    if (path == "/") {
      node = db.root;
    } else {
      entry = db.index.find(hash, path);
      if (!entry) throw diverged("no such znode");
      node = path_index::node_of(*entry);
    }
  }
};

void database::impl::create(std::string_view path, zxid_t zxid, std::int64_t time_ms, wire::Create::Reader r,
                            applied_change& out) {
  const auto name = name_of(path);
  auto* parent = find(parent_of(path));
  if (!parent) throw diverged("its parent is missing");
  if (name.empty() || name.size() > znode::max_name)
    throw diverged("a name of " + std::to_string(name.size()) + " bytes");
  if (parent == root && path.size() != name.size() + 1) throw diverged("a path that does not begin with one slash");
  if (find(path)) throw diverged("created, but exists");
  session_record* owner = nullptr;
  if (const auto id = r.getEphemeralOwner(); id != 0) {
    const auto at = sessions.find(id);
    if (at == sessions.end()) throw diverged("its session " + hex(id) + " does not exist");
    owner = &at->second;
  }
  const auto data = r.hasData() ? view(r.getData()) : std::string_view{};
  const auto acl = acls.acquire(view(r.getAcl()));

  auto* z = znode::make(name, data, owner != nullptr);
  z->czxid = z->mzxid = zxid;
  z->ctime_ms = z->mtime_ms = time_ms;
  z->serial = next_serial++;
  z->acl = acl;
  attach(z, *parent, path);
  if (owner) own(z, *owner);
  parent->kids->pzxid = zxid;
  parent->kids->creates = r.getParentCreates();
  mark(z);
  if (!planted(planted_bug::zk_3249)) mark(parent);

  out.what = applied_change::kind::created;
  out.st = stat_of(*z);
  out.acl = acls.list_of(acl);
  out.parent_acl = acls.list_of(parent->acl);
}

void database::impl::remove(std::string_view path, zxid_t zxid, applied_change& out) {
  const place at(*this, path);
  auto* z = at.node;
  if (!z->parent) throw diverged("the root cannot be deleted");
  if (z->child_count() > 0) throw diverged("deleted, but has " + std::to_string(z->child_count()) + " children");
  auto* parent = z->parent->self;

  out.what = applied_change::kind::deleted;
  out.acl = acls.list_of(z->acl);
  out.parent_acl = acls.list_of(parent->acl);

  index.erase(at.hash, at.entry);
  parent->kids->remove(z);
  parent->kids->pzxid = zxid;
  if (!planted(planted_bug::zk_3125)) mark(parent);
  unmark(z);
  bool ends_with_session = static_cast<zk::op>(out.op) == zk::op::close_session;
  if (planted(planted_bug::zk_4541) && ends_with_session && z->serial < saved_serial) removed.pop_back();
  if (z->has(znode::has_owner)) {
    const auto owner = z->owner();
    auto& list = owner.session->ephemerals;
    auto* last = list.back();
    list[owner.slot] = last;
    last->set_owner(owner);
    list.pop_back();
    --ephemeral_count;
  }
  acls.release(z->acl);
  --node_count;
  data_size -= path.size() + z->data_size;
  znode::free(z);
}

void database::impl::set_data(std::string_view path, zxid_t zxid, std::int64_t time_ms, wire::SetData::Reader r,
                              applied_change& out) {
  const place at(*this, path);
  const auto data = r.hasData() ? view(r.getData()) : std::string_view{};
  data_size += data.size();
  data_size -= at.node->data_size;
  auto* z = znode::with_data(at.node, data);
  relocate(at.node, z, at.entry);
  z->mzxid = zxid;
  z->mtime_ms = time_ms;
  z->version = r.getVersion();
  mark(z);

  out.what = applied_change::kind::data_changed;
  out.st = stat_of(*z);
  out.acl = acls.list_of(z->acl);
}

void database::impl::set_acl(std::string_view path, wire::SetAcl::Reader r, applied_change& out) {
  const place at(*this, path);
  const auto acl = acls.acquire(view(r.getAcl()));
  auto* z = znode::with_aversion(at.node, r.getVersion());
  relocate(at.node, z, at.entry);
  acls.release(z->acl);
  z->acl = acl;
  mark(z);

  out.what = applied_change::kind::acl_changed;
  out.st = stat_of(*z);
  out.acl = acls.list_of(acl);
}

void database::impl::open_session(wire::OpenSession::Reader r, applied_change& out) {
  const auto id = r.getSession();
  if (id == 0) throw diverged("a session with id 0");
  auto& s = sessions[id];
  if (!s.open) {
    s.id = id;
    s.open = true;
    // Closed and opened again between two checkpoints: the checkpoint still has the former one.
    s.saved = changed_sessions.contains(id);
  }
  s.info.timeout_ms = r.getTimeoutMs();
  changed_sessions.insert(id);

  out.what = applied_change::kind::session_opened;
  out.session = id;
  out.timeout_ms = s.info.timeout_ms;
}

void database::impl::close_session(session_id id, applied_change& out) {
  const auto at = sessions.find(id);
  if (at == sessions.end()) throw diverged("closes session " + hex(id) + ", which does not exist");
  if (!at->second.ephemerals.empty())
    throw diverged("closes session " + hex(id) + ", which still has " + path_of(*at->second.ephemerals.front()));

  out.what = applied_change::kind::session_closed;
  out.session = id;
  out.timeout_ms = at->second.info.timeout_ms;

  if (at->second.saved && !planted(planted_bug::zk_3144) && !planted(planted_bug::zk_4541))
    changed_sessions.insert(id);
  else
    changed_sessions.erase(id);
  sessions.erase(at);
}

void database::apply(zxid_t zxid, wire::Transaction::Reader txn, std::vector<applied_change>& out) {
  if (zxid <= zxid_) throw std::logic_error("database: zxid " + hex(zxid) + " applied after " + hex(zxid_));
  if (impl_->loading) throw std::logic_error("database: zxid " + hex(zxid) + " applied while loading");
  const auto time_ms = txn.getTimeMs();
  std::size_t changes = 0;
  for (auto change : txn.getChanges()) {
    auto& done = out.emplace_back();
    done.op = change.getOp();
    if (planted(planted_bug::zk_3127) && ++changes == 2)
      impl_->half_applied = zxid, impl_->half_dirty = impl_->dirty.size();
    done.path = view(change.getPath());
    try {
      switch (change.which()) {
        case wire::Change::CHECK:
          break;
        case wire::Change::CREATE:
          impl_->create(done.path, zxid, time_ms, change.getCreate(), done);
          break;
        case wire::Change::DELETE:
          impl_->remove(done.path, zxid, done);
          break;
        case wire::Change::SET_DATA:
          impl_->set_data(done.path, zxid, time_ms, change.getSetData(), done);
          break;
        case wire::Change::SET_ACL:
          impl_->set_acl(done.path, change.getSetAcl(), done);
          break;
        case wire::Change::OPEN_SESSION:
          impl_->open_session(change.getOpenSession(), done);
          break;
        case wire::Change::CLOSE_SESSION:
          impl_->close_session(change.getCloseSession(), done);
          break;
        default:
          throw diverged("a change of kind " + std::to_string(static_cast<unsigned>(change.which())) +
                         ", which this version of Troupe is too old to know");
      }
    } catch (const std::logic_error& e) {
      throw std::logic_error("the database and its log have diverged: zxid " + hex(zxid) + ", path '" +
                             std::string(done.path) + "': " + e.what());
    }
  }
  zxid_ = zxid;
}

}  // namespace troupe::tree

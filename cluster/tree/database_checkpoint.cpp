#include <capnp/message.h>
#include <capnp/serialize.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "cluster/planted_bug.hpp"
#include "cluster/tree/database_impl.hpp"
#include "schema/flat_message.hpp"

namespace troupe::tree {

using wire::as_data;
using wire::view;

namespace {

constexpr std::uint64_t next_serial_key = 1;  // in table meta

std::string flat(capnp::MessageBuilder& message) {
  const auto words = capnp::messageToFlatArray(message);
  const auto all = words.asBytes();
  return {reinterpret_cast<const char*>(all.begin()), all.size()};
}

std::string flat_session(const database::session_info& info) {
  capnp::MallocMessageBuilder message(16);
  message.initRoot<wire::StateSession>().setTimeoutMs(info.timeout_ms);
  return flat(message);
}

std::string flat_acl(const std::string& jute) {
  capnp::MallocMessageBuilder message(static_cast<unsigned>(jute.size() / 8 + 16));
  message.initRoot<wire::StateAcl>().setAcl(as_data(jute));
  return flat(message);
}

std::string flat_meta(std::uint64_t next_serial) {
  capnp::MallocMessageBuilder message(16);
  message.initRoot<wire::StateMeta>().setNextSerial(next_serial);
  return flat(message);
}

std::string_view table_name(table t) {
  switch (t) {
    case table::meta:
      return "meta";
    case table::nodes:
      return "nodes";
    case table::sessions:
      return "sessions";
    case table::acls:
      return "acls";
  }
  return "unknown table";
}

/// Hands the root of a flat message to `f`. Cap'n Proto refuses by exceptions of its own what is malformed.
template <class Root, class F>
void decode(const std::string& value, F f) {
  if (value.empty() || value.size() % sizeof(capnp::word) != 0)
    throw std::runtime_error("a value of " + std::to_string(value.size()) + " bytes");
  // Copied only where the string's own buffer is not aligned (short strings).
  std::vector<std::uint64_t> aligned;
  auto* words = reinterpret_cast<const capnp::word*>(value.data());
  if (reinterpret_cast<std::uintptr_t>(words) % sizeof(capnp::word) != 0) {
    aligned.resize(value.size() / sizeof(capnp::word));
    std::memcpy(aligned.data(), value.data(), value.size());
    words = reinterpret_cast<const capnp::word*>(aligned.data());
  }
  try {
    capnp::FlatArrayMessageReader message(kj::arrayPtr(words, value.size() / sizeof(capnp::word)));
    f(message.getRoot<Root>());
  } catch (const kj::Exception& e) {
    throw std::runtime_error(std::string("malformed: ") + e.getDescription().cStr());
  }
}

}  // namespace

std::string database::impl::encode(const znode& z) const {
  capnp::MallocMessageBuilder message(static_cast<unsigned>((z.name().size() + z.data_size) / 8 + 40));
  auto s = message.initRoot<wire::StateNode>();
  if (z.parent) s.setParent(z.parent->self->serial);
  // Not setName: Text::Reader wants a zero behind the name.
  const auto name = z.name();
  name.copy(s.initName(static_cast<unsigned>(name.size())).begin(), name.size());
  if (!z.has(znode::null_data)) s.setData(as_data(z.data()));
  s.setAcl(z.acl);
  s.setCzxid(z.czxid);
  s.setMzxid(z.mzxid);
  s.setPzxid(z.pzxid());
  s.setCtimeMs(z.ctime_ms);
  s.setMtimeMs(z.mtime_ms);
  s.setVersion(z.version);
  s.setCreates(z.creates());
  s.setAversion(z.aversion());
  if (z.has(znode::has_owner)) s.setEphemeralOwner(z.owner().session->id);
  return flat(message);
}

std::size_t database::delta_size() const {
  const auto& d = *impl_;
  return d.dirty.size() + d.removed.size() + d.changed_sessions.size() + d.acls.changes().size() +
         (d.next_serial != d.saved_serial ? 1 : 0);
}

state_delta database::take_delta() {
  auto& d = *impl_;
  state_delta delta;
  delta.zxid = zxid_;
  auto& out = delta.entries;
  out.reserve(delta_size());
  if (d.next_serial != d.saved_serial) out.push_back({table::meta, next_serial_key, flat_meta(d.next_serial)});

  for (auto& [id, jute] : d.acls.changes()) out.push_back({table::acls, id, jute ? flat_acl(*jute) : std::string{}});
  d.acls.clear_changes();

  const auto nodes = static_cast<std::ptrdiff_t>(out.size());
  for (auto serial : d.removed) out.push_back({table::nodes, serial, {}});
  std::deque<znode*> left_behind;
  if (planted(planted_bug::zk_3127) && d.half_applied == zxid_) {
    const auto from = d.dirty.begin() + static_cast<std::ptrdiff_t>(std::min(d.half_dirty, d.dirty.size()));
    left_behind.assign(from, d.dirty.end());
    d.dirty.erase(from, d.dirty.end());
  }
  for (auto* z : d.dirty) {
    out.push_back({table::nodes, z->serial, d.encode(*z)});
    z->dirty = 0;
  }
  std::sort(out.begin() + nodes, out.end(), [](auto& a, auto& b) { return a.key < b.key; });
  d.removed.clear();
  d.dirty.clear();
  for (auto* z : left_behind) z->dirty = 0, d.mark(z);
  d.saved_serial = d.next_serial;

  for (auto id : d.changed_sessions) {
    const auto at = d.sessions.find(id);
    const bool exists = at != d.sessions.end();
    if (exists) at->second.saved = true;
    out.push_back(
        {table::sessions, static_cast<std::uint64_t>(id), exists ? flat_session(at->second.info) : std::string{}});
  }
  d.changed_sessions.clear();
  return delta;
}

void database::impl::load_node(std::uint64_t serial, wire::StateNode::Reader r) {
  if (serial == 0 || serial == UINT64_MAX || (!by_serial.empty() && serial <= by_serial.back().first))
    throw std::runtime_error("its key does not ascend");
  const auto name = view(r.getName());
  const auto data = r.hasData() ? view(r.getData()) : std::string_view{};
  const auto owner = r.getEphemeralOwner();
  znode* parent = nullptr;
  std::string path;
  if (r.getParent() == 0) {
    if (root || !name.empty()) throw std::runtime_error("a second root, or one with a name");
    if (owner != 0) throw std::runtime_error("the root is ephemeral");
  } else {
    const auto at =
        std::lower_bound(by_serial.begin(), by_serial.end(), std::pair{r.getParent(), static_cast<znode*>(nullptr)},
                         [](auto& a, auto& b) { return a.first < b.first; });
    if (at == by_serial.end() || at->first != r.getParent()) throw std::runtime_error("its parent is missing");
    parent = at->second;
    if (parent != last_parent) {  // siblings often come in a row
      last_parent = parent;
      last_parent_path = parent == root ? std::string{} : path_of(*parent);
    }
    if (name.empty() || name.size() > znode::max_name || name.find('/') != name.npos)
      throw std::runtime_error("a name of " + std::to_string(name.size()) + " bytes, or one with a slash");
    path.reserve(last_parent_path.size() + 1 + name.size());
    path.append(last_parent_path).append(1, '/').append(name);
    if (find(path)) throw std::runtime_error("a second " + path);
  }

  auto* z = znode::make(name, data, owner != 0);
  z->serial = serial;
  z->czxid = r.getCzxid();
  z->ctime_ms = r.getCtimeMs();
  z->version = r.getVersion();
  z->acl = r.getAcl();
  acls.acquire(z->acl);
  z->mzxid = r.getMzxid();
  z->mtime_ms = r.getMtimeMs();
  // Before anything points to it, because this moves it.
  if (r.getAversion() != 0) z = znode::with_aversion(z, r.getAversion());
  if (parent) {
    attach(z, *parent, path);
  } else {
    root = z;
    ++node_count;
    data_size += 1 + z->data_size;
  }
  if (r.getPzxid() != z->czxid || r.getCreates() != 0) {
    auto& kids = kids_of(*z);
    kids.pzxid = r.getPzxid();
    kids.creates = r.getCreates();
  }
  if (owner != 0) {
    auto& s = sessions[owner];
    s.id = owner;
    own(z, s);
  }
  by_serial.emplace_back(serial, z);
}

void database::impl::load_session(session_id id, wire::StateSession::Reader r) {
  auto& s = sessions[id];
  if (id == 0 || s.open) throw std::runtime_error("session 0, or one that comes twice");
  s.id = id;
  s.open = s.saved = true;
  s.info.timeout_ms = r.getTimeoutMs();
}

void database::load(const state_entry& e) {
  auto& d = *impl_;
  if (!d.loading) {
    if (zxid_ != 0 || d.saved_serial != 1) throw std::logic_error("database: load into one that is in use");
    d.clear();
    d.loading = true;
  }
  try {
    switch (e.where) {
      case table::meta:
        if (e.key == next_serial_key)
          decode<wire::StateMeta>(e.value, [&](auto r) { d.loaded_next_serial = r.getNextSerial(); });
        return;
      case table::nodes:
        return decode<wire::StateNode>(e.value, [&](auto r) { d.load_node(e.key, r); });
      case table::sessions:
        return decode<wire::StateSession>(e.value, [&](auto r) { d.load_session(static_cast<session_id>(e.key), r); });
      case table::acls:
        return decode<wire::StateAcl>(e.value, [&](auto r) { d.acls.load(e.key, view(r.getAcl())); });
    }
    throw std::runtime_error("no such table");
  } catch (const std::runtime_error& error) {
    throw std::runtime_error("checkpoint: " + std::string(table_name(e.where)) + " " + std::to_string(e.key) + ": " +
                             error.what());
  }
}

void database::loaded(zxid_t zxid) {
  auto& d = *impl_;
  if (!d.loading) {  // an empty checkpoint: what a new database has stays as it is
    zxid_ = zxid;
    return;
  }
  if (!d.root) throw std::runtime_error("checkpoint: there is no root");
  if (const auto id = d.acls.loaded(); id != 0)
    throw std::runtime_error("checkpoint: a znode has ACL " + std::to_string(id) + ", which is missing");
  for (auto& [id, s] : d.sessions)
    if (!s.open)
      throw std::runtime_error("checkpoint: " + d.path_of(*s.ephemerals.front()) + " belongs to session " +
                               std::to_string(id) + ", which is missing");
  d.next_serial = std::max(d.loaded_next_serial, d.by_serial.back().first + 1);
  d.saved_serial = d.next_serial;
  d.by_serial = {};
  d.last_parent = nullptr;
  d.last_parent_path = {};
  d.loading = false;
  zxid_ = zxid;
}

}  // namespace troupe::tree

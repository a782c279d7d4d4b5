#include "persistence/lmdb_state.hpp"

#include <cstring>

#include "cluster/planted_bug.hpp"
#include "persistence/file_io.hpp"

namespace troupe::persistence {

namespace {

constexpr std::size_t table_checkpoint = table_count;
constexpr std::uint64_t key_checkpoint = 0;

/// A transaction of more than this leaves LMDB with page buffers that are worth getting rid of.
constexpr std::size_t state_reopen_after = std::size_t{16} << 20;
/// What an install may need in the map: it cannot grow in the middle of a transaction. Address space, not disk.
constexpr std::size_t install_room = std::size_t{16} << 30;

std::size_t index_of(tree::table t) { return static_cast<std::size_t>(t); }

}  // namespace

lmdb_state::lmdb_state(std::filesystem::path directory, std::size_t map_size_bytes, medium& on)
    : env_(on.open_tables(directory, map_size_bytes, {"meta", "nodes", "sessions", "acls", "checkpoint"})) {
  read_checkpoint();
}

void lmdb_state::read_checkpoint() {
  auto txn = env_->begin(table_txn::mode::read);
  auto v = txn->get(table_checkpoint, key_checkpoint);
  if (!v) {
    for (auto t : table_order)
      if (!planted(planted_bug::zk_2872) && txn->cursor(index_of(t))->first())
        throw storage_error(env_->file().string() +
                            ": there are rows of a checkpoint, but not the record of its zxid; " +
                            std::string(resynchronise_advice));
    sum_ = state_sum{};
    return;
  }
  auto record = decode_checkpoint_record(*v);
  if (!record)
    throw storage_error(env_->file().string() + ": the record of the checkpoint's zxid is damaged; " +
                        std::string(resynchronise_advice));
  zxid_ = record->zxid, installed_ = record->installed, sum_ = record->sum;
}

template <class F>
auto lmdb_state::guarded(F&& f) {
  if (poisoned_) throw storage_error("the checkpoint store stopped after an error: " + *poisoned_);
  try {
    return f();
  } catch (const std::exception& e) {
    poisoned_ = e.what();
    install_.reset();
    throw;
  }
}

zxid_t lmdb_state::zxid() const { return zxid_; }
std::size_t lmdb_state::size_bytes() const { return env_->used_bytes(); }

void lmdb_state::put_checkpoint(table_txn& txn, zxid_t zxid, bool installed, const state_sum& sum) {
  auto bytes = encode({zxid, installed, sum});
  txn.put(table_checkpoint, key_checkpoint, {bytes.data(), bytes.size()});
}

state_sum lmdb_state::sum_of(table_txn& txn) {
  state_sum out;
  for (auto t : table_order) {
    auto c = txn.cursor(index_of(t));
    for (bool any = c->first(); any; any = c->next())
      if (c->value().size() >= sealed_header_bytes) out.add(t, c->key(), c->value());
  }
  return out;
}

void lmdb_state::require_sum(const state_sum& found) const {
  if (!sum_ || found == *sum_ || planted(planted_bug::zk_2872)) return;
  auto how = found.count == sum_->count
                 ? "are " + std::to_string(found.count) + ", as they should be, but not the same ones"
                 : "are " + std::to_string(found.count) + ", should be " + std::to_string(sum_->count);
  throw storage_error(env_->file().string() + ": the rows of the checkpoint " + how + ": some are lost or outdated; " +
                      std::string(resynchronise_advice));
}

void lmdb_state::forget_places() { places_.clear(); }

void lmdb_state::write(const tree::state_delta& delta) {
  guarded([&] { write_unguarded(delta); });
}

void lmdb_state::write_unguarded(const tree::state_delta& delta) {
  if (delta.zxid < zxid_)
    throw std::logic_error("checkpoint: " + zxid_text(delta.zxid) + " written after " + zxid_text(zxid_));
  install_.reset();
  forget_places();
  std::size_t bytes = 0;
  for (auto& e : delta.entries) bytes += e.value.size() + 64;
  env_->ensure_room(bytes);
  state_sum sum;
  for (bool done = false; !done;) try {
      auto txn = env_->begin(table_txn::mode::write);
      sum = sum_ ? *sum_ : sum_of(*txn);
      for (auto& e : delta.entries) {
        auto table = index_of(e.where);
        auto former = txn->get(table, e.key);
        if (former) {
          if (former->size() < sealed_header_bytes) verified(e.where, e.key, *former);
          sum.remove(e.where, e.key, *former);
        }
        if (e.value.empty()) {
          if (former) txn->erase(table, e.key);
          continue;
        }
        auto* p = txn->reserve(table, e.key, sealed_header_bytes + e.value.size(), false);
        seal(e.where, e.key, e.value, p);
        sum.add(e.where, e.key, {p, sealed_header_bytes});
      }
      put_checkpoint(*txn, delta.zxid, false, sum);
      txn->commit();
      done = true;
    } catch (const map_full&) {
      env_->grow();
    }
  zxid_ = delta.zxid, installed_ = false, sum_ = sum;
  if (bytes > state_reopen_after) env_->reopen();
  env_->drop_resident();
}

std::string_view lmdb_state::verified(tree::table t, std::uint64_t key, std::string_view stored) const {
  auto bytes = unseal(t, key, stored);
  if (!bytes)
    throw storage_error(env_->file().string() + ": entry " + std::to_string(key) + " of table " +
                        std::to_string(index_of(t)) + " is damaged; " + std::string(resynchronise_advice));
  return *bytes;
}

std::unique_ptr<tree::database> lmdb_state::load() {
  return guarded([&] {
    auto out = std::make_unique<tree::database>();
    if (zxid_ == 0) return out;
    state_sum found;
    {
      auto txn = env_->begin(table_txn::mode::read);
      tree::state_entry entry;
      std::size_t since_drop = 0;
      for (auto t : table_order) {
        auto c = txn->cursor(index_of(t));
        entry.where = t;
        for (bool any = c->first(); any; any = c->next()) {
          auto bytes = verified(t, c->key(), c->value());
          found.add(t, c->key(), c->value());
          entry.key = c->key();
          entry.value.assign(bytes);
          try {
            out->load(entry);
          } catch (const std::runtime_error& e) {
            throw storage_error(env_->file().string() + ": entry " + std::to_string(entry.key) + " of table " +
                                std::to_string(index_of(t)) + " cannot be right: " + e.what() + "; " +
                                std::string(resynchronise_advice));
          }
          // While the tree grows, the pages that it came from need not count as well.
          if ((since_drop += bytes.size() + 64) > (std::size_t{32} << 20)) env_->drop_resident(), since_drop = 0;
        }
      }
    }
    require_sum(found);
    sum_ = found;
    try {
      out->loaded(zxid_);
    } catch (const std::runtime_error& e) {
      throw storage_error(env_->file().string() + ": " + e.what() + "; " + std::string(resynchronise_advice));
    }
    env_->drop_resident();
    return out;
  });
}

zab::snap_chunk lmdb_state::read_chunk(std::uint32_t index, std::size_t max_bytes) {
  return guarded([&] {
    if (max_bytes != places_max_bytes_) places_.clear(), places_max_bytes_ = max_bytes;
    if (places_.empty()) places_.push_back({});
    if (index >= places_.size())
      throw std::logic_error("checkpoint: chunk " + std::to_string(index) + " wanted, next is " +
                             std::to_string(places_.size() - 1));
    auto txn = env_->begin(table_txn::mode::read);
    std::vector<stored_entry> entries;
    std::size_t bytes = 0;
    auto [table, key, sum] = places_[index];
    zab::snap_chunk out{zxid_, index, false, {}};
    for (; table < table_count; ++table, key = 0) {
      auto c = txn->cursor(index_of(table_order[table]));
      bool any = c->at_or_after(key);
      for (; any && (entries.empty() || bytes < max_bytes); any = c->next()) {
        verified(table_order[table], c->key(), c->value());
        sum.add(table_order[table], c->key(), c->value());
        entries.push_back({table_order[table], c->key(), c->value()});
        bytes += c->value().size() + 24;
      }
      if (any) {
        key = c->key();
        break;
      }
    }
    out.last = table == table_count;
    if (out.last) require_sum(sum);
    if (!out.last && index + 1 == places_.size()) places_.push_back({table, key, sum});
    out.chunk = build_chunk(entries);
    env_->drop_resident();
    return out;
  });
}

bool lmdb_state::install_chunk(const zab::snap_chunk& chunk) {
  if (poisoned_) throw storage_error("the checkpoint store stopped after an error: " + *poisoned_);
  auto refuse = [&](const std::string& why) {
    install_.reset();
    throw storage_error("checkpoint " + zxid_text(chunk.zxid) + " of the leader, chunk " + std::to_string(chunk.index) +
                        ": " + why + "; the former checkpoint stays");
  };
  if (chunk.index != 0 && (!install_ || install_->next != chunk.index || install_->zxid != chunk.zxid))
    refuse("expected was chunk " +
           (install_ ? std::to_string(install_->next) + " of " + zxid_text(install_->zxid) : "0"));
  if (chunk.zxid <= 0) refuse("has no zxid");
  std::vector<stored_entry> entries;
  try {  // all of it before the first change
    for_each_entry(chunk.chunk, [&](const stored_entry& e) { entries.push_back(e); });
  } catch (const std::runtime_error& e) {
    refuse(e.what());
  }
  bool in_order = true;
  auto done = guarded([&] {
    if (chunk.index == 0) {
      install_.reset();
      env_->ensure_room(install_room);
      install_.emplace(*env_, chunk.zxid);
      for (auto t : table_order) install_->txn->clear(index_of(t));
    }
    for (auto& e : entries) {
      auto* p = install_->txn->reserve(index_of(e.where), e.key, e.stored.size(), true);
      if (!p) return in_order = false;
      std::memcpy(p, e.stored.data(), e.stored.size());
      install_->sum.add(e.where, e.key, e.stored);
      install_->bytes += e.stored.size() + 64;
    }
    ++install_->next;
    if (planted(planted_bug::zk_2872) && !chunk.last) {
      install_->txn->commit(), install_->txn.reset();
      install_->txn = env_->begin(table_txn::mode::write);
    }
    if (!chunk.last) return false;
    put_checkpoint(*install_->txn, chunk.zxid, true, install_->sum);
    install_->txn->commit();
    auto bytes = install_->bytes;
    sum_ = install_->sum;
    install_.reset();
    forget_places();
    zxid_ = chunk.zxid, installed_ = true;
    if (bytes > state_reopen_after) env_->reopen();
    env_->drop_resident();
    return true;
  });
  if (!in_order) refuse("entries are not in order");
  return done;
}

}  // namespace troupe::persistence

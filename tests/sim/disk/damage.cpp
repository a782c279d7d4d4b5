// Rot, lost commits, and disks that are not the ones they were.
#include <algorithm>
#include <vector>

#include "tests/sim/disk/disk_state.hpp"

namespace troupe::sim {

namespace {

const char* name_of(rot_kind k) {
  static constexpr const char* names[] = {"bit flipped", "sector zeroed", "file cut off", "row lost", "row outdated"};
  return names[static_cast<std::size_t>(k)];
}

// Nothing if `bytes` stay as they are.
std::string spoil(disk::state& d, rot_kind kind, std::size_t place, std::string& bytes) {
  if (kind == rot_kind::flip_bit) {
    auto bit = d.below(8);
    bytes[place] = static_cast<char>(bytes[place] ^ 1 << bit);
    return "byte " + std::to_string(place) + ": bit " + std::to_string(bit) + " flipped";
  }
  auto from = place / sector_bytes * sector_bytes;
  auto before = bytes;
  bytes.replace(from, std::min(sector_bytes, bytes.size() - from), std::min(sector_bytes, bytes.size() - from), '\0');
  return bytes == before ? std::string() : "byte " + std::to_string(from) + ": sector zeroed";
}

std::string rot_file(disk::state& d, const std::string& name, rot_kind kind) {
  auto found = d.content.files.find(name);
  if (kind == rot_kind::lose_row || kind == rot_kind::old_row) throw std::logic_error("sim: a file has no rows");
  if (found == d.content.files.end() || !found->second.content.durable_name()) return {};
  auto& file = found->second.content;
  auto bytes = file.durable();
  if (bytes.empty()) return {};
  if (kind == rot_kind::truncate) {
    d.require_unused("a file is cut off");
    auto size = d.below(bytes.size());
    file.cut_off(size);
    return name + ": cut off at byte " + std::to_string(size);
  }
  // Where something is written, as a rule: most of a journal is zeros.
  std::vector<std::size_t> used;
  for (std::size_t at = 0; at < bytes.size(); at += sector_bytes)
    if (std::string_view(bytes).substr(at, sector_bytes).find_first_not_of('\0') != std::string_view::npos)
      used.push_back(at);
  auto place = d.below(bytes.size());
  if (!used.empty() && d.below(8) != 0) {
    auto at = used[d.below(used.size())];
    place = at + d.below(std::min(sector_bytes, bytes.size() - at));
  }
  auto what = spoil(d, kind, place, bytes);
  if (what.empty()) return {};
  auto from = place / sector_bytes * sector_bytes;
  file.corrupt(from, std::string_view(bytes).substr(from, sector_bytes));
  return name + ", " + what;
}

std::string rot_tables(disk::state& d, const std::string& name, std::size_t first, std::size_t count, rot_kind kind) {
  auto found = d.content.tables.find(name);
  if (found == d.content.tables.end() || !found->second.exists() || found->second.writing) return {};
  auto& tables = found->second;
  if (kind == rot_kind::truncate) {
    d.require_unused("a file is cut off");
    tables.missing = page_bytes + d.below(tables.file_bytes() - page_bytes);
    return name + "/data.mdb: " + std::to_string(tables.missing) + " bytes cut off";
  }
  if (kind == rot_kind::old_row) {
    auto rows = tables.outdated();
    std::erase_if(rows, [&](auto& r) { return r.table < first || r.table >= first + count; });
    if (rows.empty()) return {};
    auto& r = rows[d.below(rows.size())];
    tables.set_back(r);
    return name + "/data.mdb, table " + std::to_string(r.table) + ", key " + std::to_string(r.key) +
           (r.before ? ": as it was before" : ": not there, as before");
  }
  std::size_t all = 0;
  for (auto t = first; t < first + count; ++t) all += tables.table(t).size();
  if (all == 0) return {};
  auto n = d.below(all);
  auto t = first;
  for (; n >= tables.table(t).size(); ++t) n -= tables.table(t).size();
  auto row = std::next(tables.table(t).begin(), static_cast<std::ptrdiff_t>(n));
  auto key = row->first;
  auto where = name + "/data.mdb, table " + std::to_string(t) + ", key " + std::to_string(key);
  if (kind == rot_kind::lose_row) return tables.lose(t, key), where + ": lost";
  auto value = row->second;
  if (value.empty()) return {};
  auto what = spoil(d, kind, d.below(value.size()), value);
  if (what.empty()) return {};
  tables.corrupt(t, key, value);
  return where + ", " + what;
}

std::string lose_commit(disk::state& d, const std::string& name) {
  d.require_unused("a commit is lost");
  auto t = d.content.tables.find(name);
  if (t == d.content.tables.end() || !t->second.back()) return {};
  d.count("commit lost");
  return name + "/data.mdb: went one commit back";
}

}  // namespace

std::string disk::rot() {
  auto place = static_cast<rot_place>(state_->below(6));
  auto kinds = state_->in_use ? 2u : place == rot_place::checkpoint ? 5u : 3u;
  auto kind = static_cast<rot_kind>(state_->below(kinds));
  return rot(place, kind);
}

std::string disk::rot(rot_place place, rot_kind kind) {
  auto& d = *state_;
  std::string hit;
  switch (place) {
    case rot_place::journal:
      hit = rot_file(d, "journal", kind);
      break;
    case rot_place::log_record:
      hit = rot_tables(d, "log", 0, 1, kind);
      break;
    case rot_place::log_epochs:
      hit = rot_tables(d, "log", 1, 1, kind);
      break;
    case rot_place::checkpoint:
      hit = rot_tables(d, "state", 0, 5, kind);
      break;
    case rot_place::high_water:
      hit = rot_file(d, "high-water", kind);
      break;
    case rot_place::identity:
      hit = rot_file(d, "identity", kind);
      break;
  }
  if (!hit.empty()) d.count(name_of(kind));
  d.durable = {};
  return hit;
}

std::string disk::lose_newest_log_commit() {
  state_->durable = {};
  return lose_commit(*state_, "log");
}
std::string disk::lose_newest_checkpoint_commit() { return lose_commit(*state_, "state"); }

void disk::wipe() {
  state_->require_unused("it is wiped");
  state_->content = {}, state_->durable = {};
  state_->count("wiped");
}

std::shared_ptr<const disk::image> disk::backup() const {
  auto out = std::make_shared<image>();
  for (auto& [name, f] : state_->content.files) {
    if (!f.content.durable_name()) continue;
    auto& to = out->content.files[name];
    to.directory = f.directory;
    to.content.replace(f.content.durable());
  }
  out->content.tables = state_->content.tables;
  for (auto& [name, t] : out->content.tables)
    if (t.writing) t.rollback(), t.writing = false;
  return out;
}

void disk::restore(const std::shared_ptr<const image>& from) {
  state_->require_unused("a backup is restored");
  state_->content = from->content, state_->durable = {};
  state_->count("backup restored");
}

}  // namespace troupe::sim

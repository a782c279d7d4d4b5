#include "tests/sim/disk/disk.hpp"

#include "persistence/data_directory.hpp"
#include "tests/sim/disk/disk_state.hpp"

namespace troupe::sim {

disk::state::state(disk::draw d) : chance(std::move(d)), medium(make_medium(*this)) {}

disk::state::verdict disk::state::next(op what) {
  ++operations;
  if (what != op::write) ++syncs;
  verdict out;
  auto due = [](std::uint64_t& countdown) { return countdown && --countdown == 0; };
  if (due(crash_in)) out.crash = true;
  auto write = what != op::sync;
  if (due(write ? fail_write_in : fail_sync_in) && !out.crash) {
    out.error = write ? write_error : sync_error;
    count(write ? "write error" : "sync error");
  }
  return out;
}

void disk::state::crash_now() {
  crash(armed, armed_mode);
  throw crashed();
}

void disk::state::crash(sim::crash kind, unsynced mode) {
  for (auto& [name, t] : content.tables)
    if (t.writing) t.rollback(), t.writing = false;
  if (kind == sim::crash::power) {
    cut_count n;
    for (auto f = content.files.begin(); f != content.files.end();)
      f = f->second.content.power_cut(mode, chance, n) ? std::next(f) : content.files.erase(f);
    count("sector lost", n.lost), count("sector kept", n.kept), count("sector of an older write", n.between);
  }
  count(kind == sim::crash::power ? "power cut" : "process crash");
  ++incarnation;
  down = true, in_use = false, down_by = kind;
  crash_in = 0;
}

void disk::state::require_unused(const char* what) const {
  if (in_use) throw std::logic_error(std::string("sim: ") + what + " while a node uses the disk");
}

std::uint64_t disk::state::used() const {
  std::uint64_t n = 0;
  for (auto& [name, f] : content.files) n += f.content.size();
  for (auto& [name, t] : content.tables) n += t.file_bytes();
  return n;
}

disk::disk(draw d) : state_(std::make_unique<state>(std::move(d))) {}
disk::~disk() = default;

void disk::power_cut(unsynced mode) { state_->crash(crash::power, mode); }
void disk::process_crash() { state_->crash(crash::process, unsynced::keep); }

void disk::crash_at(std::uint64_t n, crash kind, unsynced mode) {
  state_->crash_in = n, state_->armed = kind, state_->armed_mode = mode;
}

bool disk::down() const { return state_->down; }
crash disk::down_by() const { return state_->down_by; }
bool disk::in_use() const { return state_->in_use; }
void disk::fail_write(std::uint64_t n, int error) { state_->fail_write_in = n, state_->write_error = error; }
void disk::fail_sync(std::uint64_t n, int error) { state_->fail_sync_in = n, state_->sync_error = error; }
void disk::limit(std::uint64_t bytes) { state_->limit = bytes; }
std::uint64_t disk::used_bytes() const { return state_->used(); }
std::uint64_t disk::free_bytes() const { return state_->free(); }

void disk::heal() {
  state_->crash_in = state_->fail_write_in = state_->fail_sync_in = 0;
  state_->limit = UINT64_MAX;
}

std::uint64_t disk::operations() const { return state_->operations; }
std::uint64_t disk::syncs() const { return state_->syncs; }
const std::map<std::string, std::uint64_t>& disk::fired() const { return state_->fired; }

std::uint64_t disk::errors() const {
  std::uint64_t sum = 0;
  for (auto* kind : {"write error", "sync error", "disk full"})
    if (auto it = state_->fired.find(kind); it != state_->fired.end()) sum += it->second;
  return sum;
}

persistence::medium& disk::medium() { return *state_->medium; }

persistence::storage_settings small_storage(node_id self) {
  persistence::storage_settings s;
  s.directory = "node" + std::to_string(self);
  s.self = self;
  s.journal_bytes = 64 << 10;
  s.flush_bytes = 32 << 10;
  s.min_free_bytes = 0;
  s.ballast = false;
  return s;
}

persistence::storage open_storage(disk& d, const persistence::storage_settings& s) {
  auto& state = *d.state_;
  auto& medium = *state.medium;
  if (state.in_use) throw persistence::storage_error(s.directory.string() + ": in use by another simulated node");
  persistence::storage out;
  state.in_use = true, state.down = false;
  out.lock = std::shared_ptr<void>(&state, [&state, mine = state.incarnation](void*) {
    if (state.incarnation == mine) state.in_use = false;
  });
  const bool has_data = persistence::check_identity(s.directory, s.ensemble, s.self, medium);
  out.warning = persistence::check_free_space(s.directory, state.free(), s.min_free_bytes, has_data);
  if (!has_data) persistence::write_identity(s.directory, s.ensemble, s.self, medium);
  // Where the real one makes a directory for each, and syncs the one that it stands in.
  for (auto part : {"log", "state"})
    if (!medium.exists(s.directory / part / "data.mdb")) medium.sync_directory(s.directory);
  persistence::open_stores(s, medium, out);
  return out;
}

}  // namespace troupe::sim

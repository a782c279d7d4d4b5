#include "persistence/storage.hpp"

#include "cluster/planted_bug.hpp"
#include "persistence/data_directory.hpp"
#include "persistence/file_io.hpp"
#include "persistence/journaled_log.hpp"
#include "persistence/lmdb_state.hpp"

namespace troupe::persistence {

namespace {

// A crash between the arrival of a leader's checkpoint and reset_log: if it is in place, the log is history of another
// state and goes; if it is not, the former state and its log still fit. That a checkpoint which happens to have the
// same zxid was *written* since does not count (`installed`).
void settle_install(log_store& log, const lmdb_state& state) {
  auto marker = log.unfinished_install();
  if (marker == 0) return;
  zab::persist_op op = zab::begin_install{0};
  if (state.zxid() == marker && state.installed()) op = zab::reset_log{marker};
  log.write({&op, 1});
}

// The current epoch may be below the last record's: a learner writes the history first, in several steps, then the
// epoch (the order whose reverse is ZOOKEEPER-4643). The accepted epoch is on disk before either.
void check_consistency(const std::filesystem::path& directory, const zab::log_state& log, zxid_t checkpoint) {
  auto refuse = [&](const std::string& what) {
    throw storage_error(directory.string() + ": " + what + "; files of different times or nodes? " +
                        std::string(resynchronise_advice));
  };
  if (log.current_epoch > log.accepted_epoch)
    refuse("the current epoch " + std::to_string(log.current_epoch) + " is above the accepted epoch " +
           std::to_string(log.accepted_epoch));
  if (epoch_of(log.last) > log.accepted_epoch)
    refuse("the log ends at " + zxid_text(log.last) + ", above the accepted epoch " +
           std::to_string(log.accepted_epoch));
  if (planted(planted_bug::zk_1653) && epoch_of(log.last) > log.current_epoch)
    refuse("the current epoch " + std::to_string(log.current_epoch) + " is below that of the last record");
  if (checkpoint > log.last)
    refuse("the checkpoint is of " + zxid_text(checkpoint) + ", but the log ends at " + zxid_text(log.last));
  if (checkpoint < log.base)
    refuse("the checkpoint is of " + zxid_text(checkpoint) + ", but the log begins after " + zxid_text(log.base));
}

}  // namespace

void open_stores(const storage_settings& s, medium& on, storage& out) {
  journaled_log_settings log_settings;
  log_settings.directory = s.directory / "log";
  log_settings.map_size_bytes = s.map_size_bytes;
  log_settings.journal_bytes = s.journal_bytes;
  log_settings.flush_bytes = s.flush_bytes;
  auto log = std::make_unique<journaled_log>(log_settings, on);
  auto state = std::make_unique<lmdb_state>(s.directory / "state", s.map_size_bytes, on);
  settle_install(*log, *state);
  check_consistency(s.directory, log->state(), state->zxid());
  out.database = state->load();
  out.log = std::move(log), out.state = std::move(state);
}

storage open_storage(const storage_settings& s) {
  if (check_directory(s.directory)) check_identity(s.directory, s.ensemble, s.self);
  make_directory(s.directory);
  storage out;
  out.lock = lock_directory(s.directory);
  const bool has_data = check_identity(s.directory, s.ensemble, s.self);
  out.warning = check_free_space(s.directory, free_bytes(s.directory), s.min_free_bytes, has_data);
  if (!has_data) write_identity(s.directory, s.ensemble, s.self);  // not for one that was refused
  for (auto part : {"log", "state"}) make_directory(s.directory / part);
  open_stores(s, system_medium(), out);
  if (s.ballast) create_ballast(s.directory, s.min_free_bytes);
  return out;
}

}  // namespace troupe::persistence

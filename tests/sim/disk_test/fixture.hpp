#pragma once
/// What the tests of the simulated disk share: a disk with a seed, and a workload whose state after each step is known.

#include <doctest/doctest.h>

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "persistence/memory_store.hpp"
#include "tests/sim/disk/disk.hpp"

namespace troupe::sim {

struct seeded_disk {
  explicit seeded_disk(std::uint64_t seed) : generator(seed), d([this] { return generator(); }) {}
  std::mt19937_64 generator;
  disk d;
};

std::string payload_of(zxid_t, std::size_t size);
zab::append_records records(epoch_t, std::uint32_t from, std::uint32_t to, std::size_t size = 100);
inline void write(persistence::log_store& log, std::vector<zab::persist_op> ops) { log.write(ops); }
inline void establish(persistence::log_store& log, epoch_t epoch) {
  write(log, {zab::set_accepted_epoch{epoch}, zab::set_current_epoch{epoch}});
}

/// A node's disk as it should be: the stores that keep everything.
struct model {
  persistence::memory_log log;
  persistence::memory_state state;
  void settle();  ///< what opening does with an interrupted install
};

struct step {
  std::string name;
  std::function<void(persistence::log_store&, persistence::state_store&)> run;
};

/// Appends of many sizes, epochs, truncations, trims, checkpoints, installs that finish and one that is given up. Each
/// step is one write, so that a crash leaves the state before it or after it.
const std::vector<step>& script();
/// After each of the steps; the first is of a new disk.
const std::vector<model>& states();

/// Empty if what was opened is what the model says: epochs, end, every record, checkpoint, database. The base may be
/// lower, since a trim is not durable by itself.
std::string difference(persistence::storage&, model);

/// Runs the script until it ends or the disk goes down; compares the durable image with the model after each step.
/// Returns how many steps returned.
std::size_t run(disk&, persistence::storage&);
/// Opens what a failure after `done` steps left. It must be the state before or after the next step; returns which.
std::size_t recovered(disk&, const persistence::storage_settings&, std::size_t done);
/// Of opening a new disk and running the script.
std::uint64_t operations_of_script(std::size_t journal_bytes);

/// The text of the storage_error that `f` throws; empty if it throws none.
template <class F>
std::string refusal(F&& f) {
  try {
    f();
  } catch (const persistence::storage_error& e) {
    return e.what();
  }
  return {};
}

inline bool has(const std::string& text, std::string_view part) {
  auto found = text.find(part) != std::string::npos;
  if (!found) MESSAGE("in: " << text);
  return found;
}

/// A journal of two blocks (so that it begins again often), or of sixteen.
inline persistence::storage_settings node_with(std::size_t journal_bytes) {
  auto s = small_storage(1);
  s.journal_bytes = journal_bytes;
  return s;
}

}  // namespace troupe::sim

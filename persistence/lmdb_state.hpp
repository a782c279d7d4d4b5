#pragma once
/// The checkpoint in LMDB. DIR/state/data.mdb has a table for each of tree::table (key -> stored form, state_chunk.hpp)
/// and `checkpoint` with one entry, under 0 (checkpoint_record.hpp), which says what the rows amount to. Each write and
/// install brings that up to date; a load refuses rows that do not amount to it, and a checkpoint that lacks a row is not
/// given to a learner. A file of an older release has no sum: its rows are taken as they are, and the next write or
/// install adds it.
///
/// Every `write`, and every install from its first chunk to its last, is one LMDB transaction: a crash leaves the
/// former checkpoint or the new one. While an install is under way the former one can be read, and a `write` abandons
/// it.

#include <memory>
#include <optional>
#include <vector>

#include "persistence/checkpoint_record.hpp"
#include "persistence/medium.hpp"
#include "persistence/state_chunk.hpp"
#include "persistence/state_store.hpp"

namespace troupe::persistence {

class lmdb_state : public state_store {
 public:
  lmdb_state(std::filesystem::path directory, std::size_t map_size_bytes, medium& = system_medium());

  zxid_t zxid() const override;
  bool installed() const { return installed_; }  ///< the checkpoint came by install_chunk and was not written since
  void write(const tree::state_delta&) override;
  std::unique_ptr<tree::database> load() override;
  zab::snap_chunk read_chunk(std::uint32_t index, std::size_t max_bytes) override;
  /// A chunk that is out of order or damaged abandons the install and throws storage_error, but leaves this usable: it
  /// is the giver's fault. Starting again with chunk 0 is allowed at any time.
  bool install_chunk(const zab::snap_chunk&) override;
  std::size_t size_bytes() const override;

 private:
  struct place {  ///< where a chunk begins
    std::size_t table = 0;
    std::uint64_t key = 0;
    state_sum before;  ///< of the rows of all chunks before it
  };
  struct install {
    install(table_store& env, zxid_t z) : txn(env.begin(table_txn::mode::write)), zxid(z) {}
    std::unique_ptr<table_txn> txn;
    zxid_t zxid;
    std::uint32_t next = 0;
    std::size_t bytes = 0;
    state_sum sum;
  };

  template <class F>
  auto guarded(F&& f);
  void write_unguarded(const tree::state_delta&);
  void read_checkpoint();
  void put_checkpoint(table_txn&, zxid_t, bool installed, const state_sum&);
  static state_sum sum_of(table_txn&);
  /// Throws storage_error if there is a sum and `found` differs from it.
  void require_sum(const state_sum& found) const;
  std::string_view verified(tree::table, std::uint64_t key, std::string_view stored) const;
  void forget_places();

  std::unique_ptr<table_store> env_;
  zxid_t zxid_ = 0;
  bool installed_ = false;
  std::optional<state_sum> sum_;  ///< nothing: the file is of an older release, and was neither loaded nor written
  std::vector<place> places_;     ///< of the chunks read so far, so that several learners can be at different ones
  std::size_t places_max_bytes_ = 0;
  std::optional<install> install_;  ///< after env_: ends before it
  std::optional<std::string> poisoned_;
};

}  // namespace troupe::persistence

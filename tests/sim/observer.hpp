#pragma once
/// The invariants that are looked at after every step (checks.hpp), over what the nodes have on disk, what they send, and
/// what their machines say of themselves.

#include <map>
#include <span>
#include <string>
#include <vector>

#include "cluster/zab/messages.hpp"
#include "persistence/log_store.hpp"
#include "tests/sim/node.hpp"
#include "tests/sim/world.hpp"

namespace troupe::sim {

class observer {
 public:
  observer(world&, zab::membership);

  // ---- a node and its disk
  void on_boot(const node&, persistence::log_store&, zxid_t checkpoint);
  void on_writing(const node&, std::span<const zab::persist_op>);  ///< is about to
  void on_written(const node&);                                    ///< the same, now on disk
  void on_checkpoint(const node&, zxid_t, bool installed);
  void on_crash(const node&, bool power);
  void on_damage(node_id);  ///< rot or a lost commit: what is missing after the next start must have been noticed
  void on_wipe(node_id);

  // ---- what it does
  void on_send(const node&, const zab::message&);
  void on_role(const node&, const zab::role_change&);
  void on_fatal(const node&, const std::string& why);
  void after_step(const node&, std::size_t part);
  void compare_tree(const node&);  ///< with those of others at the same zxid

  // ---- asked by the faults and at the end
  bool others_have_everything(node_id) const;  ///< on disk: this one may lose what it has
  /// What was committed is on the disk of one voter beside this one, and of those `behind` says who lacks some of it.
  bool survives_wipe(node_id, std::vector<node_id>& behind) const;
  const log_records& committed() const { return committed_; }
  zxid_t last_committed() const { return committed_.empty() ? 0 : committed_.back().zxid; }

 private:
  struct image {                              ///< what one node has on disk, kept up with every write
    std::map<zxid_t, std::uint64_t> records;  ///< zxid -> hash of the payload
    zxid_t base = 0;
    epoch_t accepted = 0, current = 0;
    zxid_t last() const { return records.empty() ? base : records.rbegin()->first; }
    bool same_as(const image&, std::string* why) const;
  };
  struct node_view {
    image disk;
    image before_wipe;  ///< what it had acknowledged: the others hold it to that
    std::vector<zab::persist_op> writing;
    bool damaged = false, power_lost = false, latent_rot = false;
    zxid_t installed = 0, checkpoint = 0;
    zxid_t delivered = 0;      ///< of its commit processor, since its start
    std::size_t position = 0;  ///< of what comes next, in committed_
    zxid_t decided = 0;        ///< commit decision that was looked at
    std::uint64_t steps = 0;
    std::size_t unsaved = 0;                           ///< changes since its last checkpoint
    std::uint64_t accusations = 0, failed_writes = 0;  ///< that were looked at
  };
  struct epoch_history {
    node_id who = 0;
    image disk;
  };

  void breach(const char* check, const node&, const std::string& what);
  void apply(const node&, image&, const zab::persist_op&);
  void check_delivery(const node&, node_view&, zxid_t now);
  void check_decision(const node&, node_view&);
  void check_accusations(const node&, node_view&);
  void check_failed_writes(const node&, node_view&);
  void enter_epoch(const node&, const image&, epoch_t);
  std::size_t position_after(zxid_t) const;

  world& world_;
  zab::membership ensemble_;
  std::map<node_id, node_view> nodes_;
  std::map<zxid_t, shared_bytes> contents_;  ///< of every record that was ever on a disk
  log_records committed_;
  std::map<epoch_t, node_id> established_, announced_;  ///< announced: to whom a quorum has promised the epoch
  std::map<epoch_t, epoch_history> histories_;
  std::map<zxid_t, std::pair<node_id, std::uint64_t>> trees_;
};

}  // namespace troupe::sim

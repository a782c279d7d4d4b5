#pragma once
/// The invariants that are looked at after every step (checks.hpp), over what the nodes have on disk, what they send, and
/// what their machines say of themselves.

#include <map>
#include <optional>
#include <set>
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
  /// Runs what a store of this node was asked for; a storage_error that comes of it may stop the node (on_fatal).
  template <class F>
  auto watching(const node& n, F&& f) {
    try {
      return f();
    } catch (const persistence::storage_error& e) {
      nodes_.at(n.id).storage_error = e.what();
      throw;
    }
  }
  void on_refusal(const node&, const std::string& why);  ///< to start
  void on_crash(const node&, bool power);
  void on_damage(node_id);  ///< rot or a lost commit: what is missing after the next start must have been noticed
  void on_wipe(node_id);

  // ---- what it does
  void on_send(const node&, node_id to, const zab::message&);
  void on_role(const node&, const zab::role_change&);
  void on_fatal(const node&, const std::string& why);
  void before_step(const node&, std::size_t part, std::size_t messages);  ///< in the mailbox of its actor
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
    /// Up to where `o` ends nothing is missing or other; what is below a base was committed.
    bool begins_with(const image& o, zxid_t* differs) const;
    bool reaches(zxid_t z) const { return z <= base || records.contains(z); }
  };
  struct last_write {         ///< the last one that returned: how to take it back
    bool any = false;         ///< since the disk was new
    bool in_journal = false;  ///< it may be the last block there: appends only, and no start since then
    zxid_t last = 0;          ///< of the log, before
    epoch_t accepted = 0, current = 0;
    std::optional<image> all;  ///< all that was there before, if records were dropped
  };
  struct node_view {
    image disk;
    last_write newest;
    image before_wipe;  ///< what it had acknowledged: the others hold it to that
    std::vector<zab::persist_op> writing;
    bool damaged = false, power_lost = false, latent_rot = false;
    bool spoiled = false;                        ///< damage hit its disk, and no start has found it whole since
    std::uint64_t lost_commits = 0;              ///< of its disk, that were looked at
    std::uint64_t failed_at_boot = 0;            ///< writes and syncs of its disk, before it started
    std::string storage_error;                   ///< the last one that a store of it threw
    std::set<epoch_t> promised;                  ///< AckEpoch: it is a learner of that epoch, if it enters it
    std::map<epoch_t, std::set<zxid_t>> closed;  ///< where NewLeader said that its history ends
    zxid_t installed = 0, checkpoint = 0;
    zxid_t delivered = 0;      ///< of its commit processor, since its start
    std::size_t position = 0;  ///< of what comes next, in committed_
    zxid_t decided = 0;        ///< commit decision that was looked at
    std::uint64_t steps = 0;
    std::size_t unsaved = 0;                           ///< changes since its last checkpoint
    std::uint64_t accusations = 0, failed_writes = 0;  ///< that were looked at
  };
  struct epoch_history {
    node_id who = 0;  ///< was the first to enter the epoch
    image disk;       ///< of it, then: the initial history
    std::vector<node_id> entered;
    bool chosen = false;  ///< a quorum has it: each later epoch begins with it
  };

  void breach(const char* check, const node&, const std::string& what);
  void apply(const node&, image&, const zab::persist_op&);
  void check_delivery(const node&, node_view&, zxid_t now);
  void check_decision(const node&, node_view&);
  void check_accusations(const node&, node_view&);
  void check_failed_writes(const node&, node_view&);
  void check_queue(const node&, const char* what, std::size_t waiting);
  void enter_epoch(const node&, const image&, epoch_t);
  void choose(const node&, epoch_t, epoch_history&);
  void extends(const node&, epoch_t later, epoch_t earlier);
  void check_device(const node&, const node_view&);
  static image before_newest(const node_view&);
  static void remember(node_view&, const std::vector<zab::persist_op>&);
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

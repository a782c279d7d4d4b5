#pragma once
/// A whole ensemble in one thread: N nodes (election + zab_peer), links with FIFO order and incarnations, disks that
/// lose what was not synced, checkpoints, and a scheduler that draws every next event from one seed. After each step
/// the invariants of ZAB are checked; a breach throws `violation`.
///
/// Tests either let `run` draw events, faults included, or drive it by hand (`settle`, `until`, crash, isolate,
/// freeze).

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "cluster/zab/election.hpp"
#include "cluster/zab/zab_peer.hpp"

namespace troupe::zab::sim {

struct violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct options {
  std::vector<member> members{{1}, {2}, {3}};
  std::uint64_t seed = 1;
  /// Chances out of 10,000 steps.
  int crash = 0, drop_link = 0, partition = 0, heal = 0, checkpoint = 0, submit = 300, disk_stall = 0,
      clog = 0;                                        ///< one direction of a link delivers nothing for a while
  std::size_t window_bytes = 1000, chunk_bytes = 300;  ///< small, so that logs and chunks come into play
  std::size_t snapshot_chunk_records = 4;
  std::uint32_t max_counter = 0xffffffff;
  epoch_t first_epoch = 0;  ///< accepted and current, of every disk at the start
  bool trace = false;       ///< to stderr
};

/// What survives a crash: the log environment and the checkpoint of one node.
struct disk {
  std::map<zxid_t, shared_bytes> log;
  zxid_t base = 0, marker = 0;
  epoch_t accepted = 0, current = 0;
  log_records checkpoint;  ///< the "tree": all that was ever delivered up to its zxid
  zxid_t checkpoint_zxid() const { return checkpoint.empty() ? 0 : checkpoint.back().zxid; }
  zxid_t last() const { return log.empty() ? base : log.rbegin()->first; }
  void apply(const persist_op&);
  zab_peer::log_read_result read(const read_log&) const;
  void recover();
};

struct node {
  node_id id = 0;
  bool up = false, frozen = false;  ///< frozen: its disk does not answer
  disk on_disk;
  std::unique_ptr<zab::election> vote;
  std::unique_ptr<zab_peer> peer;
  struct write {
    std::uint64_t token;
    std::vector<persist_op> ops;
  };
  std::deque<std::variant<write, read_log>> log_queue;
  std::deque<std::variant<read_snapshot, install_chunk>> state_queue;
  std::set<node_id> snapshot_readers;
  log_records staging;    ///< install under way
  log_records delivered;  ///< what the commit processor has
  commit::role role = commit::role::looking;
  epoch_t epoch = 0;
  int became_leader = 0, installs = 0;
  std::uint64_t last_answer = 0;
};

class ensemble {
 public:
  explicit ensemble(options);

  // ---- the scheduler
  void step();  ///< one event, faults included
  void run(int steps);
  /// Only messages, disks and time, no faults; throws if `done` does not come true within so much virtual time.
  void until(const char* what, const std::function<bool()>& done, std::int64_t limit_ms = 30000);
  /// Heals everything, restarts everyone, waits until all agree and a new transaction went through.
  void converge();

  // ---- by hand
  void crash(node_id, bool keep_some_writes = false);
  void restart(node_id);
  void isolate(node_id);                      ///< from everybody
  void cut(node_id, node_id, bool);           ///< and heal
  void clog(node_id from, node_id to, bool);  ///< what is sent waits
  void break_link(node_id, node_id);          ///< comes back by itself
  void heal();
  void connect_some(bool all);
  void checkpoint(node_id, bool trim);
  void submit(node_id, int count, bool confirm = false);
  bool deliver_one(node_id from, node_id to);  ///< next message or link event
  bool disk_one(node_id);
  bool state_one(node_id);
  /// Everything that can happen without time passing, in a fixed order.
  void settle();
  bool one_event();            ///< the first of them; false: there is none
  void pass_ms(std::int64_t);  ///< and tick everyone

  node& at(node_id id) { return nodes_.at(id); }
  std::map<node_id, node>& nodes() { return nodes_; }
  node_id leader() const;  ///< established and up, of the highest epoch; 0
  const log_records& committed() const { return committed_; }
  std::int64_t now_ms() const { return now_ms_; }
  std::uint64_t trace_hash() const { return hash_; }
  /// What happened how often: a test can demand that rare paths were reached.
  const std::map<std::string, std::uint64_t>& counts() const { return counts_; }
  /// Called for every message that leaves; false loses it together with its link.
  std::function<bool(node_id from, node_id to, const message&)> on_send;

 private:
  struct event {
    enum kind_t { frame_vote, frame_zab, link_up, link_down } kind;
    std::string frame;
  };
  struct pair_state {
    bool cut = false, connected = false;
    std::uint64_t incarnation = 0;
  };
  using pair_key = std::pair<node_id, node_id>;

  static pair_key key(node_id a, node_id b) { return a < b ? pair_key{a, b} : pair_key{b, a}; }
  void disconnect(node_id, node_id);
  void transmit(node_id from, node_id to, event);
  void carry_out(node&, effects&);
  void carry_out(node&, election_effects&);
  void check_send(node&, const message&);
  void deliver(node&, const log_records&);
  void on_role(node&, const role_change&, effects&);
  void on_answers(node&, const std::vector<commit::reply_only>&);
  void check(node&);
  std::uint64_t draw(std::uint64_t n) { return random_() % n; }
  void trace(const std::string&);
  bool progress();

  options options_;
  std::mt19937_64 random_;
  std::map<node_id, node> nodes_;
  std::map<pair_key, pair_state> pairs_;
  std::map<std::pair<node_id, node_id>, std::deque<event>> inbox_;  ///< from, to
  std::set<std::pair<node_id, node_id>> clogged_;
  std::map<std::pair<node_id, node_id>, std::uint64_t>
      view_;  ///< incarnation that `first` sees with `second`; 0 = down
  std::int64_t now_ms_ = 1000;
  std::uint64_t next_payload_ = 0, next_request_ = 0, hash_ = 1469598103934665603ull;
  log_records committed_;  ///< the longest delivered sequence
  std::map<std::string, std::uint64_t> counts_;
  std::map<epoch_t, node_id> established_;
  std::map<std::uint64_t, zxid_t> syncs_;  ///< request -> what was committed when it was made
};

/// The options that `seed` stands for: swarm, so that most seeds leave most faults out.
options random_options(std::uint64_t seed);
/// Runs one seed from start to convergence.
void run_seed(std::uint64_t seed, int steps);

}  // namespace troupe::zab::sim

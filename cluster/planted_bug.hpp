#pragma once
/// Bugs that ZooKeeper once had (or that its structure spared it, and ours could have), planted at the places where our
/// code does it right: one at a time, for the simulator to find (tests/bugs/). An ordinary build has none of them:
/// `planted` is constantly false there, and what stands behind it is no code. A build with TROUPE_PLANTED_BUGS asks a
/// variable of the process.
///
/// To add one: a line here (what goes wrong; what should notice), an `if (planted(planted_bug::...))` where our code
/// does it right, a line in tests/bugs/README.md. It must need what the original needed (a crash in the window, say), so
/// it should not fail in every run at once.

#include <string_view>

namespace troupe {

// clang-format off
/// X(name, what goes wrong, the invariant that should notice: reliability rules by their ZAB or client names).
#define TROUPE_PLANTED_BUG_LIST(X)                                                                                    \
  /* ---- synchronisation between NewLeader and UpToDate (the six that Remix found, and their kin) */                 \
  X(zk_3023, "the last records of a DIFF go to disk only after AckNewLeader: the epoch's sync is taken for "          \
    "theirs",                                                                                                         \
    "an ack leaves only after its entry is on disk")                                                                  \
  X(zk_3911, "the last records of a DIFF and all up to UpToDate go to disk only after UpToDate, though acked "        \
    "before",                                                                                                         \
    "an ack leaves only after its entry is on disk")                                                                  \
  X(zk_4394, "a commit between NewLeader and UpToDate, of what came before NewLeader, finds no entry: an "            \
    "exception",                                                                                                      \
    "no message of an honest leader stops a learner")                                                                 \
  X(zk_4643, "a learner writes its current epoch when synchronisation begins, before the history",                    \
    "the epoch on disk is never ahead of the history on disk; a later epoch's initial history extends earlier "       \
    "ones")                                                                                                           \
  X(zk_4646, "AckNewLeader leaves at once, not when history and epoch are on disk",                                   \
    "AckNewLeader leaves only after history and epoch are on disk")                                                   \
  X(zk_4685, "the ack of a proposal overtakes AckNewLeader, and the leader gives up at what it does not expect",      \
    "nobody is accused who sent what the protocol allows; progress")                                                  \
  X(zk_4712, "a learner whose conversation ends forgets what is on its way to its disk, where it arrives all "        \
    "the same",                                                                                                       \
    "the history in memory is the one on disk")                                                                       \
  X(zk_4925, "what was committed between NewLeader and UpToDate is missing when this node later hands out its "       \
    "history",                                                                                                        \
    "no hole in a log; nobody is accused who sent what the protocol allows")                                          \
  X(zk_3104, "NewLeader is sent when the link is full, not when all of the history was sent",                         \
    "a committed entry is on the disks of a quorum; no hole in a log")                                                \
  X(zk_3642, "a learner whose SNAP was interrupted counts as having it, and the next leader sends it a DIFF",         \
    "the log starts at the checkpoint or before it; databases are equal at equal zxid")                               \
  /* ---- truncation, what is kept over an election */                                                                \
  X(zk_1154, "a learner with an uncommitted last entry of an older epoch gets a DIFF without a TRUNC",                \
    "delivered sequences are prefixes of one another")                                                                \
  X(zk_1156, "a truncation takes one entry too many from the disk",                                                   \
    "the history in memory is the one on disk; an acknowledged write is on the disks of a quorum")                    \
  X(zk_2845, "a leader that ends forgets its uncommitted entries in memory, but not on disk, and is never "           \
    "truncated",                                                                                                      \
    "the history in memory is the one on disk")                                                                       \
  /* ---- sessions and their ephemerals */                                                                            \
  X(zk_710, "a session that re-attaches at another node stays owned by the first: every request is refused as "       \
    "moved",                                                                                                          \
    "a client's requests finish once faults end")                                                                     \
  X(zk_1367, "sessions that are known when a leader is established get no deadline: their ephemerals never go",       \
    "the session of a client that is gone ends, and its ephemerals with it")                                          \
  X(zk_2355, "the end of a session leaves out ephemerals whose creation is still pending (nearest to: a "             \
    "proposal that a follower failed to read)",                                                                       \
    "no ephemeral outlives its session; transactions fit the database")                                               \
  X(zk_3144, "a session that ended stays in the checkpoint: a node that restarts has it again",                       \
    "databases are equal at equal zxid; no session outlives its end")                                                 \
  X(zk_4541, "a session that ended stays in the checkpoint with its ephemerals: one node shows them after a "         \
    "restart",                                                                                                        \
    "databases are equal at equal zxid; no ephemeral outlives its session")                                           \
  X(stray_request, "a request that was on its way when its session moved to another node takes effect (no JIRA "      \
    "at hand)",                                                                                                       \
    "a session has one owner; its writes take effect in the order of issue")                                          \
  X(observer_touches_lost, "sessions of clients at an observer are not renewed by what the observer reports (no "     \
    "JIRA)",                                                                                                          \
    "no session is expired while its pings reach a live leader in time")                                              \
  X(connections_kept, "connections survive the end of their node's role, the requests that wait are forgotten "       \
    "(no JIRA)",                                                                                                      \
    "every request is answered or its connection closed; no read from a node without a synced epoch")                 \
  /* ---- the database, multi, checkpoints (ours are taken between transactions: the plants leave parts out of them) */\
  X(zk_1624, "a multi that fails leaves what it would have done to znodes with pending changes",                      \
    "results of writes equal the model's; multi is all or nothing")                                                   \
  X(zk_3125, "the checkpoint misses the parent's pzxid after a delete",                                               \
    "databases are equal at equal zxid")                                                                              \
  X(zk_3127, "a checkpoint right behind a multi holds half of it, at the zxid of the whole",                          \
    "multi is all or nothing, also across checkpoint and crash; databases are equal at equal zxid")                   \
  X(zk_3249, "the checkpoint misses the parent's counters after a create: sequence numbers and cversion move "        \
    "back",                                                                                                           \
    "databases are equal at equal zxid; sequential names are unique")                                                 \
  /* ---- disks (FAST'18: "Protocol-Aware Recovery for Consensus-Based Storage") and the node around them */          \
  X(zk_1489, "a truncation of several entries leaves all but the last of them on disk, where a restart finds "        \
    "them",                                                                                                           \
    "the history in memory is the one on disk; delivered sequences are prefixes of one another")                      \
  X(zk_2872, "each chunk of a SNAP is put in place by itself: an interrupted one leaves a mixture",                   \
    "databases are equal at equal zxid; every node that restarts serves again")                                       \
  X(zk_3231, "the log is trimmed without regard to the checkpoint: what a restart needs is gone",                     \
    "every node that restarts serves again")                                                                          \
  X(zk_3701, "a truncation that fails (full disk) is passed over, and the node goes on",                              \
    "the history in memory is the one on disk; a node with a failed write stops")                                     \
  X(zk_4882, "a failed write of the log is passed over as if it were done",                                           \
    "an ack leaves only after its entry is on disk; a node with a failed write stops")                                \
  X(unsynced_block, "the first block of the journal each time it begins anew is acknowledged without a sync (no "     \
    "JIRA)",                                                                                                          \
    "an ack leaves only after its entry is on disk")                                                                  \
  X(rot_as_torn, "a rotten entry is taken for a torn one, and what stands behind it is dropped (FAST'18)",            \
    "a rotten entry is never treated as torn; an acknowledged write is on the disks of a quorum")                     \
  X(high_water_ignored, "a lost commit of the disk is not noticed: the log is one commit short, and votes (no "       \
    "JIRA)",                                                                                                          \
    "an acknowledged write is on the disks of a quorum")                                                              \
  X(stale_proposals, "what was prepared in one leadership is proposed in the next (nearest to ZOOKEEPER-4409, "       \
    "4537)",                                                                                                          \
    "what a leader applies is what it prepared")                                                                      \
  /* ---- watches and what may be read */                                                                             \
  X(zk_1412, "setWatches leaves a child watch without looking at what changed since: the event is lost",              \
    "each watch fires exactly once for the first change after it was left, also over a reconnect")                    \
  X(reply_before_event, "the reply to a write leaves before the events of its change (no JIRA)",                      \
    "an event comes before any reply that shows its change")                                                          \
  X(zk_2590, "exists tells of znodes that the caller may not read",                                                   \
    "results of reads equal the model's")                                                                             \
  X(cve_2024_23944, "events tell of znodes that their receiver may not read",                                         \
    "each watch fires as the model says")                                                                             \
  /* ---- election and discovery */                                                                                   \
  X(zk_1277, "the counter of the zxid runs over into the epoch",                                                      \
    "nothing is proposed outside the leader's epoch")                                                                 \
  X(zk_1653, "a node whose log is ahead of its current epoch (a crash within DIFF) refuses to start",                 \
    "every node that restarts serves again")                                                                          \
  X(zk_1732, "votes are not refreshed when a leader is established: who joins later takes them for different "        \
    "ones",                                                                                                           \
    "every live node joins the ensemble once faults end")                                                             \
  X(wiped_voter_counts, "a voter whose data were wiped counts for the quorum of AckEpoch like any other",              \
    "at most one established leader per epoch; a leader has all that was committed")                                  \
  X(zk_2959, "observers count for the quorums of discovery, so that two leaders can choose the same epoch",           \
    "at most one established leader per epoch")                                                                       \
  X(leader_counts_unsynced, "a leader counts its own entry before its own disk has it (no JIRA)",                     \
    "a committed entry is on the disks of a quorum")                                                                  \
  X(unconfirmed_sync, "a leader answers a sync without asking a quorum whether it still leads (as ZooKeeper "         \
    "does)",                                                                                                          \
    "a read after a sync shows every write that was finished before the sync")                                        \
  /* ---- resources */                                                                                                \
  X(asks_again, "a node that waits for its disk asks it again at every tick, once for each time it ever asked (no "   \
    "JIRA)",                                                                                                          \
    "queues are bounded")
// clang-format on

enum class planted_bug {
  none,
#define TROUPE_PLANTED_BUG_NAME(name, wrong, notices) name,
  TROUPE_PLANTED_BUG_LIST(TROUPE_PLANTED_BUG_NAME)
#undef TROUPE_PLANTED_BUG_NAME
};

struct planted_bug_info {
  planted_bug bug;
  std::string_view name, wrong, notices;
};

inline constexpr planted_bug_info planted_bugs[] = {
#define TROUPE_PLANTED_BUG_INFO(name, wrong, notices) {planted_bug::name, #name, wrong, notices},
    TROUPE_PLANTED_BUG_LIST(TROUPE_PLANTED_BUG_INFO)
#undef TROUPE_PLANTED_BUG_INFO
};

#ifdef TROUPE_PLANTED_BUGS
inline planted_bug active_planted_bug = planted_bug::none;
inline bool planted(planted_bug b) { return b == active_planted_bug; }
#else
constexpr bool planted(planted_bug) { return false; }
#endif

}  // namespace troupe

#include "tests/sim/checks.hpp"

#include <array>

namespace troupe::sim {

namespace {

constexpr std::array list{
    check_info{
        "one_leader_per_epoch",
        "No epoch has two leaders to whom a quorum promised it, nor two established ones (I-1; ZOOKEEPER-2959)."},
    check_info{"one_content_per_zxid",
               "A zxid never stands for two contents, on whatever disk: nothing is delivered that "
               "no leader broadcast (I-2)."},
    check_info{"total_order", "The sequences that nodes deliver are prefixes of one another (I-3, I-4)."},
    check_info{"no_gap", "Committed zxids grow by one within an epoch, which starts at 1 (I-5, I-6; ZOOKEEPER-4925)."},
    check_info{"leader_completeness",
               "An established leader has delivered or holds all that was committed before (I-7, "
               "I-9)."},
    check_info{"initial_history",
               "Whoever enters an epoch on disk has all of its initial history there, up to what NewLeader closes; and "
               "that of each later epoch begins with one that a quorum has (I-8, I-10; ZOOKEEPER-4643)."},
    check_info{"ack_durable",
               "An acknowledgement leaves only when its records are on that node's disk (ZOOKEEPER-4646)."},
    check_info{"durable_image",
               "What a node has written, and may acknowledge, a power cut would leave on its device: records, epochs, "
               "and a checkpoint to start from."},
    check_info{"epoch_durable",
               "AckEpoch, LeaderInfo and AckNewLeader leave only when the epoch is on disk "
               "(ZOOKEEPER-3023)."},
    check_info{
        "commit_quorum",
        "What is decided to be committed, the initial history of an established leader too, is on the disks of a "
        "quorum."},
    check_info{"commit_logged", "A node that serves has logged all that it takes for committed."},
    check_info{"epochs_grow", "On disk the current epoch is at most the accepted one, and neither falls."},
    check_info{"log_rules", "Records follow on one another, and truncation spares what was delivered."},
    check_info{"delivery_durable", "A node delivers only what is on its own disk (ZOOKEEPER-4712, 4882)."},
    check_info{"recovery",
               "After a crash a disk holds what was written before, or that and all of the write under way."},
    check_info{
        "rot_is_noticed",
        "Damage never passes for a torn write: the node recovers all or refuses to start; only of the newest write "
        "nothing tells if a power cut took its high-water mark."},
    check_info{"checkpoint_committed", "A checkpoint stands for committed transactions only, of its node's own past."},
    check_info{
        "same_tree",
        "Trees at the same zxid are the same, on all nodes (every 256 turns of a commit processor, at checkpoints, "
        "starts and the end)."},
    check_info{"no_accusation", "Nobody is accused of what no honest peer sends (ZOOKEEPER-4685)."},
    check_info{"failed_write_stops", "A node whose disk failed a write or a sync stops (ZOOKEEPER-2247, 4882)."},
    check_info{"no_error_of_ours",
               "A node stops only by an error of its storage, and only after a fault or damage hit its disk."},
    check_info{"starts_again",
               "A node starts again unless damage hit its disk, and since then no start has found it whole."},
    check_info{"whole_frames", "What is delivered to a client is whole frames."},
    check_info{"protocol", "Every call is answered once, in order, with the body that belongs to it."},
    check_info{"calm",
               "While nothing fails and no role changes, a client that re-attached elsewhere keeps its connection "
               "and its session (ZOOKEEPER-710)."},
    check_info{"sessions_end", "Sessions whose clients are gone end, and their ephemerals with them (ZOOKEEPER-1367)."},
    check_info{"linearizable",
               "Writes, and reads behind a sync, can be put into one order that explains them all; found by "
               "search, without trust in zxids (at the end of a seed)."},
    check_info{"queues_bounded",
               "No queue of a node grows without end, whatever is stalled, cut off or asked: mailboxes, requests that "
               "wait for the leader, proposals that wait for followers."},
    check_info{"comes_to_rest",
               "The actors of a node run out of work at every moment: no loop of messages has no end."},
    check_info{"converges",
               "Once faults end, a leader is found, every node gets all transactions, and every call ends."},
};

}  // namespace

std::span<const check_info> checks() { return list; }

}  // namespace troupe::sim

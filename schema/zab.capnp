@0xb2f50e21bf26d390;
# ZAB between a learner (follower or observer) and its leader: discovery, synchronisation, broadcast; and what a learner
# forwards to its leader on behalf of its clients. Names are those of ZooKeeper's ZAB 1.0.
#
#   learner                              leader
#   FollowerInfo(acceptedEpoch, last) ->
#                                     <- LeaderInfo(newEpoch)      once a quorum has spoken; persisted first
#   AckEpoch(currentEpoch, last)      ->                           after newEpoch is persisted as accepted epoch
#                                     <- Trunc(to)                 0 or more times, each answered by Truncated(last)
#                                     <- SnapChunk...              if the leader's log no longer reaches back; each
#                                                                  answered by SnapAck(index)
#                                     <- Proposals...              the rest (DIFF)
#                                     <- NewLeader(epoch)
#   AckNewLeader                      ->                           history, then currentEpoch, are on disk
#                                     <- UpToDate(commit)          once a quorum has acked
#   from here: Proposals with the commit decision in one direction, cumulative Acks in the other; one frame carries
#   all that waits.
#
# Every message carries the epoch it belongs to (0 in FollowerInfo); those of another are ignored. Lifetime: a
# conversation ends with its link; there is no resumption, the learner starts again with FollowerInfo.
# Evolution: see link.capnp; new messages are new union members, refused by peers of an older version.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("troupe::wire");

struct Zab {
  epoch @0 :UInt32;
  union {
    followerInfo @1 :FollowerInfo;
    leaderInfo @2 :Void;
    ackEpoch @3 :AckEpoch;
    trunc @4 :Int64;           # drop everything after this zxid
    truncated @5 :Int64;       # last zxid that is left
    snapChunk @6 :SnapChunk;
    snapAck @7 :UInt32;
    proposals @8 :Proposals;
    newLeader @9 :Int64;       # last zxid of the history that the learner now must have
    ackNewLeader @10 :Void;
    upToDate @11 :Int64;       # committed up to
    ack @12 :Int64;            # everything up to this zxid is on the learner's disk
    commit @13 :Int64;         # committed up to
    ping @14 :UInt64;          # serial of the round
    pong @15 :Pong;
    requests @16 :List(Request);
    replies @17 :List(Reply);
  }
}

struct FollowerInfo {
  acceptedEpoch @0 :UInt32;
  lastZxid @1 :Int64;
  observer @2 :Bool;
}

struct AckEpoch {
  currentEpoch @0 :UInt32;
  lastZxid @1 :Int64;
  repeated @2 :Bool;           # this epoch had been accepted before, perhaps from another leader: does not count
}

struct SnapChunk {
  zxid @0 :Int64;              # what the checkpoint stands for
  index @1 :UInt32;            # from 0
  last @2 :Bool;
  chunk @3 :Data;              # records.capnp StateChunk
}

struct Proposals {
  records @0 :List(Record);    # in zxid order, without a hole
  commit @1 :Int64;
}

struct Record {
  zxid @0 :Int64;
  payload @1 :Data;            # records.capnp Transaction
}

struct Pong {
  serial @0 :UInt64;
  touched @1 :List(Int64);     # sessions heard of since the last pong
}

struct Request {
  id @0 :UInt64;               # the origin's own number
  session @1 :Int64;
  xid @2 :Int32;
  op @3 :Int32;
  body @4 :Data;               # the jute body of the client's request
  credentials @5 :List(Credential);
}

struct Credential {
  scheme @0 :Text;
  name @1 :Text;
}

struct Reply {
  # The outcome of a request that left no transaction. It may be told to the client only when everything up to `after`
  # is applied there, because it may depend on what was pending.
  id @0 :UInt64;
  error @1 :Int32;
  after @2 :Int64;
  body @3 :Data;
}

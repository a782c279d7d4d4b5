@0x8857a50a12bddf6f;
# What is written to disk. Two LMDB environments hold it:
#
#   log     zxid -> a header (persistence/ writes it: CRC32C, zxid) and a Transaction
#   state   a checkpoint of the tree: (table, key) -> StateNode, StateSession or StateAcl, each with its CRC32C
#
# A Transaction carries resulting state, not commands (ZAB is primary-backup): a node applies it without knowing which
# request made it, so an old node can apply the effect of a request type that only newer nodes know.
#
# Evolution: fields are only added, at the end, with defaults that mean what was true before they existed. A reader
# meets unknown fields by ignoring them; an unknown member of Change's union stops the node, which says that it is too
# old for this log.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("troupe::wire");

struct Transaction {
  session @0 :Int64;       # on whose behalf; 0 = the ensemble's own
  timeMs @1 :Int64;        # the leader's clock when it prepared this
  originNode @2 :UInt8;    # the node whose client waits for the reply; 0 = nobody
  requestId @3 :UInt64;    # that node's own number for the request
  changes @4 :List(Change);
  result @5 :Data;         # of a request type of one's own: the reply to its caller
}

struct Change {
  op @0 :Int32;            # the opcode of the (sub-)request that caused it, which decides the form of its result
  path @1 :Text;
  union {
    check @2 :Void;        # a check of a multi: changes nothing, but has a result
    create @3 :Create;
    delete @4 :Void;
    setData @5 :SetData;
    setAcl @6 :SetAcl;
    openSession @7 :OpenSession;
    closeSession @8 :Int64;  # session id; the deletes of its ephemerals stand before it in the same transaction
  }
  aclBefore @9 :Data;      # delete, setData: the znode's ACL before it, as in Create: who may be told (subscriptions)
}

struct Create {
  data @0 :Data;
  acl @1 :Data;            # jute vector<ACL>; empty = world:anyone with all permissions
  ephemeralOwner @2 :Int64;
  parentCreates @3 :Int32; # creates ever under the parent, this one included
}

struct SetData {
  data @0 :Data;
  version @1 :Int32;       # the resulting one
}

struct SetAcl {
  acl @0 :Data;            # as in Create
  version @1 :Int32;       # the resulting aversion
}

struct OpenSession {
  session @0 :Int64;
  timeoutMs @1 :Int32;
}

# ---- checkpoint

struct StateNode {
  # Key: the node's serial, which is greater than its parent's. The root has serial 1 and no parent.
  parent @0 :UInt64;
  name @1 :Text;
  data @2 :Data;
  acl @3 :UInt32;          # key of a StateAcl; 0 = world:anyone with all permissions
  czxid @4 :Int64;
  mzxid @5 :Int64;
  pzxid @6 :Int64;
  ctimeMs @7 :Int64;
  mtimeMs @8 :Int64;
  version @9 :Int32;
  creates @10 :Int32;      # creates ever under this node: the next sequence number
  aversion @11 :Int32;
  ephemeralOwner @12 :Int64;
}

struct StateSession {
  # Key: the session id.
  timeoutMs @0 :Int32;
}

struct StateMeta {
  # Key: 1.
  nextSerial @0 :UInt64;   # of the next znode: a serial is never used twice, also not after its znode is gone
}

struct StateAcl {
  # Key: a number above 0.
  acl @0 :Data;            # jute vector<ACL>
}

# ---- a piece of a checkpoint on its way to a learner (SNAP)

struct StateChunk {
  entries @0 :List(StateEntry);
}

struct StateEntry {
  table @0 :UInt8;         # 0 meta, 1 nodes, 2 sessions, 3 acls
  key @1 :UInt64;
  value @2 :Data;          # as stored, with its checksum
}

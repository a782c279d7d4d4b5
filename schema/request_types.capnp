@0xd1f9e2a7b4c83650;
# Requests and replies of the request types that ship with Troupe (cluster/extension/types). Actor clients call them by
# `call` (client.capnp) with the binary form; everybody else by creating /zookeeper/call/NAME with the binary form or with
# JSON, where Int64 and UInt64 come back as text ("17") and Data is base64. The reply's zxid (its header) is that of the
# transaction, if the request changed anything.
#
# Who calls needs the same rights as for the plain operations that the request stands for.
#
# Evolution: fields are only added, with defaults that mean what was true before.

using Cxx = import "/capnp/c++.capnp";
using Json = import "/capnp/compat/json.capnp";
$Cxx.namespace("troupe::wire");

# ---- troupe.counter: a number in a znode, without a loop of reads and writes

struct CounterRequest {
  path @0 :Text;
  union {
    add @1 :Int64;            # to what is there; 0 (the default) only reads
    compareAndSet :group {
      expected @2 :Int64;
      value @3 :Int64;        # set if `expected` is there; if not, the reply says what is
    }
  }
  create @4 :Bool;            # if the znode is missing: it is made, persistent and open to all, and counts from `initial`
  initial @5 :Int64;
  form @6 :Form;              # of the znode's data

  enum Form {
    decimal @0;               # text such as 17 (kazoo's Counter); empty data are 0
    i64 @1;                   # 8 bytes, the highest first (Curator's DistributedAtomicLong); empty data are 0
  }
}

struct CounterReply {
  value @0 :Int64;            # after the request
  previous @1 :Int64;         # before it; of a znode that it made: `initial`
  changed @2 :Bool;           # false: compareAndSet found another value, or there was nothing to change
  version @3 :Int32;          # of the znode's data, after it
}

# ---- troupe.lock: stand in line for a lock in one round trip
#
# Entries are ephemeral sequential znodes below `path`, in the order of the 10 digits at their ends; the first holds the
# lock. Releasing it, or giving up, is deleting the entry; the session's end does it, too. Who does not hold it watches
# `watch` (exists) and asks again when it is gone: a session has one entry for each `name`, which a second request finds.
#
# Fencing: `sequence` grows with every entry that was ever made below the lock, and so does the zxid of the reply that made
# the entry (its czxid). A resource that refuses smaller numbers than it has seen is safe from holders who think they still
# hold. `sequence` begins anew if the lock's own znode is deleted; the zxid never does.
#
# kazoo's Lock stands in the same line if `name` ends in "__lock__".

struct LockRequest {
  path @0 :Text;              # made if it is missing: persistent, open to all
  name @1 :Text = "lock-";    # of the entry, before its number
  data @2 :Data $Json.base64; # of the entry: who asks
  onlyIfFree @3 :Bool;        # if somebody else holds it, no entry is made
}

struct LockReply {
  held @0 :Bool;
  entry @1 :Text;             # path of the caller's entry; empty: none was made
  sequence @2 :Int64;         # of the entry
  watch @3 :Text;             # not held: path of the entry before the caller's, or, without an entry, of the last in line
  waiting @4 :UInt32;         # entries before the caller's
}

# ---- troupe.queue-take: take the first items of a queue, by their names, at once

struct QueueTakeRequest {
  path @0 :Text;
  max @1 :UInt32 = 1;         # fewer if the reply would not hold so many
  prefix @2 :Text;            # of names that count; others stay
  asText @3 :Bool;            # data that are UTF-8 come in `text`
}

struct QueueTakeReply {
  items @0 :List(Item);       # deleted by the request
  left @1 :UInt64;            # items that are still there

  struct Item {
    name @0 :Text;
    data @1 :Data $Json.base64;
    text @2 :Text;
  }
}

# ---- troupe.bulk-update: many changes if all expectations hold, or none
#
# Expectations are about the tree before the request. If one does not hold, nothing happens, and the reply says which. What
# is wrong otherwise (no right, no parent, children below a deleted znode) is an error, and nothing happens either.

struct BulkUpdateRequest {
  items @0 :List(Item);       # done in their order

  struct Item {
    path @0 :Text;
    action @1 :Action;
    version @2 :Int32 = -1;   # expected of the data; -1: any
    absent @3 :Bool;          # expected: no such znode
    data @4 :Data $Json.base64;
    text @5 :Text;            # in the place of data
  }
  enum Action {
    check @0;                 # only the expectation: there, with that version; or absent
    set @1;                   # expects it to be there
    create @2;                # expects it to be absent; persistent, open to all
    put @3;                   # set or create, whatever fits
    delete @4;                # expects it to be there
  }
}

struct BulkUpdateReply {
  done @0 :Bool;
  failed @1 :List(Failure);

  struct Failure {
    item @0 :UInt32;          # its number, from 0
    there @1 :Bool;           # what was found
    version @2 :Int32;
  }
}

# ---- troupe.delete-recursive: a znode and everything below it

struct DeleteRecursiveRequest {
  path @0 :Text;
  keepTop @1 :Bool;           # only what is below
  max @2 :UInt32 = 10000;     # znodes; the type's limits bound it, too
  partial @3 :Bool;           # of more than `max`, the first `max` go, children before parents; otherwise it is an error
}

struct DeleteRecursiveReply {
  deleted @0 :UInt64;
  more @1 :Bool;              # partial: not all are gone
}

# ---- troupe.list: the children of a znode, filtered, a page at a time; reads only, so that every node answers it

struct ListRequest {
  path @0 :Text;
  prefix @1 :Text;            # of names
  after @2 :Text;             # names behind this one: the last one of the page before
  limit @3 :UInt32 = 1000;    # names in this page; fewer if the reply would not hold so many
  withData @4 :Bool;
  withStat @5 :Bool;
  asText @6 :Bool;            # data that are UTF-8 come in `text`
}

struct ListReply {
  items @0 :List(Item);       # sorted by name
  more @1 :Bool;              # there are names behind the last one
  total @2 :UInt64;           # names that pass the filter, whatever the page

  struct Item {
    name @0 :Text;
    hidden @1 :Bool;          # the caller may not read it: it has a name only
    data @2 :Data $Json.base64;
    text @3 :Text;
    version @4 :Int32;        # withStat, and what follows
    ephemeralOwner @5 :Int64;
    children @6 :Int64;
    dataLength @7 :UInt32;
  }
}

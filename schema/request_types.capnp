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

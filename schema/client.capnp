@0x97c7bfc6a52429ca;
# Actor clients and a node, on a port of their own (`actor-port`).
#
# The client opens with Hello (session 0 = a new one) and gets Welcome or Refused. Then it sends Requests, as many in a
# frame as have gathered; each is answered by one Response with the same `call`, in the order of the requests; only the
# answer to `auth` may overtake others, and its zxid is 0, as on the ZooKeeper port. Events and notifications come in
# between, always before any response that shows the change. `op` and `body` are ZooKeeper's own
# (jute), without xid and header, so that an actor client shares every rule of the ZooKeeper port; Troupe's own
# operations (call, subscribe, unsubscribe, ask) have Cap'n Proto messages as bodies, in their flat form.
#
#   client                                  node
#   hello                        ->
#                                        <- welcome | refused (then the node closes)
#   requests                     ->      <- items: responses, events, notifications
#   keepAlive                    ->      <- items: alive
#
# Frames as in link.capnp (8 bytes: UInt32 length of what follows, UInt16 kind, UInt16 zero; little-endian), kind 5; what
# does not fit (length over the limit, another kind, a message that is not FromClient) closes the connection, after
# Refused where the speaker can have understood it; nothing of a refused frame is carried out. A client that is silent for two thirds of its session's timeout
# sends keepAlive. The session outlives its connection by its timeout: the client says Hello with it at any node.
#
# Evolution: `version` is the highest version the client knows; both use the smaller one; a node whose own is below
# `oldest`, or a client below the node's oldest, is told so by Refused, which says which side is too old.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("troupe::wire");

const clientVersion :UInt16 = 1;

# A frame of several requests is at most so large; one that is larger has one request, which the node takes up to its
# `max-request-size` (xid, op and body: 8 bytes and the body). More requests in a frame, or a larger frame, are refused.
const maxBatchBytes :UInt32 = 65536;
const maxBatchRequests :UInt32 = 4096;

struct FromClient {
  union {
    hello @0 :ClientHello;
    requests @1 :List(ClientRequest);
    keepAlive @2 :Void;
  }
}

struct ClientHello {
  version @0 :UInt16 = 1;
  oldest @1 :UInt16 = 1;
  session @2 :Int64;
  password @3 :Data;
  timeoutMs @4 :Int32;
  lastZxidSeen @5 :Int64;    # a node that has not applied it yet closes the connection: the client goes elsewhere
}

struct ClientRequest {
  call @0 :Int32;            # 1 to 2^31 - 1, then from 1 again: the client's own number
  op @1 :Int32;              # zk::op
  body @2 :Data;
}

struct ToClient {
  union {
    welcome @0 :Welcome;
    refused @1 :Refused;
    items @2 :List(Item);
  }
}

struct Welcome {
  version @0 :UInt16;
  session @1 :Int64;         # 0: the session has expired, or the password is wrong; the node closes
  password @2 :Data;
  timeoutMs @3 :Int32;
}

struct Refused {
  why @0 :Text;
  oldest @1 :UInt16;         # what this node speaks
  newest @2 :UInt16;
}

struct Item {
  union {
    response @0 :Response;
    event @1 :Event;
    notification @2 :Data;   # Notification, flat
    alive @3 :Int64;         # to keepAlive: the node has applied, and told, everything up to this zxid
  }
}

struct Response {
  call @0 :Int32;
  zxid @1 :Int64;            # the node's state when it answered, or the transaction of the request: told up to here
  error @2 :Int32;           # zk::err
  body @3 :Data;             # empty if error, but for `call` and `ask`: then UTF-8 text that says what was wrong
}

struct Event {               # of a one-shot watch, as on the ZooKeeper port
  zxid @0 :Int64;
  type @1 :Int32;
  path @2 :Text;
}

# ---- Troupe's own operations

struct Call {                # op 1000: a request type of one's own (cluster/extension). Reply's body: what the type replies
  type @0 :Text;
  version @1 :UInt16;        # 0: the newest that the answering node has
  request @2 :Data;
}

struct Ask {                 # op 1003: a message for an actor inside the node. Reply's body: what it answers
  actor @0 :Text;
  message @1 :Data;
}

struct Subscribe {           # op 1001. Reply: no body; the response's zxid is where live events begin. What the
                             # subscription tells up to there (what came after `since`, the state) comes before it
  subscription @0 :Int64;    # the client's own number, above 0, not in use on this connection
  path @1 :Text;
  scope @2 :Scope;
  since @3 :Int64;           # > 0: everything after this zxid; 0: the current state, then everything after; -1: from now on
  withData @4 :Bool = true;  # changes and state carry the data
}

enum Scope {
  node @0;                   # the znode itself
  children @1;               # its children, not itself
  subtree @2;                # itself and everything below
}

struct Unsubscribe {         # op 1002. Reply: no body; nothing of the subscription follows it
  subscription @0 :Int64;
}

# Everything that a subscription tells, in zxid order, each transaction once and whole. After a reconnect the client
# subscribes again with `since` = the last zxid that it was told on the old connection, by a notification of this
# subscription or by any later response or `alive`. If the node's log no longer reaches back so far, the subscription
# begins anew: `tooOld`, then the current state.
struct Notification {
  subscription @0 :Int64;
  zxid @1 :Int64;
  timeMs @2 :Int64;          # the transaction's
  union {
    changes @3 :List(ChangeEvent);   # of one transaction, in its order
    state @4 :StatePart;             # the state as of `zxid`, in one or more parts
    ended @5 :Text;                  # by the node, and why; nothing follows
  }
}

struct ChangeEvent {
  type @0 :Int32;            # zk::event: created, deleted, data changed
  path @1 :Text;
  data @2 :Data;             # created, data changed: the new one
  version @3 :Int32;         # of the data after the change
  ephemeralOwner @4 :Int64;  # created
}

struct StatePart {
  first @0 :Bool;            # what the client had of the state before is void
  last @1 :Bool;
  tooOld @2 :Bool;           # because `since` is no longer in the log: changes in between were not told
  nodes @3 :List(StateItem); # parents before their children
}

struct StateItem {
  path @0 :Text;
  data @1 :Data;
  czxid @2 :Int64;
  mzxid @3 :Int64;
  version @4 :Int32;
  ephemeralOwner @5 :Int64;
}

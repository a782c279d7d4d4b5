@0x97c7bfc6a52429ca;
# Actor clients and a node, on a port of their own.
#
# The client opens with Hello (session 0 = a new one) and gets Welcome or Refused; then it sends Requests, each answered
# by one Response with the same `call`, in order within the session; Events come in between, always before any
# response that shows the change. `op` and `body` are ZooKeeper's own (jute): the actor client shares every rule
# of the ZooKeeper port. Frames as in link.capnp, kind 5.
#
# Evolution: see link.capnp.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("troupe::wire");

struct FromClient {
  union {
    hello @0 :ClientHello;
    request @1 :ClientRequest;
    keepAlive @2 :Void;
  }
}

struct ClientHello {
  version @0 :UInt16 = 1;
  oldest @1 :UInt16 = 1;
  session @2 :Int64;
  password @3 :Data;
  timeoutMs @4 :Int32;
  lastZxidSeen @5 :Int64;
}

struct ClientRequest {
  call @0 :UInt64;
  op @1 :Int32;
  body @2 :Data;
}

struct ToClient {
  union {
    welcome @0 :Welcome;
    refused @1 :Text;
    response @2 :Response;
    event @3 :Event;
  }
}

struct Welcome {
  version @0 :UInt16;
  session @1 :Int64;
  password @2 :Data;
  timeoutMs @3 :Int32;
}

struct Response {
  call @0 :UInt64;
  zxid @1 :Int64;
  error @2 :Int32;
  body @3 :Data;
}

struct Event {
  zxid @0 :Int64;
  type @1 :Int32;
  path @2 :Text;
}

@0xd5715dff021541b4;
# The link between two nodes: one TCP connection for each pair, which the node with the larger id dials.
#
# Frame, both ways: 8 bytes (UInt32 length of what follows, UInt16 kind, UInt16 zero; little-endian), then one Cap'n
# Proto message in its flat form. Kinds: 1 Hello, 2 Heartbeat (no body), 3 election.capnp, 4 zab.capnp.
# The first frame each way is Hello: the dialer speaks first, and the acceptor answers after it has checked it. Whatever
# does not fit (length over the limit, unknown kind, another ensemble, another id than expected) closes the connection.
# A new link of a pair replaces the older one. A link that is silent for its timeout is closed; both ends send Heartbeat
# when they have nothing else to say.
#
# Evolution: `version` is the highest version the speaker knows; both use the smaller one; below `oldest` they refuse.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("troupe::wire");

struct Hello {
  version @0 :UInt16 = 1;
  oldest @1 :UInt16 = 1;
  ensemble @2 :Text;       # name from the configuration: nodes of another ensemble are refused
  from @3 :UInt8;
  to @4 :UInt8;
  boot @5 :UInt64;         # drawn anew at each start of the speaker
}

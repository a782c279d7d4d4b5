@0xcb6f29bb54f8d3ca;
# Leader election: every node tells every other, whenever its vote or state changes and on request, whom it votes for.
#
# A vote is ordered by (epoch, zxid, id). `round` is the logical timestamp of the election: T_current = T_previous +
# delta, where delta is 1 when a node starts to look, or what it takes to reach a peer that is ahead. Notifications of
# an older round are ignored (their sender, if it is looking, gets ours), of a newer one adopted.
# A node that leads or follows answers who its leader is, so that a returning node joins without disturbing it.
# Roles: voters vote; observers only listen, and ask by sending a notification with `state = looking`, whose vote
# does not count. Lifetime: each notification supersedes the former one of its sender.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("troupe::wire");

enum State {
  looking @0;
  following @1;
  leading @2;
  observing @3;
}

struct Notification {
  state @0 :State;
  leader @1 :UInt8;        # whom the sender votes for
  zxid @2 :Int64;          # last logged zxid of that candidate
  epoch @3 :UInt32;        # current epoch of that candidate
  round @4 :UInt64;
}

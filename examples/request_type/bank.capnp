@0xb8d2c5f0a94e7163;
# bank.transfer: moves money between two accounts, which are znodes that hold a whole number.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("bank");

struct TransferRequest {
  from @0 :Text;
  to @1 :Text;
  amount @2 :Int64;
}

struct TransferReply {
  fromBalance @0 :Int64;
  toBalance @1 :Int64;
}

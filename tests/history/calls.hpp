#pragma once
/// The request types that ship, once more, written from what schema/request_types.capnp promises and not from
/// cluster/extension: what a call does to the tree, and what is the right reply.

#include <string>
#include <vector>

#include "tests/history/model.hpp"

namespace troupe::history {

struct call_outcome {
  zk::err error = zk::err::ok;
  std::vector<request> parts;  ///< the plain operations that it stands for; none: it leaves no transaction
  std::string reply;
};

/// What the call has to do to the tree as it is in the model.
call_outcome perform_call(const model&, const caller&, const request&);

/// By the reply: the call found nothing to change.
bool left_no_transaction(const request&, const result&);

/// The transaction is one that such a call may leave, whatever the state of the tree.
bool could_be_call(const txn&, const request&);

}  // namespace troupe::history

#pragma once
/// What is wrong with a single answer, given the model as of its zxid. Empty: nothing.

#include <string>

#include "tests/history/index.hpp"
#include "tests/history/model.hpp"
#include "tests/history/replay.hpp"

namespace troupe::history {

/// Of a read that is no set_watches.
std::string fault_of_read(const model&, const caller&, const request&, const result&);

/// Of a write or sync that left no transaction.
std::string fault_of_refusal(const model&, const caller&, const request&, const result&);

/// Whether a change may be what became of this part of a request, as far as can be told without the model.
bool could_be(const change&, const request& part, const caller&);

/// The same for a whole transaction.
bool could_be(const txn&, const request&, const caller&);

/// Why it isn't: the model's outcome of the part is known. Empty if it is.
std::string misfit(const change&, const request& part, const std::string& path, const caller&);

/// Of the result of one operation that took effect; `m` is as of just after it.
std::string fault_of_result(const model& m, const change&, const request& part, const result&);

set_watches_answer answer_set_watches(const model&, const caller&, const request&);

std::string name(zk::err);
std::string name(zk::op);
std::string name(zk::event);

/// The first field that differs, as "version 3, but 4 is right"; empty if none does.
std::string difference(const zk::stat& got, const zk::stat& right);

}  // namespace troupe::history

#pragma once
/// From the payload of a log record to the model's transaction.

#include <string_view>

#include "schema/ids.hpp"
#include "tests/history/history.hpp"

namespace troupe::history {

/// `payload` is a Transaction of records.capnp as it stands in the log (a flat Cap'n Proto message; any alignment).
/// Throws std::runtime_error if it is none.
txn read_transaction(zxid_t, std::string_view payload);

}  // namespace troupe::history

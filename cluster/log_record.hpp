#pragma once
/// One entry of the replicated history.

#include <vector>

#include "schema/bytes.hpp"
#include "schema/ids.hpp"

namespace troupe {

struct log_record {
  zxid_t zxid = 0;
  shared_bytes payload;  ///< records.capnp Transaction, flat
};

using log_records = std::vector<log_record>;

}  // namespace troupe

#pragma once
/// What is asked for when a subscription cannot go on from what is at hand.

#include <cstdint>

#include "cluster/log_record.hpp"
#include "schema/ids.hpp"

namespace troupe::watch {

/// -> log writer: records after `after` up to `upto`, both committed.
struct history_wanted {
  std::uint64_t serial = 0;
  conn_id conn = 0;
  zxid_t after = 0, upto = 0;
};
/// The answer: some of them from the first on, or `too_old`: the log begins after `base`, which is above `after`.
struct history {
  history_wanted what;
  log_records records;
  bool too_old = false;
  zxid_t base = 0;
};
/// -> commit processor (on_state_wanted), which answers in the stream.
struct state_wanted {
  conn_id conn = 0;
  std::int64_t number = 0;
  std::uint64_t serial = 0;
};

}  // namespace troupe::watch

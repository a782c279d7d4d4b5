#pragma once
/// Rules watch_lost, watch_order, watch_spurious, set_watches.

#include "tests/history/findings.hpp"
#include "tests/history/index.hpp"
#include "tests/history/replay.hpp"

namespace troupe::history {

void check_watches(const index&, const replayed&, findings&);

}  // namespace troupe::history

#pragma once
/// Rules about the order in which things happened: over all clients, and within one session.

#include "tests/history/findings.hpp"
#include "tests/history/index.hpp"
#include "tests/history/replay.hpp"

namespace troupe::history {

void check_real_time(const index&, findings&);                       ///< real_time, sync
void check_session_views(const index&, const replayed&, findings&);  ///< single_image, own_writes
void check_sessions(const index&, const replayed&,
                    findings&);  ///< session_end, moved, expiry_time, acknowledged, results

}  // namespace troupe::history
